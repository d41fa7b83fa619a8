/**
 * Values of options that follow from other options or from the machine.
 *
 * @module
 */

import { basename, join, resolve } from "node:path";
import { usageError } from "../base/exit_codes.ts";
import { gpuOf, requireGpus } from "../runtime/gpus.ts";
import { type RankInfo, SINGLE_PROCESS } from "../runtime/rank.ts";
import { dataDirOnJeanZay, imagenetDir } from "../runtime/sites.ts";
import { isCifar } from "../recipes/views.ts";
import { IMAGES_WITH_ROTATION } from "../recipes/rotation.ts";
import { isGiven, type Origins, type RunConfig } from "./config.ts";
import type { Environment } from "./environment.ts";
import { FINE_TUNING, PRESETS } from "./presets.ts";

/**
 * Sets the values that follow from other options or from the machine, in place.
 *
 * @throws UserError (set-up) where the options need a GPU and the machine has none; (data) for data that the cluster
 * does not have; (usage) for a number of ranks that fits neither the batch nor the machine
 */
export function derive(config: RunConfig, origins: Origins, environment: Environment): void {
  if (config.hardware !== "cpu") requireGpusOf(config.hardware, environment);
  if (config.hardware === "multi-gpu") deriveGpuRanks(config, origins, environment);
  deriveProtocol(config, origins);
  if (config.computer === "jeanzay") deriveOffline(config, origins);
  deriveDataDir(config, origins, environment);
  deriveRanks(config, origins, environment.rankInfo);
  // An evaluation divides images among any number of ranks.
  if (config.checkpoint === null) deriveAccumulation(config, origins);
  if (origins.threads === "default") config.threads = environment.cores;
  deriveFromOptions(config, origins, environment);
}

/** Sets the values that follow from other options alone, in place. */
export function deriveFromOptions(
  config: RunConfig,
  origins: Origins,
  environment: Pick<Environment, "recordOfRun"> = {},
): void {
  deriveLearningRate(config, origins);
  deriveFolders(config, origins, environment);
}

/** Scales the learning rate with the batch, for presets whose learning rate is that of 256 images. */
function deriveLearningRate(config: RunConfig, origins: Origins): void {
  if (config.preset === null || !origins.learningRate.startsWith("preset ")) return;
  const { learningRatePer256 } = PRESETS[config.preset];
  if (learningRatePer256 !== undefined) {
    config.learningRate = learningRatePer256 * config.batchSize / 256;
  }
}

/**
 * Sets the defaults of a protocol that trains on augmented images in place of those of the checkpoint or data set; those of
 * fine-tuning are its own, as the others are for a linear probe.
 */
function deriveProtocol(config: RunConfig, origins: Origins): void {
  const { protocol, datasetName } = config;
  if (protocol !== "finetune" && protocol !== "clipped") return;
  const recipe = protocol === "finetune" ? FINE_TUNING[datasetName] : {};
  const own: Partial<RunConfig> = { ...recipe, probeAugment: true, probeSweep: false };
  for (const field of Object.keys(own) as (keyof RunConfig)[]) {
    if (isGiven(origins[field])) continue;
    Object.assign(config, { [field]: own[field] });
    origins[field] = `--protocol=${protocol}`;
  }
}

/** Sets --offline on Jean Zay, whose compute nodes have no network. */
function deriveOffline(config: RunConfig, origins: Origins): void {
  if (isGiven(origins.offline) && !config.offline) {
    throw usageError(
      "Cannot use --offline=false with --computer=jeanzay, which never downloads: expected --offline",
    );
  }
  config.offline = true;
  if (origins.offline === "default") origins.offline = "--computer=jeanzay";
}

/** Sets the folder of the images: the cluster's, or one in data/. */
function deriveDataDir(config: RunConfig, origins: Origins, environment: Environment): void {
  const { datasetName, computer } = config;
  if (origins.dataDir !== "default" || datasetName === "demo") return;
  origins.dataDir = "dataset";
  if (datasetName === "imagenet") config.dataDir = imagenetDir(environment);
  else if (isCifar(datasetName) && computer === "jeanzay") {
    config.dataDir = dataDirOnJeanZay(datasetName, environment);
    origins.dataDir = "--computer=jeanzay";
  } else config.dataDir = `data/${datasetName}`;
}

function requireGpusOf(hardware: "mono-gpu" | "multi-gpu", environment: Environment): void {
  const { gpus, variable } = environment;
  if (gpus !== undefined) requireGpus(gpus(), hardware, variable);
}

