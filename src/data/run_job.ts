import { Progress, stderrTerminal } from "../base/terminal.ts";
import { DataJob, type DataWork } from "../native/data_job.ts";

/** Time after which a job's progress is shown. */
const QUIET_MILLISECONDS = 500;

/** Runs a job to its end; a job longer than QUIET_MILLISECONDS shows its progress on the terminal. */
export async function runJob(
  work: DataWork,
  label: string,
  signal?: AbortSignal,
): Promise<DataJob> {
  const startedAt = performance.now();
  let shown: Progress | undefined;
  try {
    return await DataJob.run(work, {
      signal,
      onProgress: ({ done, total, images }) => {
        if (total === 0 || performance.now() - startedAt <= QUIET_MILLISECONDS) return;
        shown ??= new Progress(stderrTerminal(), { label, total });
        shown.update(done, images > 0 ? `${images} images` : "");
      },
    });
  } finally {
    shown?.close();
  }
}
