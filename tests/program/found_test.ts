/** Commands on folders of photos: each says what it found, and what it left out. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { runFolderAt } from "../../src/run/folder.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { byol, type Outcome } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { png } from "../support/photo_files.ts";
import { TINY } from "../support/program.ts";

/** Writes small images under some names. */
function write(folder: string, names: readonly string[]): void {
  for (const [seed, name] of names.entries()) {
    const path = join(folder, name);
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeFileSync(path, png(40, 36, seed));
  }
}

/** Writes classes a and b with images of each suffix. */
function writeSplit(folder: string, each: number, suffixes: readonly string[] = [".png"]): void {
  for (const [start, suffix] of suffixes.entries()) {
    for (let index = 0; index < each; index++) {
      write(folder, ["a", "b"].map((name) => `${name}/${start}${index}${suffix}`));
    }
  }
}

function views(folder: string, ...options: string[]): Promise<Outcome> {
  return byol(
    ...["views", "--dataset_name=folder", "--image_size=32", `--data_dir=${folder}`],
    ...[`--out=${join(folder, "..", "views.png")}`, ...options],
  );
}

/** Runs doctor, which asks other programs. @returns what it prints */
async function doctor(...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-all", "src/cli.ts", "doctor", ...args],
    cwd: projectRoot,
  }).output();
  return new TextDecoder().decode(stdout);
}

function mkfifo(path: string): void {
  equal(new Deno.Command("mkfifo", { args: [path] }).outputSync().code, 0);
}

/** Fails unless a text holds some lines. */
function requireLines(text: string, found: readonly string[]): void {
  const lines = text.split("\n");
  for (const line of found) ok(lines.includes(line), `${JSON.stringify(line)} is not in:\n${text}`);
}

Deno.test("train, eval, embed, views, pack, doctor, record and report tell what they found", async () => {
  await inFolder(async (root) => {
    const data = join(root, "data");
    writeSplit(join(data, "train"), 4, [".png", ".gif", ".heic"]);
    write(join(data, "train"), [".ipynb_checkpoints/x.png", "a/@eaDir/y.png", "a/._00.png"]);
    writeSplit(join(data, "val"), 2, [".png", ".dcm"]);
    const train = `8 images of 2 classes in ${data}/train; 16 files not read (.heic 8, .gif 8); ` +
      "2 folders left out (.ipynb_checkpoints, @eaDir); 1 hidden file left out (._00.png)";
    const test = `4 images of 2 classes in ${data}/val; 4 files not read (.dcm 4)`;

    const folder = runFolderAt(join(root, "run"));
    const images = ["--dataset_name=folder", `--data_dir=${data}`];
    const trained = await byol(
      ...["train", ...images, ...TINY, "--resnet_type=resnet18", "--image_size=32"],
      ...["--nb_epochs=1", "--nb_epochs_warmup=0", "--nb_epochs_clsf=1", "--clsf_every=1"],
      `--run_dir=${folder.path}`,
    );
    equal(trained.code, 0, trained.stderr);
    requireLines(trained.stderr, [train, test]);
    const { data: record } = JSON.parse(Deno.readTextFileSync(folder.configFile));
    equal(record.found.train.unread.count, 16);
    deepEqual(record.found.test.unread, { count: 4, names: [[".dcm", 4]] });
    // Nothing was compared with published data.
    deepEqual([record.verified, record.compared], [undefined, undefined]);
    const [row] = Deno.readTextFileSync(folder.metricsFile).split("\n");
    equal("verified" in JSON.parse(row!), false);

    const report = join(root, "report.html");
    equal(
      (await byol("report", `--run_dir=${folder.path}`, "--images=0", `--out=${report}`)).code,
      0,
    );
    const page = Deno.readTextFileSync(report);
    for (const text of [train, test, "nothing was compared with published data"]) {
      ok(page.includes(text), text);
    }
    equal(page.includes("published bytes"), false);

    const encoder = `--checkpoint=${join(folder.path, "encoder.safetensors")}`;
    const evaluated = await byol("eval", encoder, ...images, "--protocol=knn", "--threads=1");
    requireLines(evaluated.stderr, [train, test]);
    const embedded = await byol(
      "embed",
      encoder,
      ...images,
      "--split=test",
      `--out=${join(root, "e.npy")}`,
    );
    requireLines(embedded.stderr, [test]);
    const exported = join(root, "exported");
    await byol("export", encoder, "--to=safetensors", `--out=${exported}`);
    const card = Deno.readTextFileSync(join(exported, "README.md"));
    match(card, /8 images of 2 classes; nothing was compared with published data\./);

    requireLines((await views(data)).stderr, [train]);
    const packed = join(root, "packed");
    const packing = await byol("pack", `--data_dir=${data}`, `--out=${packed}`);
    requireLines(packing.stderr, [train, test]);
    const ofShards = await views(packed);
    requireLines(ofShards.stderr, [`8 images of 2 classes in ${packed}/train.json`]);

    const checked = await doctor(...images, `--run_dir=${join(root, "other")}`);
    match(checked, /^ok +data .*16 files not read.*nothing was compared with published/m);
    equal(checked.includes("published bytes"), false);
  });
});

