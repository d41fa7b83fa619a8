/**
 * kill -9 at random moments, many of them while a checkpoint is being written. After each kill there has to be a whole
 * checkpoint, at most one interval older than the newest one due; at the end the run has to equal an unbroken one.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { newestCheckpoint } from "../../../src/run/checkpoint.ts";
import { readMetrics } from "../../../src/run/metrics_file.ts";
import { FEW_IMAGES, runProgram, startProgram, TINY } from "../../support/program.ts";
import { differences, EVALUATED } from "./resumes.ts";
import type { EnduranceRow } from "./row.ts";

/** Steps between checkpoints. */
const INTERVAL = 5;
/** Heads so wide that writing the state takes about as long as a step. */
const OPTIONS = [
  "train",
  ...TINY,
  ...EVALUATED,
  "--hidden_dim=1024",
  "--z_dim=256",
  "--nb_epochs=10000",
  "--save_every=0",
  "--save_every_minutes=0",
  `--save_every_steps=${INTERVAL}`,
];
/** Milliseconds: the longest wait before a kill at any moment, after the first step, and while saving. */
const WITHIN = { startup: 2500, training: 1500, saving: 60 };

/** State of a run after a kill. */
interface Remains {
  /** Steps in metrics.jsonl. */
  steps: number;
  /** Steps of the newest whole checkpoint. */
  newest: number;
  wasSaving: boolean;
}

/** Kills one run so often. */
export async function kills(times: number): Promise<EnduranceRow[]> {
  const root = await Deno.makeTempDir();
  const folder = join(root, "killed");
  const failures: string[] = [];
  const lost: number[] = [];
  let during = 0;
  let before = 0;
  for (let kill = 1; kill <= times; kill++) {
    await startAndKill(folder);
    const { steps, newest, wasSaving } = remainsOf(folder, (line) => failures.push(line));
    const due = Math.floor(steps / INTERVAL) * INTERVAL;
    if (newest < Math.max(before, due - INTERVAL)) {
      failures.push(
        `kill ${kill}: ${steps} steps done, the newest checkpoint is of step ${newest}, was ${before} before`,
      );
    }
    before = newest;
    lost.push(steps - newest);
    if (wasSaving) during++;
    if (kill % 20 === 0) console.error(`${kill} kills, ${newest} steps`);
  }
  const end = before + 2 * INTERVAL + 1;
  failures.push(...await compareWithUnbroken(root, end));
  await Deno.remove(root, { recursive: true });
  return [{
    form: "kill -9 at a random moment, then the same command again",
    times,
    found: `${during} while a checkpoint was written; a whole one after each; ` +
      `at most ${Math.max(...lost)} steps lost with a checkpoint every ${INTERVAL}; ` +
      `after ${end} steps ${failures.length === 0 ? "equal to" : "compared with"} an unbroken run`,
    failures,
  }];
}

async function startAndKill(folder: string): Promise<void> {
  const child = startProgram(
    [...OPTIONS, `--run_dir=${folder}`, `--nb_workers=${pick(3) + 1}`],
    { script: FEW_IMAGES },
  );
  const checkpoints = join(folder, "checkpoints");
  const metrics = join(folder, "metrics.jsonl");
  const sizeBefore = sizeOf(metrics);
  let ended = false;
  const status = child.status.then((status) => {
    ended = true;
    return status;
  });
  const until = async (reached: () => boolean): Promise<void> => {
    while (!ended && !reached()) await sleep(1);
  };
  const mode = Math.random();
  if (mode < 0.2) {
    await sleep(Math.random() * WITHIN.startup);
  } else {
    // The metrics are cut back first, then grow.
    let smallest = sizeBefore;
    await until(() => {
      const size = sizeOf(metrics);
      smallest = Math.min(smallest, size);
      return size > smallest + 500;
    });
    if (mode < 0.6) {
      await sleep(Math.random() * WITHIN.training);
    } else {
      for (let saves = pick(3); saves > 0; saves--) {
        await until(() => isSaving(checkpoints));
        await until(() => !isSaving(checkpoints));
      }
      await until(() => isSaving(checkpoints));
      await sleep(Math.random() * WITHIN.saving);
    }
  }
  if (!ended) child.kill("SIGKILL");
  const { signal, code } = await status;
  if (signal !== "SIGKILL") throw new Error(`the program ended by itself with ${code}`);
}

function remainsOf(folder: string, fail: (line: string) => void): Remains {
  const rows = readMetrics(join(folder, "metrics.jsonl"));
  const steps = Math.max(0, ...rows.map((row) => row.kind === "train" ? row.step + 1 : 0));
  const checkpoints = join(folder, "checkpoints");
  let newest = 0;
  let wasSaving = false;
  try {
    wasSaving = isSaving(checkpoints);
    newest = newestCheckpoint(checkpoints, fail)?.metadata.step ?? 0;
  } catch (error) {
    // Killed before it had a folder.
    if (!(error instanceof Deno.errors.NotFound)) fail((error as Error).message);
  }
  return { steps, newest, wasSaving };
}

/** Finishes the killed run, runs another one without a break, and says what differs. */
async function compareWithUnbroken(root: string, end: number): Promise<string[]> {
  const folders = { killed: join(root, "killed"), unbroken: join(root, "unbroken") };
  for (const [name, folder] of Object.entries(folders)) {
    const { code, stderr } = await runProgram(
      [...OPTIONS, `--run_dir=${folder}`, `--max_steps=${end}`],
      { script: FEW_IMAGES },
    );
    if (code !== 0) return [`the ${name} run ended with ${code}: ${stderr}`];
  }
  return differences(folders, end);
}

function isSaving(folder: string): boolean {
  try {
    return [...Deno.readDirSync(folder)].some(({ name }) => name.endsWith(".part"));
  } catch {
    return false;
  }
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

/** A whole number below `count`. */
function pick(count: number): number {
  return Math.floor(Math.random() * count);
}
