/**
 * Look at a trace file: norms of each layer, the batch statistics of its normalisations, and the first tensor that is
 * not finite.
 *
 * @module
 */

import { type HostTensor, readTensors, tensorNames } from "../base/safetensors.ts";
import { inOrder, meaningOf } from "./trace_order.ts";

/** Share by which a step's batch moves the running statistics. */
const BN_MOMENTUM = 0.1;

/** Euclidean norms of a layer of the online network: over its weights and biases together. */
export interface LayerNorms {
  /** Name of the layer, such as "encoder.layer1.0.conv1". */
  layer: string;
  /** Norm of the weights before the step. */
  weights: number;
  /** Norm of the gradients. */
  gradients: number;
  /** Norm of what the step has added to the weights. */
  updates: number;
}

/** The least and the largest value over the channels of a layer. */
export type Range = readonly [least: number, most: number];

/** Statistics of the step's batch in front of a normalisation. */
export interface BatchStatistics {
  /** Name of the normalisation, such as "online.encoder.bn1". */
  layer: string;
  /** Mean of the batch. */
  mean: Range;
  /** Standard deviation of the batch. */
  deviation: Range;
}

/** A tensor that holds NaN or infinity. */
export interface NotFinite {
  /** Name of the tensor in the trace file; "loss" for the loss. */
  tensor: string;
  /** Description of the tensor. */
  what: string;
  /** Number of values that are not finite. */
  bad: number;
  /** Number of values. */
  count: number;
}

/** Facts of the step that a trace shows. */
export interface TraceLook {
  norms: LayerNorms[];
  statistics: BatchStatistics[];
  /** The first tensor that is not finite, in the order in which a step computes them; undefined where all are finite. */
  notFinite: NotFinite | undefined;
  /** Number of tensors that are not finite. */
  notFiniteTensors: number;
}

/** Facts of the step that the file does not tell. */
export interface LookOptions {
  /** Loss of the step. */
  loss: number;
  /** Passes of a step through the networks in train mode, each of which moves the running statistics. */
  passes: number;
}

/** Returns what a trace shows. @throws the error of Deno for a file that cannot be read */
export function lookAtTrace(path: string, { loss, passes }: LookOptions): TraceLook {
  const names = tensorNames(path);
  const bad = [...notFiniteIn(path, names), ...lossNotFinite(loss)];
  bad.sort((one, other) => inOrder(one.tensor, other.tensor));
  return {
    norms: normsOf(path, names),
    statistics: statisticsOf(path, names, passes),
    notFinite: bad[0],
    notFiniteTensors: bad.length,
  };
}

/** Returns the tensors that are not finite. */
function notFiniteIn(path: string, names: readonly string[]): NotFinite[] {
  return names.flatMap((tensor) => {
    const { values } = tensorOf(path, tensor);
    const bad = countOfBad(values);
    return bad === 0 ? [] : [{ tensor, what: meaningOf(tensor), bad, count: values.length }];
  });
}

function lossNotFinite(loss: number): NotFinite[] {
  if (Number.isFinite(loss)) return [];
  return [{ tensor: "loss", what: "the loss", bad: 1, count: 1 }];
}

function countOfBad(values: HostTensor["values"]): number {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return 0;
  let bad = 0;
  for (const value of values) if (!Number.isFinite(value)) bad++;
  return bad;
}

function tensorOf(path: string, name: string): HostTensor {
  return readTensors(path, (one) => one === name).get(name)!;
}

/** Returns the norms of each layer with weights, in the order of a forward pass. */
function normsOf(path: string, names: readonly string[]): LayerNorms[] {
  const layers = new Map<string, { weights: number; gradients: number; updates: number }>();
  const learned = names.filter((name) => name.startsWith("grad.")).map((name) => name.slice(5));
  for (const name of learned.sort((one, other) => inOrder(`grad.${other}`, `grad.${one}`))) {
    const [before, after] = [`online.before.${name}`, `online.after.${name}`];
    const wanted = new Set([before, after, `grad.${name}`]);
    const tensors = readTensors(path, (one) => wanted.has(one));
    const numbers = (of: string): Float64Array => Float64Array.from(valuesOf(tensors.get(of)!));
    const [old, now] = [numbers(before), numbers(after)];
    const layer = name.replace(/\.(weight|bias)$/, "");
    const sums = layers.get(layer) ?? { weights: 0, gradients: 0, updates: 0 };
    layers.set(layer, {
      weights: sums.weights + squares(old),
      gradients: sums.gradients + squares(numbers(`grad.${name}`)),
      updates: sums.updates + squares(now.map((value, index) => value - old[index]!)),
    });
  }
  return [...layers].map(([layer, { weights, gradients, updates }]) => ({
    layer,
    weights: Math.sqrt(weights),
    gradients: Math.sqrt(gradients),
    updates: Math.sqrt(updates),
  }));
}

/** Returns the numbers of a tensor that is no tensor of 64-bit integers. */
function valuesOf({ values }: HostTensor): ArrayLike<number> & Iterable<number> {
  if (values instanceof BigInt64Array) throw new Error("expected a tensor of floating point");
  return values;
}

function squares(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value ** 2, 0);
}

/**
 * Returns the statistics of the batch in front of each normalisation, by what the running statistics have moved: of
 * several passes their mean, of which the last one weighs the most.
 */
function statisticsOf(
  path: string,
  names: readonly string[],
  passes: number,
): BatchStatistics[] {
  const stays = (1 - BN_MOMENTUM) ** passes;
  const batchOf = (after: string): number[] => {
    const before = after.replace(".after.", ".before.");
    const tensors = readTensors(path, (one) => one === before || one === after);
    const [old, now] = [valuesOf(tensors.get(before)!), valuesOf(tensors.get(after)!)];
    return Array.from(now, (value, at) => (value - stays * old[at]!) / (1 - stays));
  };
  const means = names.filter((name) => /\.after\..*\.running_mean$/.test(name)).sort(inOrder);
  return means.map((name) => ({
    layer: name.replace(".after.", ".").replace(".running_mean", ""),
    mean: rangeOf(batchOf(name)),
    // A variance of 0 may come out below 0 by rounding.
    deviation: rangeOf(
      batchOf(name.replace("running_mean", "running_var")).map((value) =>
        Math.sqrt(Math.max(0, value))
      ),
    ),
  }));
}

/** Returns the least and the largest value; NaN for both where one is NaN. */
function rangeOf(values: readonly number[]): Range {
  return [Math.min(...values), Math.max(...values)];
}