Deno.test("a folder called imagenet is measured by ImageNet's numbers", async () => {
  await inFolder(async (root) => {
    const data = join(root, "data");
    writeSplit(join(data, "train"), 4);
    writeSplit(join(data, "val"), 2);
    const images = ["--dataset_name=imagenet", `--data_dir=${data}`];
    const folder = runFolderAt(join(root, "run"));
    const trained = await byol(
      ...["train", ...images, ...TINY, "--resnet_type=resnet18", "--image_size=32"],
      ...["--max_steps=1", "--clsf_every=0", `--run_dir=${folder.path}`],
    );
    equal(trained.code, 0, trained.stderr);
    match(trained.stderr, /The images are not ILSVRC 2012's numbers/);
    const { data: record } = JSON.parse(Deno.readTextFileSync(folder.configFile));
    deepEqual([record.verified, record.compared.equal], [undefined, false]);
    const checked = await doctor(...images, `--run_dir=${join(root, "other")}`);
    match(checked, /^warn +data +8 images of 2 classes.*not ILSVRC 2012's numbers/m);
    equal(checked.includes("published bytes"), false);
  });
});

Deno.test("images beside a folder of other images are refused by name, few beside classes reported", async () => {
  await inFolder(async (root) => {
    const data = join(root, "data");
    write(data, ["1.png", "2.png", "3.png", "thumbs/1.png", "thumbs/2.png"]);
    const refused = await views(data);
    equal(refused.code, 3, refused.stderr);
    match(
      refused.stderr,
      /3 images, such as "1\.png", lie beside folders that hold 2, such as "thumbs"/,
    );
    writeSplit(data, 6);
    Deno.removeSync(join(data, "thumbs"), { recursive: true });
    requireLines((await views(data)).stderr, [
      `12 images of 2 classes in ${data}; 3 images beside class folders not read (1.png, 2.png, 3.png)`,
    ]);
  });
});

Deno.test("pipes and devices among the images are left out, and end no start", async () => {
  await inFolder(async (root) => {
    const data = join(root, "data");
    writeSplit(data, 2);
    mkfifo(join(data, "a", "pipe.png"));
    Deno.symlinkSync("/dev/zero", join(data, "a", "zero.jpg"));
    Deno.symlinkSync("pipe.png", join(data, "a", "link.png"));
    const drawn = await views(data);
    equal(drawn.code, 0, drawn.stderr);
    requireLines(drawn.stderr, [
      `4 images of 2 classes in ${data}; ` +
      "3 pipes, sockets or devices left out (a/link.png, a/pipe.png, a/zero.jpg)",
    ]);
  });
});

Deno.test("names of notes may be of any bytes; names of images with line ends go to .parquet only", async () => {
  await inFolder(async (root) => {
    const data = join(root, "data");
    writeSplit(data, 4);
    // A shell writes the byte that no text of JavaScript can name.
    const script = "printf x > \"$1/a/lis$(printf '\\351').txt\"";
    equal(new Deno.Command("sh", { args: ["-c", script, "sh", data] }).outputSync().code, 0);
    write(data, ["b/two\nlines.png"]);
    requireLines((await views(data)).stderr, [
      `9 images of 2 classes in ${data}; 1 file not read (.txt 1)`,
    ]);
    const run = join(root, "run");
    const images = ["--dataset_name=folder", `--data_dir=${data}`];
    const trained = await byol(
      ...["train", ...images, ...TINY, "--resnet_type=resnet18", "--image_size=32"],
      ...["--nb_epochs=1", "--nb_epochs_warmup=0", "--clsf_every=0", `--run_dir=${run}`],
    );
    equal(trained.code, 0, trained.stderr);
    const embed = (out: string): Promise<Outcome> =>
      byol(
        ...["embed", `--checkpoint=${join(run, "encoder.safetensors")}`, ...images],
        ...["--split=train", `--out=${join(root, out)}`],
      );
    const refused = await embed("e.npy");
    equal(refused.code, 3, refused.stderr);
    match(refused.stderr, /"b\/two\\nlines\.png" holds a line end, .*--out=FILE\.parquet/);
    equal([...Deno.readDirSync(root)].some(({ name }) => name.startsWith("e.")), false);
    equal((await embed("e.parquet")).code, 0);
  });
});
