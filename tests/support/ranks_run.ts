/** Runs the program on several ranks, as a user does. */

import { join } from "node:path";
import { projectRoot } from "../../src/setup/record.ts";

/** The least network, views and batch, one thread each. */
export const TINY: readonly string[] = [
  "--resnet_type=resnet20",
  "--hidden_dim=16",
  "--z_dim=8",
  "--batch_size=16",
  "--threads=1",
  "--nb_workers=1",
  "--clsf_every=0",
  "--log_every=1",
  // Of 16 pixels: a step takes a quarter of the time.
  `--aug_schedule=${join(projectRoot, "tests/fixtures/small_views.json")}`,
];

/** Result of a program. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
  seconds: number;
}

/** A program that runs. */
export interface Running {
  child: Deno.ChildProcess;
  ended: Promise<Ended>;
  /** Waits until stderr matches. @throws Error where the program ends before that */
  shown(pattern: RegExp): Promise<void>;
}

/** Starts `train`, or the command that comes first; the environment decides which rank it is, if any. */
export function start(
  args: readonly string[],
  env: Record<string, string> = {},
  { permissions = [], root = projectRoot }: {
    permissions?: readonly string[];
    /** The checkout whose program is started. */
    root?: string;
  } = {},
): Running {
  const command = args[0]?.startsWith("--") ? ["train"] : [];
  return watched(["--allow-all", ...permissions, "src/cli.ts", ...command, ...args], { root, env });
}

/** Runs a program by Deno. */
function watched(
  words: readonly string[],
  { root, env }: { root: string; env: Readonly<Record<string, string>> },
): Running {
  const started = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...words],
    cwd: root,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let stderr = "";
  let hasEnded = false;
  const read = async (): Promise<void> => {
    for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) stderr += piece;
    hasEnded = true;
  };
  const ended = Promise.all([child.status, new Response(child.stdout).text(), read()])
    .then(([{ code }, stdout]) => ({
      ...{ code, stdout, stderr },
      seconds: (performance.now() - started) / 1000,
    }));
  const shown = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(stderr)) {
      if (hasEnded) throw new Error(`stderr never matched ${pattern}:\n${stderr}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  };
  return { child, ended, shown };
}

/** Starts the ranks one by one, as srun does, each on its own. */
export function startRanks(
  ranks: number,
  argsOf: (rank: number) => readonly string[],
  port = freePort(),
): Running[] {
  return Array.from({ length: ranks }, (_, rank) => startRank(rank, { ranks, port }, argsOf(rank)));
}

/** Starts one of several ranks. */
export function startRank(
  rank: number,
  { ranks, port, root, env = {} }: {
    ranks: number;
    port: number;
    root?: string;
    env?: Readonly<Record<string, string>>;
  },
  args: readonly string[],
  permissions: readonly string[] = [],
): Running {
  const variables = { ...env, ...variablesOf(rank, { ranks, port }) };
  return start(args, variables, { permissions, ...root && { root } });
}

/** Starts a script of tests/support as one of several ranks. */
export function startScript(
  path: string,
  args: readonly string[],
  { rank, env = {}, ...group }: {
    rank: number;
    ranks: number;
    port: number;
    env?: Readonly<Record<string, string>>;
  },
): Running {
  const variables = { ...env, ...variablesOf(rank, group) };
  return watched(["--allow-all", path, ...args], { root: projectRoot, env: variables });
}

/** Returns the variables by which a process knows its rank. */
function variablesOf(
  rank: number,
  { ranks, port }: { ranks: number; port: number },
): Record<string, string> {
  return {
    RANK: `${rank}`,
    WORLD_SIZE: `${ranks}`,
    MASTER_ADDR: "127.0.0.1",
    MASTER_PORT: `${port}`,
  };
}

/** A port that nobody listens at. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** The rows of a run's metrics, as far as they are written. */
export function rowsOf(runDir: string): { kind: string; step: number; [field: string]: unknown }[] {
  try {
    const text = Deno.readTextFileSync(join(runDir, "metrics.jsonl"));
    return text.split("\n").filter((line) => line.endsWith("}")).map((line) => JSON.parse(line));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Returns a row without the fields that differ between two equal runs; of warnings, their number. */
export function withoutTimes(row: Record<string, unknown>): Record<string, unknown> {
  const kept = Object.entries(row).filter(([field]) =>
    !/^time$|_per_second$|_seconds$|^joules$/.test(field)
  );
  return Object.fromEntries(
    kept.map(([field, value]) => [field, Array.isArray(value) ? value.length : value]),
  );
}

/** Waits until a run has logged a step. */
export async function trained(runDir: string, steps: number): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (rowsOf(runDir).filter(({ kind }) => kind === "train").length >= steps) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`No ${steps} steps were logged in ${runDir} within 60 s`);
}

/** The path of a run's checkpoint. */
export function checkpointOf(runDir: string, step: number): string {
  return join(runDir, "checkpoints", `step-${String(step).padStart(9, "0")}.safetensors`);
}
