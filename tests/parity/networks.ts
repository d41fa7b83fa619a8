/** Networks against torchvision's: outputs, buffers, file names, and how weights are drawn. */

import { equal } from "node:assert/strict";
import { join } from "node:path";
import { Learner, type LearnerOptions } from "../../src/native/learner.ts";
import { describeCheckpoint } from "../../src/native/checkpoint.ts";
import { setThreads } from "../../src/native/core.ts";
import { askOracle, OracleConversation, type OracleReport, type ParityCheck } from "./oracle.ts";

/** A network to compare. */
export interface NetworkCase {
  resnetType: string;
  stem: LearnerOptions["stem"];
  dtype: LearnerOptions["dtype"];
}

const HEADS = { hiddenDim: 32, zDim: 16 };
const BATCH = 4;
const SIDE = 64;
const SEEDS = 20;
const TORCHVISION = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"];
const DTYPES = ["float64", "float32"] as const;
const STEMS = ["cifar", "imagenet"] as const;

/** The comparisons of networks: what the tests run, and what the bench runs. */
export const NETWORK_CHECKS: { short: ParityCheck[]; long: ParityCheck[] } = {
  short: [
    ...DTYPES.flatMap((dtype) => [
      outputsCheck({ resnetType: "resnet20", stem: "cifar", dtype }),
      outputsCheck({ resnetType: "resnet18", stem: "cifar", dtype }),
      outputsCheck({ resnetType: "resnet50", stem: "imagenet", dtype }),
    ]),
    initialisationCheck({ resnetType: "resnet20", stem: "cifar" }),
  ],
  long: [
    ...everyNetwork().flatMap((network) =>
      DTYPES.map((dtype) => outputsCheck({ ...network, dtype }))
    ),
    ...everyNetwork().map(initialisationCheck),
  ],
};

function everyNetwork(): Omit<NetworkCase, "dtype">[] {
  const torchvision = TORCHVISION.flatMap((resnetType) =>
    STEMS.map((stem) => ({ resnetType, stem }))
  );
  return [{ resnetType: "resnet20", stem: "cifar" }, ...torchvision];
}

function outputsCheck(network: NetworkCase): ParityCheck {
  const { resnetType, stem, dtype } = network;
  return {
    name: `networks equal torchvision's: ${resnetType}, ${stem} stem, ${dtype}`,
    // Outputs of encoder and heads in both modes, and two buffers of each of at least 21 batch normalisations.
    least: 60,
    run: () => compareOutputs(network),
  };
}

/**
 * Loads a checkpoint of PyTorch's whose every gamma, beta, statistic and weight is random; writes a checkpoint and
 * an encoder file of ours; and lets PyTorch load both and recompute what the network makes of given images.
 */
async function compareOutputs({ resnetType, stem, dtype }: NetworkCase): Promise<OracleReport[]> {
  setThreads(1);
  const folder = await Deno.makeTempDir({ prefix: "byol-networks-" });
  const path = (name: string): string => join(folder, `${name}.safetensors`);
  const [theirs, given, checkpoint, encoder] = ["theirs", "given", "checkpoint", "encoder"].map(
    path,
  );
  const [outputs, encoderOutputs] = ["outputs", "encoder-outputs"].map(path);
  try {
    await askOracle("networks.py", [
      "randomise",
      ...[`--resnet_type=${resnetType}`, `--stem=${stem}`, `--dtype=${dtype}`],
      ...[`--hidden_dim=${HEADS.hiddenDim}`, `--z_dim=${HEADS.zDim}`],
      ...[`--batch=${BATCH}`, `--size=${SIDE}`, `--out=${theirs}`, `--outputs=${given}`],
    ]);
    const network = { resnetType, stem, ...HEADS };
    const settings = { bnViews: "joint", larsVariant: "reference", dtype } as const;
    using learner = Learner.create({ ...network, ...settings, seed: 1 });
    learner.load(theirs!);
    learner.save(checkpoint!, network);
    learner.saveEncoder(encoder!, network);
    equal(
      describeCheckpoint(checkpoint!).sha256,
      describeCheckpoint(theirs!).sha256,
      "a checkpoint loaded and saved holds other tensors",
    );
    learner.writeOutputs({ input: given!, path: outputs!, encoderOnly: false });
    using bare = Learner.create({ ...network, ...settings, seed: 2 });
    bare.loadEncoder(encoder!);
    bare.writeOutputs({ input: given!, path: encoderOutputs!, encoderOnly: true });
    const pairs = [checkpoint!, outputs!, encoder!, encoderOutputs!];
    return [await askOracle("networks.py", ["compare", ...pairs])];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function initialisationCheck(network: Omit<NetworkCase, "dtype">): ParityCheck {
  const { resnetType, stem } = network;
  return {
    name:
      `weights are drawn as torchvision draws them: ${resnetType}, ${stem} stem, ${SEEDS} seeds`,
    // Mean, standard deviation and kurtosis of at least 19 layers and the heads' four.
    least: 60,
    run: () => compareInitialisation(network),
  };
}

/** Fresh learners of many seeds, file by file, against as many fresh models of PyTorch's. */
async function compareInitialisation(
  { resnetType, stem }: Omit<NetworkCase, "dtype">,
): Promise<OracleReport[]> {
  setThreads(1);
  const path = await Deno.makeTempFile({ prefix: "byol-seeds-", suffix: ".safetensors" });
  try {
    await using oracle = new OracleConversation("networks.py", ["init-stats"]);
    const network = { resnetType, stem, ...HEADS };
    for (let seed = 0; seed < SEEDS; seed++) {
      using learner = Learner.create({
        ...network,
        bnViews: "joint",
        larsVariant: "reference",
        dtype: "float32",
        seed,
      });
      learner.save(path, network);
      await oracle.ask(path);
    }
    return [await oracle.end()];
  } finally {
    await Deno.remove(path);
  }
}