/** Sets a rank for each GPU of this machine, unless srun or torchrun has started the ranks. */
function deriveGpuRanks(
  config: RunConfig,
  origins: Origins,
  { gpus: count, rankInfo = SINGLE_PROCESS }: Environment,
): void {
  if (count === undefined) return;
  const gpus = count();
  if (rankInfo.launcher !== "none") {
    gpuOf(rankInfo, gpus);
    return;
  }
  if (origins.ranks === "default") {
    config.ranks = gpus;
    origins.ranks = "--hardware=multi-gpu";
  }
  if (config.ranks > gpus) {
    throw usageError(
      `Cannot use --ranks=${config.ranks} with --hardware=multi-gpu: ${gpus} GPUs are visible here, ` +
        "expected one for each rank",
    );
  }
}

/** Sets the number of ranks to that of srun or torchrun. */
function deriveRanks(config: RunConfig, origins: Origins, rankInfo?: Readonly<RankInfo>): void {
  if (rankInfo === undefined || rankInfo.launcher === "none") return;
  const started = rankInfo.worldSize;
  if (isGiven(origins.ranks) && config.ranks !== started) {
    throw usageError(
      `Cannot use --ranks=${config.ranks} among the ${started} ranks that ${rankInfo.launcher} started: ` +
        "expected that number, or no --ranks",
    );
  }
  config.ranks = started;
}

/** Sets the least number of micro-batches that keeps to --max_batch_per_rank. */
function deriveAccumulation(config: RunConfig, origins: Origins): void {
  const { batchSize, ranks, maxBatchPerRank, rotationWeight } = config;
  if (batchSize % ranks !== 0) {
    throw usageError(
      `Cannot train with --batch_size=${batchSize} on ${ranks} ranks: expected a multiple of ${ranks}`,
    );
  }
  const share = batchSize / ranks;
  const counted = rotationWeight > 0 ? IMAGES_WITH_ROTATION * share : share;
  if (maxBatchPerRank !== null && origins.accumulateSteps === "default") {
    config.accumulateSteps = Math.min(share, Math.ceil(counted / maxBatchPerRank));
    while (share % config.accumulateSteps !== 0) config.accumulateSteps++;
    if (config.accumulateSteps > 1) origins.accumulateSteps = "--max_batch_per_rank";
  }
  const parts = config.accumulateSteps;
  if (share % parts !== 0) {
    throw usageError(
      `Cannot train with --batch_size=${batchSize} on ${ranks} ranks in --accumulate_steps=${parts}: ` +
        `expected a multiple of ${ranks * parts}`,
    );
  }
  if (maxBatchPerRank !== null && counted / parts > maxBatchPerRank) {
    const rotated = counted > share ? ` (${share / parts} with their rotations)` : "";
    throw usageError(
      `Cannot keep to --max_batch_per_rank=${maxBatchPerRank} with --accumulate_steps=${parts}: a rank ` +
        `computes ${counted / parts} images at once${rotated}, expected at most ${maxBatchPerRank}`,
    );
  }
}

/** Sets the name of the experiment by its recipe, and the run folder by the name. */
function deriveFolders(
  config: RunConfig,
  origins: Origins,
  environment: Pick<Environment, "recordOfRun">,
): void {
  if (origins.runDir === "default") {
    deriveFoldersBelow("runs", { config, origins }, environment);
  } else if (origins.expeName === "default") {
    config.expeName = experimentNames(config, origins).name;
  }
  if (origins.traceDir === "default") config.traceDir = `${config.runDir}/traces`;
}

/** Sets the name of the experiment, unless it is given, and the run folder to the folder of that name in `runs`. */
export function deriveFoldersBelow(
  runs: string,
  { config, origins }: { config: RunConfig; origins: Origins },
  { recordOfRun }: Pick<Environment, "recordOfRun">,
): void {
  const at = (name: string): string => runs === "runs" ? `runs/${name}` : join(runs, name);
  if (origins.expeName === "default") {
    const { name, former } = experimentNames(config, origins);
    // An earlier version's run is resumed under the former name, if its data folder has the same name.
    const there = recordOfRun?.(at(former))?.config.dataDir;
    const isOfHere = typeof there === "string" &&
      folderName(there) === folderName(config.dataDir ?? "");
    config.expeName = isOfHere ? former : name;
  }
  config.runDir = at(config.expeName);
}

/**
 * Returns the default name of an experiment: the preset, or data set and network, together with the name of the user's
 * folder of images. `former` is the name without that folder, as in versions up to 0.1.0.
 */
function experimentNames(
  { preset, datasetName, resnetType, dataDir }: RunConfig,
  origins: Origins,
): { name: string; former: string } {
  const former = preset ?? `${datasetName}_${resnetType}`;
  if (datasetName !== "folder" || dataDir === null || !isGiven(origins.dataDir)) {
    return { name: former, former };
  }
  const photos = folderName(dataDir);
  return {
    name: preset === null ? `${datasetName}_${photos}_${resnetType}` : `${preset}_${photos}`,
    former,
  };
}

/** Returns the last name of a path, with "-" for characters that a name of an experiment cannot have. */
function folderName(path: string): string {
  return basename(resolve(path)).replaceAll(/[^\w.+=@-]+/g, "-");
}
