/** `--normalisation=data`: photos of 16 bits keep their values, from training to evaluation, export and info. */

import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { byol } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { grayPng } from "../support/photo_files.ts";

const SMALL = [
  ...["--resnet_type=resnet18", "--image_size=32", "--batch_size=4", "--hidden_dim=16"],
  ...["--z_dim=8", "--threads=1", "--nb_epochs=2", "--nb_epochs_warmup=0", "--lr_init=0.1"],
  "--clsf_every=0",
];

/** Writes gray images of 16 bits in two classes, whose values go from 0 to about 4000. */
async function writeImages(folder: string, counts: { train: number; val: number }): Promise<void> {
  for (const [half, count] of Object.entries(counts)) {
    for (const name of ["a", "b"]) {
      await Deno.mkdir(join(folder, half, name), { recursive: true });
      for (let index = 0; index < count; index++) {
        const brightest = half === "val" ? 9000 : 4000 - 10 * index;
        await Deno.writeFile(join(folder, half, name, `${index}.png`), grayPng(40, brightest));
      }
    }
  }
}

Deno.test("12 bits in 16 keep all grays in training, evaluation, export and info", () =>
  inFolder(async (folder) => {
    const [images, run] = [join(folder, "images"), join(folder, "run")];
    await writeImages(images, { train: 4, val: 2 });
    const data = ["--dataset_name=folder", `--data_dir=${images}`];
    const words = [...data, ...SMALL, `--run_dir=${run}`, "--normalisation=data"];
    const begun = await byol("train", ...words, "--max_steps=1");
    equal(begun.code, 0, begun.stderr);
    match(
      begun.stderr,
      /Measured 8 images, 8 of them of 16 bits with values from 0 to 4000: mean 0\.4/,
    );
    match(begun.stderr, /The training images are gray, by 8 headers: saturation, hue, grayscale/);
    ok(!/images decoded by now are of 16-bit gray/.test(begun.stderr), begun.stderr);
    const { config: options } = JSON.parse(await Deno.readTextFile(join(run, "config.json")));
    match(options.normalisation, /^data:0\.\d{6},.*:0-4000$/);

    // A resumed run measures nothing, though the images have changed.
    const resumed = await byol("train", ...words);
    equal(resumed.code, 0, resumed.stderr);
    ok(!/Measured/.test(resumed.stderr), resumed.stderr);
    const other = await byol("train", ...words.slice(0, -1), "--normalisation=imagenet");
    ok(other.code !== 0 && /normalisation/.test(other.stderr), other.stderr);

    const info = await byol("info", `--checkpoint=${run}`);
    match(info.stdout, new RegExp(`normalisation ${options.normalisation}`));
    const out = join(folder, "export");
    const exported = await byol(
      "export",
      `--checkpoint=${run}`,
      "--to=safetensors",
      `--out=${out}`,
    );
    equal(exported.code, 0, exported.stderr);
    const card = await Deno.readTextFile(join(out, "README.md"));
    match(card, /values = \(\(values - 0\) \/ 4000\)\.clip\(0, 1\)/);
    ok(card.includes(`| \`--normalisation\` | ${options.normalisation} |`));

    // The test images are brighter than all training images.
    const evaluated = await byol(
      ...["eval", `--checkpoint=${run}`, "--nb_epochs_clsf=1", "--threads=1"],
    );
    equal(evaluated.code, 0, evaluated.stderr);
    ok(!/Measured|of 16-bit gray/.test(evaluated.stderr), evaluated.stderr);
  }));
