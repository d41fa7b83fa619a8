/** `replay`: runs a step of a run again, and writes its trace, its views and the norms of its layers. */

import { join, relative, resolve } from "node:path";
import { counted } from "../../base/counted.ts";
import { ExitCode, usageError, UserError } from "../../base/exit_codes.ts";
import { asUserError } from "../../base/expected.ts";
import { showLine } from "../../base/output.ts";
import { durationText, NULL_TERMINAL, Progress, stderrTerminal } from "../../base/terminal.ts";
import { addOnlineProbe } from "../../byol/online_probe.ts";
import { planTraining } from "../../byol/plan.ts";
import { openData } from "../../data/open.ts";
import { requireOutsideImages } from "../../data/outside_images.ts";
import { launch } from "../../distributed/launch.ts";
import { Ranks } from "../../distributed/ranks.ts";
import { createLearner } from "../../encoder/learner.ts";
import { initialise } from "../../encoder/weights_file.ts";
import { setThreads } from "../../native/core.ts";
import type { Dataset } from "../../native/dataset.ts";
import type { Learner } from "../../native/learner.ts";
import { readCommand } from "../../options/commands/registry.ts";
import { REPLAY } from "../../options/commands/replay.ts";
import { thisEnvironment } from "../../options/environment.ts";
import { requireSameStart } from "../../run/record.ts";
import { deviceOf, gpuName, openDevice } from "../../runtime/device.ts";
import { fingerprintHere } from "../../runtime/fingerprint.ts";
import { Interrupt } from "../../runtime/interrupt.ts";
import { type RankInfo, SINGLE_PROCESS } from "../../runtime/rank.ts";
import { requireSetup } from "../../setup/record.ts";
import { withMemoryOfRun } from "../memory_advice.ts";
import { compareRows, inexactReasons } from "./exactness.ts";
import { printReplay, type Replay, writeTables } from "./output.ts";
import { drawStep } from "./sheet.ts";
import { readSource, type ReplaySource } from "./source.ts";
import { replaySteps } from "./steps.ts";

/** Replays a step by the command line. @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  const { own } = readCommand(REPLAY, args);
  const { rankInfo = SINGLE_PROCESS } = thisEnvironment();
  const isLauncher = rankInfo.launcher === "none";
  const source = readSource(own, { rankInfo, warn: rankInfo.rank === 0 ? showLine : () => {} });
  const { config, folder, out } = source;
  requireOutsideRun(out, folder.path);
  requireOutsideImages(out, `--out=${out}`, config);
  if (isLauncher && config.ranks > 1) return await launch(config.ranks, ["replay", ...args]);
  if (rankInfo.rank === 0) showLine(expectation(source));
  using interrupt = new Interrupt();
  const device = deviceOf(config, rankInfo);
  openDevice(config, device);
  setThreads(config.threads, device);
  const options = { config, core: requireSetup().hash, interrupted: () => interrupt.requested };
  return await Ranks.run(rankInfo, options, async (ranks) => {
    interrupt.watchCalls();
    const replay = await replayOn(ranks, source, { interrupt, rankInfo }).catch((error) => {
      throw withMemoryOfRun(error, config);
    });
    ranks.rankZeroOnly(() => {
      try {
        writeTables(out, replay);
      } catch (error) {
        throw asUserError(error, ExitCode.save, { task: `write to ${out}` });
      }
      printReplay(replay, own.format);
    });
    return ExitCode.ok;
  });
}

/** Refuses an output in the folder of the run. @throws UserError (usage) */
function requireOutsideRun(out: string, runDir: string): void {
  const way = relative(resolve(runDir), resolve(out));
  if (way.split("/")[0] === "..") return;
  throw usageError(
    `Cannot write to --out=${out}: it is in the folder of the run, expected one outside of ${runDir}`,
  );
}

/** Returns the line on the steps of a replay and its expected time, by the speed of the run's own rows. */
function expectation({ step, firstStep, from, logged, config }: ReplaySource): string {
  const steps = step + 1 - firstStep;
  const rates = logged.map((row) => row.images_per_second).filter((rate) => rate > 0).sort((a, b) =>
    a - b
  );
  const rate = rates[rates.length >> 1];
  const time = rate === undefined
    ? "; no row of metrics.jsonl tells of their time"
    : `, about ${durationText(steps * config.batchSize / rate)} at the run's ${
      rate.toFixed(1)
    } images/s`;
  return `Replays step ${step} by ${counted(steps, "step")} from ${
    from?.path ?? "the start of the run"
  }${time}`;
}

