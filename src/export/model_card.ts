/** README.md beside exported weights: what they are, how well they do, how they are loaded. */

import { dirname, join } from "node:path";
import { OPTIONS } from "../config_table.ts";
import type { EvalRow } from "../metrics.ts";
import { readMetrics } from "../metrics.ts";
import { readRunRecord, runFolderAt } from "../run_folder.ts";
import type { ExportedRun } from "./encoder.ts";
import type { ExportFormat } from "./formats.ts";

/** The options that make a recipe. */
const RECIPE = [
  "datasetName",
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

/** What the run's folder tells beside the checkpoint; empty where the file lies elsewhere. */
interface RunNotes {
  evaluation?: EvalRow;
  commit?: string;
}

function notesOf({ path, step }: ExportedRun): RunNotes {
  for (const place of [dirname(path), dirname(dirname(path))]) {
    const folder = runFolderAt(place);
    try {
      const rows = readMetrics(folder.metricsFile).filter((row): row is EvalRow =>
        row.kind === "eval"
      );
      const evaluation = rows.findLast((row) => row.step === step);
      const commit = readRunRecord(folder)?.commit;
      return { ...evaluation && { evaluation }, ...typeof commit === "string" && { commit } };
    } catch {
      // No run's folder: the card says that nothing is known.
    }
  }
  return {};
}

/** The card in Markdown. */
export function modelCard(
  run: ExportedRun,
  formats: readonly (readonly [string, ExportFormat])[],
): string {
  const { evaluation, commit } = notesOf(run);
  const rows = RECIPE.filter((field) => run.config[field] !== undefined)
    .map((field) => `| \`--${OPTIONS[field].option}\` | ${run.config[field]} |`);
  const accuracy = evaluation === undefined
    ? "Not known here: the file did not lie in the folder of its run, or no evaluation was made at its step. " +
      "`deno task eval --checkpoint=FILE` makes one."
    : `On the test images, after ${evaluation.epoch} epochs: linear probe top-1 ${
      evaluation.top1.toFixed(2)
    } %, top-5 ${evaluation.top5.toFixed(2)} %; ${
      evaluation.knn_top1.toFixed(2)
    } % by nearest neighbours.`;
  return `# ${run.resnetType}, pretrained by BYOL

The online encoder of a BYOL run (Grill et al. 2020), trained without labels: images to embeddings of
${run.features} numbers. ${
    run.stem === "cifar"
      ? "Its stem is the one for small images: a 3×3 convolution of stride 1, no pooling."
      : "Its stem is torchvision's."
  } No classifier is in these files.

## Accuracy

${accuracy}

## Loading

${
    formats.map(([name, format]) => `\`${name}\`:\n\n\`\`\`python\n${format.usage(run)}\n\`\`\`\n`)
      .join("\n")
  }
Images are float32 in [0, 1], normalised by the mean and standard deviation of the data set it was
trained on.

## Training

| option | value |
| --- | --- |
${rows.join("\n")}

Step ${run.step}, epoch ${run.epoch}; commit ${commit ?? "not known"}; SHA-256 of the checkpoint's
tensors \`${run.sha256}\`.

## Licence

The program is under the MIT licence. Whether weights may be used as you wish also depends on the
licence of the images they were trained on (${run.config.datasetName ?? "not known"}).
`;
}
