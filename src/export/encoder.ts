/**
 * Tensors of a checkpoint for other programs: the encoder in torchvision's names, and the whole networks in the names of
 * the Python program that this one re-implements.
 *
 * @module
 */

import { describeOrThrow, metadataOf } from "../run/checkpoint.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { type HostTensor, readTensors } from "../base/safetensors.ts";
import type { RunConfig } from "../options/config.ts";
import { storedOptions } from "../options/stored.ts";
import type { SavedTensor } from "./torch_file.ts";

/** A checkpoint, read for export. */
export interface ExportedRun {
  path: string;
  resnetType: string;
  /** "cifar": a 3×3 first convolution and no pooling; "imagenet": torchvision's own stem. */
  stem: "cifar" | "imagenet";
  /** Length of an embedding. */
  features: number;
  /** Steps and epochs trained. */
  step: number;
  epoch: number;
  /** The options it was trained with, as far as the file tells. */
  config: Partial<RunConfig>;
  /** SHA-256 over its tensors. */
  sha256: string;
  /** The online encoder in torchvision's names, float32. */
  encoder: Map<string, SavedTensor>;
  /** All tensors of a training state by their names; empty where the file is an encoder alone. */
  state: Map<string, SavedTensor>;
}

/**
 * Reads a checkpoint or an encoder's file.
 *
 * @throws UserError (checkpoint) when it is missing, damaged, or no encoder is in it
 */
export function readForExport(path: string): ExportedRun {
  const description = describeOrThrow(path);
  const { step, epoch, config: stored, ...more } = metadataOf(path, description);
  const config = storedOptions(stored);
  const tensors = new Map([...readTensors(path)].map(([name, tensor]) => [name, single(tensor)]));
  const isState = tensors.has("online.encoder.conv1.weight");
  const encoder = isState ? below(tensors, "online.encoder.") : tensors;
  const conv = encoder.get("conv1.weight")?.shape;
  const resnetType = config.resnetType ?? more.resnetType;
  if (conv === undefined || typeof resnetType !== "string") {
    throw new UserError(
      `Cannot export ${path}: it holds no encoder, expected a checkpoint or encoder.safetensors of a run`,
      ExitCode.checkpoint,
    );
  }
  const last = [...encoder].filter(([name]) => name.endsWith("running_mean")).at(-1)?.[1];
  const widths = [...encoder].filter(([name]) => /^layer\d+\.\d+\.bn\d\.running_mean$/.test(name))
    .map(([, { values }]) => values.length);
  return {
    path,
    resnetType,
    stem: conv[2] === 7 ? "imagenet" : "cifar",
    features: Math.max(...widths, last?.values.length ?? 0),
    step,
    epoch,
    config,
    sha256: description.sha256,
    encoder,
    state: isState ? tensors : new Map(),
  };
}

/** The tensors whose names begin so, under the rest of their names. */
export function below(
  tensors: ReadonlyMap<string, SavedTensor>,
  prefix: string,
): Map<string, SavedTensor> {
  const found = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(found.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

/** Other programs take float32. */
function single({ shape, values }: HostTensor): SavedTensor {
  return { shape, values: values instanceof Float64Array ? Float32Array.from(values) : values };
}
