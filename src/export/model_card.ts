/** The model card: a README.md beside exported weights with their accuracy, their use in Python and their training. */

import { accuracyText, epochText, testedText } from "../run/accuracy_text.ts";
import { OPTIONS } from "../options/table.ts";
import { type EvalRow, setsOf } from "../run/metrics.ts";
import { comparedText } from "../run/data_record.ts";
import { evaluationAt } from "../run/metrics_file.ts";
import { runFolderOf } from "../run/folder.ts";
import { readUsage, type Usage, usageLines, usageOf } from "../run/usage.ts";
import { readRunRecord, type RunRecord } from "../run/record.ts";
import type { ExportedRun } from "./encoder.ts";
import type { ExportFormat } from "./formats.ts";
import { isExpected } from "../base/expected.ts";

/** Options that the model card lists. */
const RECIPE = [
  "datasetName",
  "normalisation",
  "resnetType",
  "epochs",
  "warmupEpochs",
  "batchSize",
  "learningRate",
  "larsVariant",
  "momentum",
  "weightDecay",
  "eta",
  "tauBase",
  "hiddenDim",
  "zDim",
  "bnViews",
  "precision",
  "seed",
] as const;

/** Facts from the run folder that holds the checkpoint; empty where the checkpoint lies elsewhere. */
interface RunNotes {
  evaluation?: EvalRow;
  commit?: string;
  /** Number of held-out images. */
  heldOut?: number;
  /** Hours and energy of the run, in words. */
  cost?: string;
  /** The images of the run and their comparison with published data, in words. */
  images?: string;
  /** Message of the error that the folder's files could not be read with. */
  problem?: string;
}

function notesOf({ path, step }: ExportedRun): RunNotes {
  const folder = runFolderOf(path);
  if (folder === undefined) return {};
  try {
    const evaluation = evaluationAt(folder.metricsFile, step);
    const record = readRunRecord(folder);
    const commit = record?.commit;
    const usage = readUsage(folder);
    return {
      ...evaluation && { evaluation },
      ...usage && { cost: costText(usageOf(usage)) },
      ...typeof commit === "string" && { commit },
      ...record !== null && { images: imagesText(record), heldOut: record.data.heldOut },
    };
  } catch (error) {
    if (!isExpected(error)) throw error;
    return { problem: error.message };
  }
}

function costText(usage: Usage): string {
  return usageLines(usage).map(([name, value]) => `${name} ${value}`).join(", ");
}

/** Returns the training images in words, without their path, which is of no use elsewhere. */
function imagesText({ config: { datasetName }, data }: RunRecord): string {
  const { images, classes } = data.found?.train ?? {};
  const counts = images === undefined ? "" : `${images} images of ${classes} classes; `;
  return `${counts}${comparedText(datasetName, data)}`;
}

function accuraciesText({ evaluation, problem }: RunNotes): string {
  if (problem !== undefined) return `Not known: ${problem}.`;
  if (evaluation === undefined) {
    return "Not known: the file did not lie in the folder of its run, or no evaluation was made at its step. " +
      "`deno task eval --checkpoint=FILE` evaluates it.";
  }
  const { epoch, classes } = evaluation;
  return setsOf(evaluation).map(({ name, accuracies }) => {
    const [top1, top5, knn] = [accuracies.top1, accuracies.top5, accuracies.knn_top1].map((one) =>
      accuracyText(one, accuracies.tested)
    );
    const on = testedText({ ...accuracies, classes }, { on: name }) || `${name} images`;
    return `After ${epochText(epoch)} epochs, on ${on}: linear probe top-1 ${top1} %, ` +
      `top-5 ${top5} %; k-NN top-1 ${knn} %.`;
  }).join("\n\n");
}

/** Returns the sentence on the held-out images; none where the run held out none. */
function heldOutSentence({ config: { holdOut } }: ExportedRun, { heldOut }: RunNotes): string {
  if (holdOut === undefined || holdOut === null) return "";
  const number = heldOut === undefined ? "" : `, ${heldOut} images`;
  return ` \`--hold_out=${holdOut}\`${number}: neither the encoder nor a probe learnt from these.`;
}

/** Returns the model card in Markdown. */
export function modelCard(
  run: ExportedRun,
  formats: readonly (readonly [string, ExportFormat])[],
): string {
  const notes = notesOf(run);
  const rows = RECIPE.filter((field) => (run.config[field] ?? null) !== null)
    .map((field) => `| \`--${OPTIONS[field].option}\` | ${run.config[field]} |`);
  return `# ${run.resnetType}, pretrained by BYOL

The online encoder of a BYOL run (Grill et al. 2020), trained without labels: images to embeddings of
${run.features} numbers. ${
    run.stem === "cifar"
      ? "Its stem is the one for small images: a 3×3 convolution of stride 1, no pooling."
      : "Its stem is torchvision's."
  } No classifier is in these files.

## Accuracy

${accuraciesText(notes)}

## Use

Each program goes from the file \`image.png\` to its embedding, as \`deno task embed\` does. \`eval()\` matters:
without it batch normalisation takes its statistics from the batch. An image of another size is resized as the
test images of the evaluation were.

${
    formats.map(([name, format]) => `\`${name}\`:\n\n\`\`\`python\n${format.usage(run)}\n\`\`\`\n`)
      .join("\n")
  }
## Training

| option | value |
| --- | --- |
${rows.join("\n")}

Training images: ${notes.images ?? "not known"}.${heldOutSentence(run, notes)}

${
    notes.cost === undefined
      ? ""
      : `Cost of the run: ${notes.cost}.\n\n`
  }Step ${run.step}, epoch ${run.epoch}; commit ${
    notes.commit ?? "not known"
  }; SHA-256 of the checkpoint's
tensors \`${run.sha256}\`.

## Licence

The program is under the MIT licence. Whether weights may be used as you wish also depends on the
licence of the images they were trained on (${run.config.datasetName ?? "not known"}).
`;
}
