/** `--dataset_name=folder` with nothing else: the recipe follows from the images, is printed, recorded and kept. */

import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { byol } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { png, writePhotoFolder } from "../support/photo_files.ts";

Deno.test("a folder alone is trained by its own recipe, which the run keeps", async () => {
  await inFolder(async (root) => {
    const data = join(root, "birds");
    await writePhotoFolder(data, 10);
    const words = ["--dataset_name=folder", `--data_dir=${data}`, `--run_dir=${join(root, "run")}`];
    const begun = await byol("train", ...words, "--max_steps=1");
    equal(begun.code, 0, begun.stderr);
    match(
      begun.stderr,
      /^Recipe for 20 images with a shorter side of 32 pixels .* --batch_size=4 /,
    );
    const { config, origins } = JSON.parse(Deno.readTextFileSync(join(root, "run/config.json")));
    const { resnet_type, image_size, nb_epochs, batch_size, lr_init, clsf_augment } = config;
    deepEqual(
      [resnet_type, image_size, nb_epochs, batch_size, lr_init, clsf_augment],
      ["resnet18", 32, 1000, 4, 1 / 16, false],
    );
    equal(origins.nb_epochs, "dataset");
    const resumed = await byol("train", ...words, "--max_steps=2");
    equal(resumed.code, 0, resumed.stderr);
    match(resumed.stderr, /^Recipe of this run, as it began: .* --batch_size=4 /);
    // More images would have another recipe. The images are refused, and not the recipe.
    for (let index = 0; index < 20; index++) {
      Deno.writeFileSync(join(data, `train/n01/more_${index}.png`), png(40, 40, index));
    }
    const more = await byol("train", ...words, "--max_steps=3");
    match(more.stderr, /Cannot resume the run in .*: its data has the digest/);
  });
});

Deno.test("a preset for CIFAR-10 does not train on photos at 32 pixels in silence", async () => {
  await inFolder(async (root) => {
    await writePhotoFolder(root, 4);
    const { code, stderr } = await byol(
      ...["train", "--preset=cifar10_tuned", "--dataset_name=folder", `--data_dir=${root}`],
      ...["--batch_size=4", "--max_steps=1", `--run_dir=${join(root, "../none")}`],
    );
    equal(code, 2, stderr);
    match(stderr, /a recipe for images of 32 pixels, on photos .* expected no --preset/);
  });
});
