/** Commands that take weights take the folder of a run as well, and find its images where the run found them. */

import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import { byol } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { writePhotoFolder } from "../support/photo_files.ts";

const SMALL = ["--hidden_dim=16", "--z_dim=8", "--threads=1", "--tensorboard=false"];

async function succeed(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await byol(...words);
  equal(code, 0, `${words.join(" ")}: ${stderr}`);
  return stdout;
}

Deno.test("info, export, eval and embed take a run's folder for its newest checkpoint", async () => {
  await inFolder(async (folder) => {
    const [photos, run] = [join(folder, "photos"), join(folder, "run")];
    await writePhotoFolder(photos, 4);
    await succeed([
      ...["train", ...SMALL, "--dataset_name=folder", `--data_dir=${photos}`, "--image_size=32"],
      ...["--resnet_type=resnet18", "--batch_size=4", "--nb_epochs=2", "--nb_epochs_warmup=0"],
      ...["--lr_init=0.1", "--nb_epochs_clsf=1", "--batch_size_clsf=4", "--eval_at_end"],
      `--run_dir=${run}`,
    ]);
    const info = await succeed(["info", `--checkpoint=${run}`]);
    match(info, /^file .*checkpoints\/step-000000004\.safetensors\nstep 4\nepoch 2\n/);
    match(info, /\nnetwork resnet18\ndata folder, .*photos, views of 32 pixels\n/);
    match(info, /\nrecipe 2 epochs, batches of 4, learning rate 0\.1, .*, seed 0\n/);
    match(
      info,
      /\naccuracy after epoch 2: k-NN .* % \(8 test images, chance 50 %, top-5 always 100 %\)\n/,
    );

    const found = await succeed(["eval", `--checkpoint=${run}`, "--threads=1"]);
    match(found, /linear probe top-1 .* \(8 test images, chance 50 %, top-5 always 100 %\)/);
    await succeed(["embed", `--checkpoint=${run}`, "--threads=1", `--out=${folder}/e.npy`]);
    equal((await Deno.readTextFile(join(folder, "e.names.txt"))).trim().split("\n").length, 8);
    await succeed(["export", `--checkpoint=${run}`, "--to=reference", `--out=${folder}/out`]);
    const card = await Deno.readTextFile(join(folder, "out", "README.md"));
    match(card, /After 2 epochs, on 8 test images, chance 50 %, top-5 always 100 %: linear probe/);

    // Without checkpoints, the encoder is taken.
    await Deno.remove(join(run, "checkpoints"), { recursive: true });
    match(await succeed(["info", `--checkpoint=${run}`]), /^file .*encoder\.safetensors\nstep 4\n/);
    await Deno.remove(join(run, "encoder.safetensors"));
    for (const command of ["info", "eval", "embed", "export"]) {
      const more = { embed: [`--out=${folder}/f.npy`], export: ["--to=onnx"] }[command] ?? [];
      const { code, stderr } = await byol(command, `--checkpoint=${run}`, ...more);
      equal(code, 5, `${command}: ${stderr}`);
      match(stderr, /Cannot use the weights in .*run: it holds no checkpoint/, command);
    }
  });
});