/** Replays the step on this rank. */
async function replayOn(
  ranks: Ranks,
  source: ReplaySource,
  { interrupt, rankInfo }: { interrupt: Interrupt; rankInfo: Readonly<RankInfo> },
): Promise<Replay> {
  const { config, step, firstStep, logged, out } = source;
  const device = deviceOf(config, rankInfo);
  const data = await ranks.rankZeroFirst(() =>
    openData(config, { splits: "train", device, signal: interrupt.signal })
  );
  using dataset = data.train;
  const { stepsPerEpoch } = requireStep(source, dataset);
  ranks.shard(dataset, config.accumulateSteps);
  await ranks.requireSame("images", dataset.describe().digest);
  const gpu = gpuName(config, device);
  const fingerprint = fingerprintHere(config.threads, requireSetup().libtorchVersion, {
    ranks: config.ranks,
    microBatches: config.accumulateSteps,
    ...gpu !== undefined && { gpu },
  });
  const reasons = inexactReasons(source, { fingerprint, core: requireSetup().hash });
  const terminal = ranks.rankZeroOnly(stderrTerminal) ?? NULL_TERMINAL;
  const pass = async (everyStep: boolean) => {
    using learner = createLearner(config, { device });
    const probeRates = addOnlineProbe(learner, config, { ...dataset.describe(), warn: () => {} });
    await loadState(learner, { ranks, source, dataset });
    ranks.join(learner, config);
    const total = step + 1;
    using progress = new Progress(terminal, { label: "replaying", total, done: firstStep });
    const stepDone = (stepsDone: number): void => progress.update(stepsDone);
    const parts = { source, ranks, learner, dataset, stepsPerEpoch, probeRates, interrupt };
    return await replaySteps({ ...parts, stepDone }, { everyStep });
  };
  let found = await pass(false);
  if (found.look.notFinite?.tensor.includes(".before.") && found.step > firstStep) {
    terminal.write(
      `${found.look.notFinite.tensor} was not finite before step ${found.step}: the steps before are looked at one by one\n`,
    );
    const late = found.trace;
    found = await pass(true);
    if (found.trace !== late) ranks.rankZeroOnly(() => Deno.removeSync(late));
  }
  const sheet = join(out, `views-${String(found.step).padStart(6, "0")}.png`);
  ranks.rankZeroOnly(() => drawStep(sheet, { train: dataset, source, step: found.step }));
  return { ...found, source, reasons, sheet, compared: compareRows(logged, found.rows) };
}

/** Checks images and step against the record. @throws UserError (data) for other images; (usage) for a later step */
function requireStep(
  { record, folder, config, step }: ReplaySource,
  dataset: Dataset,
): { stepsPerEpoch: number } {
  const { count, digest } = dataset.describe();
  if (digest !== record.data.digest) {
    throw new UserError(
      `Cannot replay a step of ${folder.path}: its images have the digest ${record.data.digest}, those of ` +
        `${config.dataDir ?? config.datasetName} ${digest}, expected the same (--data_dir)`,
      ExitCode.data,
    );
  }
  const { stepsPerEpoch, endStep } = planTraining(count, config);
  if (step < endStep) return { stepsPerEpoch };
  throw usageError(
    `Cannot replay --step=${step} of ${folder.path}: expected 0 to ${
      endStep - 1
    }, the last step of the run`,
  );
}

/** Loads the state of the first step on rank 0. All ranks must call this function. */
async function loadState(
  learner: Learner,
  { ranks, source, dataset }: { ranks: Ranks; source: ReplaySource; dataset: Dataset },
): Promise<void> {
  const { from, config, folder, record } = source;
  await ranks.broadcast(() => {
    if (from !== undefined) {
      try {
        learner.load(from.path);
      } catch (error) {
        throw asUserError(error, ExitCode.checkpoint);
      }
    } else if (config.initFrom !== null) {
      const train = dataset.describe();
      const found = initialise(learner, config.initFrom, { config, train, warn: () => {} });
      requireSameStart(folder, record, found);
    }
    return null;
  });
}
