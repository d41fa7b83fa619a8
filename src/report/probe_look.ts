/** Predicted classes of a report's images: by the final linear probe, by the online probe, or by nearest neighbours. */

import { describeCheckpoint } from "../native/checkpoint.ts";
import { exists } from "../base/files.ts";
import type { Embedded } from "./image_sample.ts";
import { fileOf, type RunData } from "./run_data.ts";
import { type HostTensor, readTensors } from "../base/safetensors.ts";
import { isExpected } from "../base/expected.ts";

/** Predictions for a report's images. */
export interface Answers {
  /** Predicted class of each image. */
  classes: number[];
  /** Name of the classifier, for a caption. */
  by: string;
  /** Short name of the classifier, for a title. */
  name: string;
}

/** Options of answersOf. */
export interface ProbeLook {
  /** Path of the encoder's file. */
  checkpoint: string;
  /** Number of classes. */
  classes: number;
  /** The images to classify. */
  queries: Embedded;
  /** Training images, whose mean and length scale the online probe's inputs. */
  known: Embedded;
  /** Index in `known` of each query's nearest image. */
  nearest: readonly number[];
}

/** Classifies images by the best available probe; `by` names each probe that does not fit the encoder. */
export function answersOf(run: RunData, look: ProbeLook): Answers {
  const { checkpoint, classes, queries, known, nearest } = look;
  const width = queries.features[0]?.length ?? 0;
  const found = describeCheckpoint(checkpoint);
  const file = fileOf(run, "probe.safetensors");
  const asides: string[] = [];
  if (exists(file)) {
    const why = misfitOf(file, { step: found.metadata?.step, shape: [classes, width] });
    if (why === undefined) {
      const { weight, bias } = named(file, "");
      return {
        classes: queries.features.map((row) => likeliest(weight, bias, row)),
        by: "the final linear probe (probe.safetensors)",
        name: "the linear probe's answer",
      };
    }
    asides.push(`${file} is not used: ${why}`);
  }
  const online = found.shapes["online_probe.weight"];
  if (online !== undefined && online[0] === classes && online[1] === width) {
    const { weight, bias } = named(checkpoint, "online_probe.");
    const scaled = scaledBy(known.features, queries.features);
    return {
      classes: scaled.map((row) => likeliest(weight, bias, row)),
      by: ["the online probe of the checkpoint", ...asides].join("; "),
      name: "the online probe's answer",
    };
  }
  asides.unshift("the checkpoint holds no probe");
  return {
    classes: nearest.map((place) => known.labels[place]!),
    by: `the nearest training image (1-NN by cosine): ${asides.join("; ")}`,
    name: "the nearest image's class (k-NN)",
  };
}

/** Returns the reason why a file's probe does not belong to the encoder; undefined where it does. */
function misfitOf(
  file: string,
  { step, shape }: { step: unknown; shape: [number, number] },
): string | undefined {
  try {
    const { metadata, shapes } = describeCheckpoint(file);
    const own = shapes.weight;
    const isLinear = ["linear", "clipped", "logreg"].includes(String(metadata?.protocol));
    if (metadata === null || !isLinear || own === undefined || shapes.bias === undefined) {
      return "it is no linear probe";
    }
    if (own.join() !== shape.join()) {
      return `its shape is ${own.join(" × ")}, expected ${shape.join(" × ")}`;
    }
    return metadata.step === step
      ? undefined
      : `it is of step ${metadata.step}, the checkpoint of step ${step}`;
  } catch (error) {
    if (!isExpected(error)) throw error;
    return error.message;
  }
}

function named(path: string, prefix: string): { weight: HostTensor; bias: HostTensor } {
  const [weight, bias] = [`${prefix}weight`, `${prefix}bias`];
  const tensors = readTensors(path, (name) => name === weight || name === bias);
  return { weight: tensors.get(weight)!, bias: tensors.get(bias)! };
}

function likeliest(weight: HostTensor, bias: HostTensor, row: readonly number[]): number {
  const width = row.length;
  const logits = Array.from({ length: bias.values.length }, (_, at) => {
    let sum = Number(bias.values[at]);
    for (let column = 0; column < width; column++) {
      sum += Number(weight.values[at * width + column]) * row[column]!;
    }
    return sum;
  });
  return logits.indexOf(Math.max(...logits));
}

/**
 * Returns rows less the mean of the others, divided by the others' root mean square length. The online probe is trained
 * on batches that are normalised by themselves in this way; here the training images take the place of the batch.
 */
function scaledBy(others: readonly number[][], rows: readonly number[][]): number[][] {
  const width = rows[0]?.length ?? 0;
  const mean = Array.from(
    { length: width },
    (_, at) => others.reduce((sum, row) => sum + row[at]!, 0) / others.length,
  );
  const centred = (row: readonly number[]): number[] => row.map((value, at) => value - mean[at]!);
  const squares = others.reduce(
    (sum, row) => sum + centred(row).reduce((own, value) => own + value ** 2, 0),
    0,
  );
  const length = Math.max(1e-12, Math.sqrt(squares / others.length));
  return rows.map((row) => centred(row).map((value) => value / length));
}
