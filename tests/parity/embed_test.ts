/** Files of embeddings as NumPy and PyArrow read them. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { Learner } from "../../src/native/learner.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { byol } from "../support/byol.ts";
import { oracleEnvironment, oracleFolder } from "../runner/oracle.ts";
import { writePhotoFolder } from "../support/photo_files.ts";
import { skip } from "../support/skip.ts";

interface Rows {
  features: number[][];
  labels: number[];
  names: string[];
}

interface Read {
  npy: Rows & { dtypes: [string, string] };
  parquet: Rows & { types: Record<string, string>; classes: string[] };
}

async function readByPython(npy: string, parquet: string): Promise<Read> {
  const script = join(projectRoot, "tests/parity/oracle/features_read.py");
  const { code, stdout, stderr } = await new Deno.Command("python3", {
    args: [script, npy, parquet],
    env: oracleEnvironment(),
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

const HEADS = { hiddenDim: 16, zDim: 8 } as const;
const DEMO = { resnetType: "resnet20", stem: "cifar", ...HEADS } as const;
const PHOTOS = { resnetType: "resnet18", stem: "imagenet", ...HEADS } as const;

function writeEncoder(path: string, network: typeof DEMO | typeof PHOTOS): void {
  using learner = Learner.create({
    ...network,
    bnViews: "joint",
    larsVariant: "reference",
    dtype: "float32",
    seed: 3,
  });
  learner.saveEncoder(path, { ...network, step: 0, epoch: 0, config: {} });
}

Deno.test("NumPy and PyArrow read the same embeddings, labels and names", async () => {
  if (oracleFolder() === undefined) {
    return skip("NumPy and PyArrow are not installed (run: deno task test --oracle=install)");
  }
  const folder = await Deno.makeTempDir({ prefix: "byol-embed-test-" });
  const path = (name: string): string => join(folder, name);
  try {
    await writePhotoFolder(path("photos"), 3);
    // One that cannot be used, in the midst of the order.
    await Deno.writeTextFile(path("photos/train/n01/n01_1.JPEG"), "no image");
    writeEncoder(path("encoder.safetensors"), PHOTOS);
    const args = [
      `--checkpoint=${path("encoder.safetensors")}`,
      ...["--dataset_name=folder", `--data_dir=${path("photos")}`, "--max_bad_fraction=0.5"],
      ...["--resnet_type=resnet18", "--image_size=32", "--threads=1"],
    ];
    for (const out of ["features.npy", "features.parquet"]) {
      const { code, stdout, stderr } = await byol("embed", ...args, `--out=${path(out)}`);
      equal(code, 0, stderr);
      match(stdout, /^Wrote embeddings of 5 images, 512 numbers each, to /);
    }
    const { npy, parquet } = await readByPython(path("features.npy"), path("features.parquet"));
    deepEqual(npy.dtypes, ["float32", "int64"]);
    deepEqual(npy.names, ["n01/n01_0.JPEG", "n01/n01_2.JPEG", ...[0, 1, 2].map(name)]);
    deepEqual(npy.labels, [0, 0, 1, 1, 1]);
    deepEqual(parquet.types, {
      name: "string",
      label: "int32",
      class: "string",
      embedding: "list<element: float not null>",
    });
    deepEqual(parquet.classes, ["n01", "n01", "n02", "n02", "n02"]);
    for (const key of ["features", "labels", "names"] as const) deepEqual(parquet[key], npy[key]);
    // Rows of different images differ, and are not nothing.
    equal(new Set(npy.features.map((row) => row.join())).size, 5);
    ok(npy.features.every((row) => row.length === 512 && row.some((value) => value > 0)));
    // Alone, an image embeds as among others.
    await Deno.remove(path("photos/train/n01/n01_1.JPEG"));
    await Deno.remove(path("photos/train/n01/n01_0.JPEG"));
    equal((await byol("embed", ...args, `--out=${path("fewer.npy")}`)).code, 0);
    const fewer = await Deno.readFile(path("fewer.npy"));
    const first = new Float32Array(fewer.slice(128).buffer).subarray(0, 512);
    const second = npy.features[1]!;
    ok(first.every((value, at) => Math.abs(value - second[at]!) <= 1e-5 * (1 + Math.abs(value))));
    const left = [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
    deepEqual(left, [
      "encoder.safetensors",
      // One of the images cannot be used.
      "features.bad_files.json",
      ...["features", "fewer"].flatMap((base) =>
        [".labels.npy", ".names.txt", ".npy", ...(base === "features" ? [".parquet"] : [])]
          .map((ending) => base + ending)
      ),
      "photos",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

function name(index: number): string {
  return `n02/n02_${index}.JPEG`;
}

Deno.test("embed refuses what it cannot do, and leaves nothing behind", async () => {
  const folder = await Deno.makeTempDir({ prefix: "byol-embed-test-" });
  const checkpoint = `--checkpoint=${join(folder, "encoder.safetensors")}`;
  try {
    writeEncoder(join(folder, "encoder.safetensors"), DEMO);
    const demo = [checkpoint, "--dataset_name=demo", "--resnet_type=resnet20", "--threads=1"];
    const cases: [args: string[], code: number, message: RegExp][] = [
      [
        [...demo, "--out=features.csv"],
        2,
        /--out=features\.csv: expected a path that ends in \.npy or \.parquet/,
      ],
      [demo, 2, /without --out: expected --out=PATH/],
      [[...demo, "--out=a.npy", "--split=all"], 2, /--split=all: expected train, test or held_out/],
      [[...demo, "--out=a.npy", "--ranks=2"], 2, /--ranks=2: expected one rank/],
      [[...demo, `--out=${folder}/none/a.npy`], 8, /Cannot write .*none\/a\.npy/],
      [["--checkpoint=/nowhere", "--out=a.npy"], 5, /\/nowhere/],
    ];
    for (const [args, code, message] of cases) {
      const found = await byol("embed", ...args);
      match(found.stderr, message);
      equal(found.code, code, found.stderr);
    }
    deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name), ["encoder.safetensors"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
