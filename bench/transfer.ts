/**
 * Linear transfer by BYOL's appendix D.2 (`--protocol=logreg`): an encoder beside its untrained network, on scikit-learn's
 * digits and on folders of photos.
 *
 *   deno task bench transfer [--checkpoint=FILE] [--data_dir=DIR] [--threads=N] [--image_size=N]
 *
 * The encoder is the demo's by default. Each DIR, of which there may be several, has train/ and val/. Other options go to
 * every evaluation. The digits need the tests' oracle (deno task test --oracle=install).
 */

import { basename, join } from "node:path";
import { describeCheckpoint } from "../src/native/checkpoint.ts";
import { Learner } from "../src/native/learner.ts";
import { projectRoot } from "../src/setup/record.ts";
import { accuracyText } from "../src/run/accuracy_text.ts";
import { oracleEnvironment, oracleFolder } from "../tests/runner/oracle.ts";
import { byol } from "../tests/support/byol.ts";

const DEMO = join(projectRoot, "checkpoints/byol_demo_resnet20.safetensors");
/** The first 1,437 of the 1,797 digits for training, the last 360, of other writers, for testing. */
const DIGITS = `
import pathlib, sys
import numpy
from PIL import Image
from sklearn.datasets import load_digits

digits = load_digits()
for place, (image, label) in enumerate(zip(digits.images, digits.target)):
    folder = pathlib.Path(sys.argv[1], "train" if place < 1437 else "val", str(label))
    folder.mkdir(parents=True, exist_ok=True)
    pixels = numpy.round(image * (255 / 16)).astype(numpy.uint8)
    Image.fromarray(pixels).save(folder / f"{place:04}.png")
`;

/** Result of an evaluation, as eval prints it. */
interface Found {
  top1: number;
  knn_top1: number;
  tested: number;
  classes: number;
  balanced_top1?: number;
  details: { l2_strength: number; held_out_top1: number };
}

/** Prints a row for each data set and encoder. */
export async function bench(args: string[]): Promise<void> {
  const valuesOf = (name: string): string[] =>
    args.filter((arg) => arg.startsWith(`--${name}=`)).map((arg) => arg.slice(name.length + 3));
  const checkpoint = valuesOf("checkpoint").at(-1) ?? DEMO;
  const rest = args.filter((arg) => !/^--(checkpoint|data_dir)=/.test(arg));
  const folder = await Deno.makeTempDir({ prefix: "byol-transfer-" });
  try {
    const untrained = join(folder, "untrained.safetensors");
    writeUntrained(checkpoint, untrained);
    const folders = valuesOf("data_dir").map((path) => ({ name: basename(path), path }));
    if (oracleFolder() === undefined) {
      console.error(
        "The digits are left out: expected scikit-learn (deno task test --oracle=install)",
      );
    } else {
      folders.unshift({ name: "digits", path: join(folder, "digits") });
      await writeDigits(join(folder, "digits"));
    }
    const head = ["images", "classes", "encoder", "k-NN", "logistic regression", "penalty", "s"];
    console.log(`| ${["data set", ...head].join(" | ")} |`);
    console.log(`| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |`);
    for (const { name, path } of folders) {
      for (
        const [encoder, file] of [["untrained", untrained], [basename(checkpoint), checkpoint]]
      ) {
        const begun = performance.now();
        const found = await transferred(file!, { path, rest });
        const seconds = (performance.now() - begun) / 1000;
        console.log(`| ${rowOf(found, { name, encoder: encoder!, seconds }).join(" | ")} |`);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes the checkpoint's network as it is before any training. */
function writeUntrained(checkpoint: string, path: string): void {
  const described = describeCheckpoint(checkpoint);
  const { resnetType, stem } = described.encoder ?? {};
  if (!resnetType || !stem) throw new Error(`${checkpoint} holds no encoder that is known`);
  using learner = Learner.create({
    ...{ resnetType, stem, hiddenDim: 16, zDim: 8 },
    ...{ bnViews: "joint", larsVariant: "reference", dtype: "float32", seed: 0 },
  });
  learner.saveEncoder(path, { ...described.metadata, step: 0, epoch: 0 });
}

async function writeDigits(folder: string): Promise<void> {
  const { code, stderr } = await new Deno.Command("python3", {
    args: ["-c", DIGITS, folder],
    env: oracleEnvironment(),
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
}

async function transferred(
  checkpoint: string,
  { path, rest }: { path: string; rest: readonly string[] },
): Promise<Found> {
  const { code, stdout, stderr } = await byol(
    ...["eval", "--protocol=logreg", `--checkpoint=${checkpoint}`, "--format=json"],
    ...["--dataset_name=folder", `--data_dir=${path}`, ...rest],
  );
  if (code !== 0) throw new Error(`the evaluation on ${path} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

function rowOf(
  { top1, knn_top1: knn, tested, classes, details }: Found,
  { name, encoder, seconds }: { name: string; encoder: string; seconds: number },
): string[] {
  return [
    ...[name, tested.toLocaleString("en"), String(classes), encoder],
    ...[knn, top1].map((value) => accuracyText(value, tested)),
    ...[String(Number(details.l2_strength.toPrecision(3))), seconds.toFixed(0)],
  ];
}
