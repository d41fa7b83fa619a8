/** The Python that docs/, README and examples/ show: it runs as it stands, on files that the program has written. */

import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { oracleEnvironment, oracleFolder } from "../runner/oracle.ts";
import { Learner } from "../../src/native/learner.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { byol } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { skip } from "../support/skip.ts";

const ENCODER = join(projectRoot, "checkpoints", "byol_demo_resnet20.safetensors");

async function python(cwd: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("python3", {
    args,
    cwd,
    env: oracleEnvironment(),
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function succeed(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await byol(...words);
  equal(code, 0, stderr);
  return stdout;
}

/** Returns the indented block of a page that begins with the line. */
function blockOf(page: string, first: string): string {
  const lines = Deno.readTextFileSync(join(projectRoot, page)).split("\n");
  const from = lines.indexOf(`    ${first}`);
  ok(from >= 0, `${page} has no line ${first}`);
  const length = lines.slice(from).findIndex((line) => /^\S/.test(line));
  return lines.slice(from, from + length).map((line) => line.slice(4)).join("\n");
}

Deno.test("a saved probe and embeddings give the accuracy of eval by the page's own Python", async () => {
  if (oracleFolder() === undefined) return skip("NumPy is not installed");
  await inFolder(async (folder) => {
    const short = ["--nb_epochs_clsf=1", "--clsf_augment=false", "--protocol=linear"];
    const probe = join(folder, "probe.safetensors");
    const answer = await succeed(
      ...["eval", `--checkpoint=${ENCODER}`, `--save_probe=${probe}`, "--format=json", ...short],
    );
    const out = `--out=${join(folder, "features.npy")}`;
    await succeed("embed", `--checkpoint=${ENCODER}`, "--split=test", out);
    const program = `${blockOf("docs/evaluation.md", "import numpy")}
right = logits.argmax(1) == numpy.load("features.labels.npy")
print(100 * right.mean())`;
    const top1 = Number(await python(folder, "-c", program));
    // A near tie may fall to the other side: 0.1 is one image.
    ok(Math.abs(top1 - JSON.parse(answer).top1) <= 0.2, `${top1} beside ${answer}`);
  });
});

Deno.test("README's Python loads an encoder file as it stands", async () => {
  if (oracleFolder() === undefined) return skip("PyTorch is not installed");
  await inFolder(async (folder) => {
    const run = join(folder, "runs", "NAME");
    await Deno.mkdir(run, { recursive: true });
    const network = { resnetType: "resnet50", stem: "imagenet", hiddenDim: 16, zDim: 8 } as const;
    const options = { bnViews: "joint", larsVariant: "reference", dtype: "float32" } as const;
    using learner = Learner.create({ ...network, ...options, seed: 3 });
    const file = join(run, "encoder.safetensors");
    learner.saveEncoder(file, { ...network, step: 0, epoch: 0, config: {} });
    const program = blockOf("README.md", "import torch, torchvision");
    equal(await python(folder, "-c", `${program}\nprint(*embeddings.shape)`), "1 2048\n");
  });
});

Deno.test("examples/read_run.py reads options, curves, accuracies, encoder and embeddings", async () => {
  if (oracleFolder() === undefined) return skip("pandas and PyTorch are not installed");
  await inFolder(async (folder) => {
    const run = join(folder, "run");
    const small = ["--hidden_dim=16", "--z_dim=8", "--batch_size=32", "--nb_epochs_clsf=1"];
    await succeed("train", ...small, "--limit_train=320", "--log_every=1", `--run_dir=${run}`);
    const table = join(folder, "test.parquet");
    await succeed("embed", `--checkpoint=${run}`, "--split=test", `--out=${table}`);
    const text = await python(folder, join(projectRoot, "examples/read_run.py"), run, table);
    match(text, /^resnet20, seed 0, 6 epochs$/m);
    match(text, /^step +epoch? +loss +embedding_std|epoch +loss +embedding_std/m);
    match(text, /epoch +knn_top1 +top1 +top5 +tested\n(?:.* 1000(?:\.0)?\n){2}/);
    match(text, /^encoder: 27\d,\d{3} numbers$/m);
    const [, share] = /same class as the nearest image: ([\d.]+) %/.exec(text) ?? [];
    ok(Number(share) > 10 && Number(share) < 100, text);
  });
});
