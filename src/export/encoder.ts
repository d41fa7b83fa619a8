/**
 * Reading of a checkpoint for export: the encoder by torchvision's names, and all tensors of a training state by this
 * program's names.
 *
 * @module
 */

import { describeOrThrow, metadataOf } from "../run/checkpoint.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { type HostTensor, readTensors } from "../base/safetensors.ts";
import type { RunConfig } from "../options/config.ts";
import { storedOptions } from "../options/stored.ts";
import type { SavedTensor } from "./torch_file.ts";

/** A checkpoint that was read for export. */
export interface ExportedRun {
  path: string;
  resnetType: string;
  /** "cifar": a 3×3 first convolution and no pooling; "imagenet": torchvision's stem. */
  stem: "cifar" | "imagenet";
  /** Length of an embedding. */
  features: number;
  /** Steps that the encoder was trained for. */
  step: number;
  /** Epochs that the encoder was trained for. */
  epoch: number;
  /** Options of the training that the file holds. */
  config: Partial<RunConfig>;
  /** SHA-256 over the file's tensors, in hex. */
  sha256: string;
  /** The online encoder by torchvision's names, in float32. */
  encoder: Map<string, SavedTensor>;
  /** All tensors of a training state by name; empty where the file holds an encoder alone. */
  state: Map<string, SavedTensor>;
}

/**
 * Reads a checkpoint or an encoder.safetensors.
 *
 * @throws UserError (checkpoint) when the file is missing, damaged, or holds no encoder
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

/** Returns the tensors whose names begin with `prefix`, by the rest of their names. */
export function below(
  tensors: ReadonlyMap<string, SavedTensor>,
  prefix: string,
): Map<string, SavedTensor> {
  const found = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(found.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

/** Converts float64 to float32, which other programs expect. */
function single({ shape, values }: HostTensor): SavedTensor {
  return { shape, values: values instanceof Float64Array ? Float32Array.from(values) : values };
}
