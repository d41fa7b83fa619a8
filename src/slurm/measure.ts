/** The speed of one rank on this machine, measured by a short run with the options of a request. */

import { join } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { readGiven } from "../base/command_line.ts";
import { exists } from "../base/files.ts";
import { showLine } from "../base/output.ts";
import { RANK_PERMISSIONS } from "../base/permissions.ts";
import { makeTemporaryFolder } from "../base/temporary.ts";
import type { Answer } from "../base/processes.ts";
import { Progress, stderrTerminal } from "../base/terminal.ts";
import { readUsage, usageOf } from "../run/usage.ts";
import { readMetrics } from "../run/metrics_file.ts";
import { lineOf } from "../options/commands/registry.ts";
import { projectRoot } from "../setup/record.ts";
import type { Request } from "./request.ts";
import { variablesOfOne } from "./variables.ts";

/** Seconds after which the short run is ended. */
const LIMIT_SECONDS = 60;
const POLL_MILLISECONDS = 200;

/** Speed of one rank. */
export interface RankSpeed {
  /** Source images per second: the median of the measured steps. */
  rate: number;
  /** Number of measured steps; fewer than were asked for where the time was up. */
  steps: number;
  /** Power of the rank's GPU in watts, over the short run; undefined where it is not measured. */
  watts?: number;
  /** True where the time sufficed for the first step alone, which includes work that is done only once. */
  isFirst: boolean;
}

/** End of the short run. */
type Ended = Pick<Answer, "code" | "stderr">;

/**
 * Returns the speed by the rates of all steps: the median without the first step, unless there is no other; undefined
 * without any step.
 */
export function speedOf(rates: readonly number[]): RankSpeed | undefined {
  const isFirst = rates.length === 1;
  const warm = (isFirst ? [...rates] : rates.slice(1)).sort((a, b) => a - b);
  const rate = warm[Math.floor(warm.length / 2)];
  return rate === undefined ? undefined : { rate, steps: warm.length, isFirst };
}

/**
 * Measures the speed of one rank.
 *
 * @param steps number of steps to measure
 * @param limitSeconds seconds after which the run is ended, with as many steps as it has done
 * @throws UserError (usage) where the batch cannot be divided among the ranks of the job; (unexpected) where the short
 * run fails, or ends no step in time
 */
export async function measureRank(
  request: Request,
  steps: number,
  limitSeconds: number = LIMIT_SECONDS,
): Promise<RankSpeed> {
  const batch = batchPerRank(request);
  const folder = await makeTemporaryFolder("byol-plan-");
  try {
    showLine(
      `Measuring ${steps} steps of ${batch} images with one rank, ${limitSeconds} s at most`,
    );
    const { answer, rates } = await shortRun(request, {
      folder,
      batch,
      steps: steps + 1,
      limitSeconds,
    });
    const speed = speedOf(rates);
    if (speed === undefined || answer !== undefined && answer.code !== ExitCode.ok) {
      throw failure(answer, limitSeconds);
    }
    const watts = wattsIn(folder);
    return { ...speed, ...watts !== undefined && { watts } };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function batchPerRank({ config, nodes, ranksPerNode }: Request): number {
  const ranks = nodes * ranksPerNode;
  if (config.batchSize % ranks === 0) return config.batchSize / ranks;
  throw new UserError(
    `Cannot divide --batch_size=${config.batchSize} among ${ranks} ranks: expected a multiple of ${ranks}`,
    ExitCode.usage,
  );
}

/** Runs some steps. @returns the rates of the steps, and the end of the run, undefined where the time was up */
async function shortRun(
  request: Request,
  { folder, batch, steps, limitSeconds }: {
    folder: string;
    batch: number;
    steps: number;
    limitSeconds: number;
  },
): Promise<{ answer: Ended | undefined; rates: number[] }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", ...RANK_PERMISSIONS, "src/cli.ts", "train", ...withoutBudget(request.programArgs)],
      ...[`--hardware=${request.gpus ? "mono-gpu" : "cpu"}`, `--batch_size=${batch}`],
      ...[`--max_steps=${steps}`, "--log_every=1", "--clsf_every=0", "--save_every=0"],
      ...[`--run_dir=${folder}`, "--resume=auto"],
    ],
    cwd: projectRoot,
    env: variablesOfOne(),
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const running = child.output();
  using progress = new Progress(stderrTerminal(), { label: "measuring", total: steps });
  const until = performance.now() + 1000 * limitSeconds;
  let ended: Ended | undefined;
  const end = running.then(({ code, stderr }) =>
    ended = { code, stderr: new TextDecoder().decode(stderr) }
  );
  while (ended === undefined && performance.now() < until) {
    await Promise.race([end, pause()]);
    progress.update(Math.min(steps, ratesIn(folder).length));
  }
  const answer = ended;
  // At SIGTERM the run would end its step first, which may take longer than the measurement.
  if (answer === undefined) child.kill("SIGKILL");
  await end;
  return { answer, rates: ratesIn(folder) };
}

/** Returns the options without --time_budget, which a run that --max_steps ends cannot have. */
function withoutBudget(args: readonly string[]): string[] {
  const { words } = readGiven(args, lineOf("train"));
  return words.flatMap(({ field, words }) => field === "timeBudget" ? [] : words);
}

function ratesIn(folder: string): number[] {
  const file = join(folder, "metrics.jsonl");
  if (!exists(file)) return [];
  const rows = readMetrics(file, { damaged: () => {} });
  return rows.flatMap((row) => row.kind === "train" ? [row.images_per_second] : []);
}

/** Returns the mean power of a run's GPUs; undefined where it is not measured. */
function wattsIn(path: string): number | undefined {
  const record = readUsage({ path });
  if (record === undefined) return undefined;
  const { joules, granted_seconds: seconds } = usageOf(record);
  return joules === undefined || seconds === 0 ? undefined : joules / seconds;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
}

function failure(
  answer: Ended | undefined,
  limitSeconds: number,
): UserError {
  const what = answer === undefined
    ? `in ${limitSeconds} s the short run did 0 steps, expected 1 or more`
    : `the short run ended with exit code ${answer.code}, expected 0`;
  const more = answer === undefined ? "" : `\n${answer.stderr.trim()}`;
  return new UserError(
    `Cannot measure the speed: ${what}; --images_per_second=N names the speed${more}`,
    ExitCode.unexpected,
  );
}
