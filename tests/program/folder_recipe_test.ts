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
    const planned = await byol("plan", ...words, "--images_per_second=100");
    match(planned.stdout, /^steps +5 an epoch of batch 4, 5000 in all$/m, planned.stderr);
    // What the run is named by, its folder or a file of it, is enough for every command.
    for (const name of ["run", "run/checkpoints/step-000000002.safetensors"]) {
      const path = join(root, name);
      const printed = await Promise.all([
        byol("info", `--checkpoint=${path}`),
        byol("eval", `--checkpoint=${path}`, "--protocol=knn"),
        byol("embed", `--checkpoint=${path}`, `--out=${root}/features.npy`),
        byol("export", `--checkpoint=${path}`, "--to=safetensors", `--out=${root}/export`),
        byol("metrics", `--run_dir=${path}`, `--out=${root}/metrics.csv`),
        byol("report", `--run_dir=${path}`, "--images=0"),
        byol("watch", `--run_dir=${path}`, "--once"),
      ]);
      for (const { code, stderr } of printed) equal(code, 0, stderr);
      const [info, evaluated, embedded, , , reported] = printed.map(({ stdout }) => stdout);
      match(info!, /^network resnet18$/m);
      match(info!, new RegExp(`^data folder, ${data}, views of 32 pixels$`, "m"));
      match(
        info!,
        /^recipe 1000 epochs, batches of 4, learning rate 0.0625, tau from 0.99, seed 0$/m,
      );
      match(info!, /^accuracy unknown: no evaluation was made at this step$/m);
      match(evaluated!, /^k-NN .* % \(8 test images, chance 50 %\)/);
      match(embedded!, /^Wrote embeddings of 20 images, 512 numbers each/);
      match(reported!, new RegExp(`${root}/run/report.html`));
    }
    // More images would have another recipe. The images are refused, and not the recipe.
    for (let index = 0; index < 20; index++) {
      Deno.writeFileSync(join(data, `train/n01/more_${index}.png`), png(40, 40, index));
    }
    const more = await byol("train", ...words, "--max_steps=3");
    match(more.stderr, /Cannot resume the run in .*: its data has the digest/);
  });
});

Deno.test("plan asks for the number of images that it cannot count before it measures", async () => {
  const { code, stderr } = await byol("plan", "--dataset_name=folder", "--data_dir=/no/such");
  equal(code, 2, stderr);
  match(stderr, /whose number of images is unknown: expected --train_images=N/);
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
    const alone = await byol(
      ...["train", "--preset=byol_cifar10", "--offline", `--data_dir=${root}`],
      `--run_dir=${join(root, "../none")}`,
    );
    equal(alone.code, 3, alone.stderr);
    match(alone.stderr, /it holds image files: for them expected --dataset_name=folder, without/);
  });
});
