/** Encoders evaluated on other images than those they were trained on. */

import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { byol } from "../../support/byol.ts";
import { writePhotoFolder } from "../../support/photo_files.ts";

const QUICK = ["--nb_epochs_clsf=2", "--clsf_augment=false", "--threads=1", "--format=json"];

Deno.test("an encoder of small images is evaluated on photos, and one of photos on small images", async () => {
  const folder = await Deno.makeTempDir();
  const photos = join(folder, "photos");
  await writePhotoFolder(photos, 6);
  const onPhotos = ["--dataset_name=folder", `--data_dir=${photos}`];

  const small = "--checkpoint=checkpoints/byol_demo_resnet20.safetensors";
  const forward = await byol("eval", small, ...onPhotos, ...QUICK);
  equal(forward.code, 0, forward.stderr);
  const found = JSON.parse(forward.stdout);
  equal(found.tested, 8);
  ok(found.top1 >= 0 && found.top5 === 100 && found.knn_top1 >= 0, forward.stdout);

  const run = join(folder, "run");
  const trained = await byol(
    ...["train", ...onPhotos, "--resnet_type=resnet18", "--image_size=32", "--batch_size=4"],
    ...["--hidden_dim=16", "--z_dim=8", "--max_steps=1", "--clsf_every=0", `--run_dir=${run}`],
    "--threads=1",
  );
  equal(trained.code, 0, trained.stderr);
  const backward = await byol(
    ...["eval", `--checkpoint=${run}/encoder.safetensors`, "--dataset_name=demo"],
    ...["--limit_train=500", ...QUICK],
  );
  equal(backward.code, 0, backward.stderr);
  equal(JSON.parse(backward.stdout).tested, 1000);

  // One folder of images has nothing to test on.
  const flat = await byol(
    ...["eval", small, "--dataset_name=folder", `--data_dir=${join(photos, "train")}`, ...QUICK],
  );
  equal(flat.code, 3, flat.stderr);
  match(flat.stderr, /Cannot evaluate on .*: expected train\/ and val\//);
  await Deno.remove(folder, { recursive: true });
});
