/**
 * Signals at random moments of each phase of a run: it has to end with 75 soon, with all steps saved, and with nothing
 * left beside its files; the same command again has to finish it, with the evaluations that were broken off.
 */

import { stopSignals } from "../../../src/runtime/stop_signals.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { newestCheckpoint } from "../../../src/run/checkpoint.ts";
import { readMetrics } from "../../../src/run/metrics_file.ts";
import { FEW_IMAGES, listenTo, runProgram, TINY } from "../../support/program.ts";
import { EVALUATED } from "./resumes.ts";
import type { EnduranceRow } from "./row.ts";

const SIGNALS = stopSignals();
/** Phases by what tells of them: a file, or a line on stderr. */
const PHASES = ["loading", "evaluating", "training", "saving"] as const;
/** Seconds that a run may take to stop, beside the step it is in. */
const ALLOWED_SECONDS = 5;
const EPOCHS = 2;
const STEPS = 8 * EPOCHS;
/** A state that takes about as long to write as a step, so that there is a time to hit. */
const OPTIONS = [
  "train",
  ...TINY,
  ...EVALUATED,
  "--hidden_dim=512",
  "--save_every_steps=2",
  `--nb_epochs=${EPOCHS}`,
];

/** Interrupts so many runs. */
export async function signals(times: number): Promise<EnduranceRow[]> {
  const failures: string[] = [];
  const seconds: number[] = [];
  const hit = new Map<string, number>(PHASES.map((phase) => [phase, 0]));
  for (let index = 0; index < times; index++) {
    const phase = PHASES[index % PHASES.length]!;
    const signal = SIGNALS[Math.floor(index / PHASES.length + index) % SIGNALS.length]!;
    const root = await Deno.makeTempDir();
    const found = await interrupt(join(root, "run"), { phase, signal });
    if (found.seconds !== undefined) {
      seconds.push(found.seconds);
      hit.set(phase, hit.get(phase)! + 1);
    }
    failures.push(...found.failures.map((line) => `${signal} while ${phase}: ${line}`));
    await Deno.remove(root, { recursive: true });
  }
  const phases = [...hit].map(([phase, count]) => `${count} while ${phase}`).join(", ");
  return [{
    form: "SIGTERM, SIGINT, SIGHUP or SIGUSR2 in each phase, then the same command again",
    times,
    found: `${phases}; ended with 75 after ${Math.max(...seconds).toFixed(1)} s at most ` +
      `(allowed: a step and ${ALLOWED_SECONDS} s), all steps saved, all evaluations made up`,
    failures,
  }];
}

async function interrupt(
  folder: string,
  { phase, signal }: { phase: typeof PHASES[number]; signal: Deno.Signal },
): Promise<{ seconds?: number; failures: string[] }> {
  const options = [...OPTIONS, `--run_dir=${folder}`];
  const program = listenTo(options, { script: FEW_IMAGES });
  let ended = false;
  const end = program.ended.finally(() => ended = true);
  const until = async (reached: () => boolean): Promise<void> => {
    while (!ended && !reached()) await sleep(2);
  };
  const reached = {
    loading: () => program.stderr() !== "" || isThere(join(folder, "lock")),
    evaluating: () => /evaluating/.test(program.stderr()),
    training: () => stepsOf(folder) >= 3,
    saving: () => filesOf(join(folder, "checkpoints")).some((name) => name.endsWith(".part")),
  };
  await until(reached[phase]);
  await sleep(Math.random() * (phase === "saving" ? 10 : 200));
  if (ended) {
    const { code } = await end;
    return { failures: [`the run ended with ${code} before the signal`] };
  }
  const sentAt = performance.now();
  program.kill(signal);
  const { code, stderr } = await end;
  const seconds = (performance.now() - sentAt) / 1000;
  // It may have been at its end already.
  if (code === 0) return { failures: [] };
  const failures: string[] = [];
  if (code !== 75) failures.push(`ended with ${code}, expected 75: ${stderr}`);
  if (!/Interrupted/.test(stderr)) failures.push(`did not say so: ${stderr}`);
  const steps = stepsOf(folder);
  const saved = newestCheckpoint(join(folder, "checkpoints"), (line) => failures.push(line));
  if ((saved?.metadata.step ?? 0) !== steps) {
    failures.push(`${steps} steps done, ${saved?.metadata.step ?? "none"} saved`);
  }
  failures.push(...leftovers(folder));

  const again = await runProgram(options, { script: FEW_IMAGES });
  if (again.code !== 0) {
    failures.push(`the next invocation ended with ${again.code}: ${again.stderr}`);
  }
  // Only now there are steps to go by, where the signal came before the first one.
  const allowed = ALLOWED_SECONDS + stepSeconds(folder);
  if (seconds > allowed) failures.push(`took ${seconds} s, expected ${allowed} s at most`);
  const rows = readMetrics(join(folder, "metrics.jsonl"));
  const evaluated = rows.filter(({ kind }) => kind === "eval").map(({ step }) => step);
  const expected = Array.from({ length: EPOCHS + 1 }, (_, epoch) => 8 * epoch);
  if (evaluated.join() !== expected.join()) failures.push(`evaluations of steps ${evaluated}`);
  if (stepsOf(folder) !== STEPS) failures.push(`${stepsOf(folder)} steps in the end`);
  return { seconds, failures };
}

/** Files that only a run under way has. */
export function leftovers(folder: string): string[] {
  const names = [folder, join(folder, "checkpoints")].flatMap(filesOf);
  return names.filter((name) => /part|lock|write-check/.test(name)).map((name) => `left ${name}`);
}

function stepsOf(folder: string): number {
  return trainRows(folder).length;
}

/** The longest step. */
function stepSeconds(folder: string): number {
  const slowest = Math.min(...trainRows(folder).map((row) => row.images_per_second));
  return Number.isFinite(slowest) ? 8 / slowest : 0;
}

function trainRows(folder: string) {
  const path = join(folder, "metrics.jsonl");
  return isThere(path) ? readMetrics(path).filter((row) => row.kind === "train") : [];
}

function filesOf(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
