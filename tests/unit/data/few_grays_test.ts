import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import { fewGraysWarning, FewGraysWatch } from "../../../src/data/few_grays.ts";
import { DataJob } from "../../../src/native/data_job.ts";
import { Dataset } from "../../../src/native/dataset.ts";
import { byolViews, NORMALISATION } from "../../../src/recipes/views.ts";
import { byol } from "../../support/byol.ts";
import { grayPng } from "../../support/photo_files.ts";
import { inFolder } from "../../support/in_folder.ts";

const BATCH = 4;
const WARNING = /^4 of 8 images decoded by now are of 16-bit gray without a value above 4095 /;

/** Opens as many images of each brightest value as a batch holds, and makes views of all. */
async function viewed(folder: string, brightest: readonly number[]): Promise<Dataset> {
  for (const value of brightest) {
    for (let index = 0; index < BATCH; index++) {
      await Deno.writeFile(join(folder, `${value}-${index}.png`), grayPng(20, value));
    }
  }
  using job = await DataJob.run({ kind: "list", directory: folder, cache: null });
  const dataset = Dataset.open({
    source: { kind: "photos", job: job.handle, mostBad: 0, ahead: 0 },
    dtype: "float32",
    workers: 1,
    normalisation: NORMALISATION.folder,
  });
  const views = byolViews({ cropSize: 16, cropScale: [0.2, 1], blurKernel: 3 });
  dataset.setRecipes(BATCH * brightest.length, views);
  dataset.makeViews(0, 0);
  return dataset;
}

Deno.test("data of 12 bits in 16 are told once; 16 bits and 8 are not", () =>
  inFolder(async (folder) => {
    using dataset = await viewed(folder, [4095, 65535]);
    const warnings: string[] = [];
    const watch = new FewGraysWatch([dataset, undefined], (line) => warnings.push(line));
    watch.update();
    watch.update();
    equal(warnings.length, 1);
    match(warnings[0]!, WARNING);
  }));

Deno.test("data that use all of 16 bits are not warned of", () =>
  inFolder(async (folder) => {
    using dataset = await viewed(folder, [4096, 65535]);
    equal(fewGraysWarning([dataset]), undefined);
  }));

Deno.test("views and train tell of data of 12 bits", () =>
  inFolder(async (folder) => {
    const images = join(folder, "images");
    await Deno.mkdir(images);
    for (let index = 0; index < 8; index++) {
      await Deno.writeFile(join(images, `${index}.png`), grayPng(20, 4000));
    }
    const words = [
      ...["--dataset_name=folder", `--data_dir=${images}`, "--resnet_type=resnet18"],
      ...["--image_size=32", "--batch_size=4", "--hidden_dim=16", "--z_dim=8", "--threads=1"],
    ];
    const drawn = await byol("views", ...words, `--out=${join(folder, "views.png")}`);
    equal(drawn.code, 0, drawn.stderr);
    match(drawn.stderr, /(\d+) of \1 images decoded by now are of 16-bit gray/);
    const trained = await byol("train", ...words, ...[
      ...["--nb_epochs=1", "--nb_epochs_warmup=0", "--lr_init=0.1", "--clsf_every=0"],
      ...["--log_every=1", `--run_dir=${join(folder, "run")}`],
    ]);
    equal(trained.code, 0, trained.stderr);
    match(trained.stderr, /images decoded by now are of 16-bit gray/);
  }));
