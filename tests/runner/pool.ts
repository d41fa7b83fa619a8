/** Jobs side by side: the longest first, and those alone that must be alone. */

/** Something to run. */
export interface Job {
  /** Estimated time of the job, in seconds. */
  seconds: number;
  /** Runs beside no other job, after all that share the machine. */
  alone: boolean;
  /** Is settled when the job may begin; default: at once. */
  after?: Promise<unknown>;
  run: () => Promise<void>;
}

/** Runs all jobs, `width` at a time, until the signal comes; jobs that have begun are waited for. */
export async function runAll(
  jobs: readonly Job[],
  { width, signal }: { width: number; signal: AbortSignal },
): Promise<void> {
  const order = jobs.toSorted((a, b) => b.seconds - a.seconds);
  await runSome(order.filter(({ alone }) => !alone), { width, signal });
  await runSome(jobs.filter(({ alone }) => alone), { width: 1, signal });
}

async function runSome(
  jobs: readonly Job[],
  { width, signal }: { width: number; signal: AbortSignal },
): Promise<void> {
  const waiting = [...jobs];
  const ready = new Set(jobs.filter(({ after }) => after === undefined));
  const arrivals = new Map(jobs.map((job) => [job, arrival(job).then(() => void ready.add(job))]));
  async function work(): Promise<void> {
    while (waiting.length > 0 && !signal.aborted) {
      const index = waiting.findIndex((job) => ready.has(job));
      if (index >= 0) await waiting.splice(index, 1)[0]!.run();
      else await Promise.race(waiting.map((job) => arrivals.get(job)));
    }
  }
  await Promise.all(Array.from({ length: width }, work));
}

/** Is fulfilled when a job may begin, also where that which it waits for has failed. */
async function arrival({ after }: Job): Promise<void> {
  await after?.then(() => {}, () => {});
}
