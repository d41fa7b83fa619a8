/** The public names and the programs in examples/: documented, publishable, and doing what they say. */

import { doesNotMatch, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../src/setup/record.ts";
import { describeCheckpoint } from "../../src/native/checkpoint.ts";
import { byol } from "../support/byol.ts";
import { writePhotoFolder } from "../support/photo_files.ts";
import { skip } from "../support/skip.ts";

const SMALL = ["--hidden_dim=16", "--z_dim=8", "--batch_size=8", "--threads=1"];

async function deno(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: projectRoot,
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

function example(name: string, ...args: string[]): ReturnType<typeof deno> {
  return deno("run", "--no-prompt", "-A", `examples/${name}.ts`, ...args);
}

Deno.test("every public name is documented, and so is what it refers to", async () => {
  const { code, stdout, stderr } = await deno("doc", "--lint", "mod.ts");
  equal(code, 0, stdout + stderr);
});

/** Returns the program in the module comment of mod.ts. */
function moduleProgram(): string {
  const text = Deno.readTextFileSync(join(projectRoot, "mod.ts"));
  const [, block = ""] = /```ts\n([^]*?) \* ```/.exec(text) ?? [];
  return block.replace(/^ \* ?/gm, "");
}

/** Returns the program of docs/scripting.md. */
function pageProgram(): string {
  const lines = Deno.readTextFileSync(join(projectRoot, "docs/scripting.md")).split("\n");
  const from = lines.findIndex((line) => line.startsWith("    import "));
  const length = lines.slice(from).findIndex((line) => /^\S/.test(line));
  return lines.slice(from, from + length).map((line) => line.slice(4)).join("\n");
}

Deno.test("the program in the module comment and that of the page run as they stand", async () => {
  const program = moduleProgram();
  ok(program.trim().split("\n").length <= 18, program);
  const file = join(projectRoot, `module_comment_${Deno.pid}.ts`);
  try {
    await Deno.writeTextFile(file, program);
    const { code, stdout, stderr } = await deno("run", "--no-prompt", "--check", "-A", file);
    equal(code, 0, stderr);
    match(stdout, /^\d\.\d+\n$/);
    await Deno.writeTextFile(file, pageProgram());
    const span = ["--limit_train=64", "--max_steps=3", "--log_every=1"];
    const paged = await deno("run", "--no-prompt", "--check", "-A", file, ...SMALL, ...span);
    equal(paged.code, 0, paged.stderr);
    match(paged.stdout, /^(?:\d \d\.\d+\n){3}$/);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a program outside the checkout type-checks and runs by the import of its path", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "elsewhere.ts");
    const program = pageProgram().replace(
      '"./mod.ts"',
      JSON.stringify(join(projectRoot, "mod.ts")),
    );
    await Deno.writeTextFile(file, program);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--check",
        "-A",
        file,
        ...SMALL,
        "--max_steps=1",
        "--log_every=1",
      ],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    equal(code, 0, new TextDecoder().decode(stderr));
    match(new TextDecoder().decode(stdout), /^0 \d\.\d+\n$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("mod.ts has few names", async () => {
  const names = Object.keys(await import("../../mod.ts"));
  ok(names.length <= 30, names.join(", "));
  const text = Deno.readTextFileSync(join(projectRoot, "mod.ts"));
  const all = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = ""]) =>
    list.split(",").map((name) => name.trim()).filter(Boolean)
  );
  ok(all.length <= 73, `${all.length} names: ${all.join(", ")}`);
});

Deno.test("the site of the public names is made", async () => {
  const folder = await Deno.makeTempDir();
  const { code, stderr } = await deno(
    "doc",
    "--html",
    "--name=BYOL",
    `--output=${folder}`,
    "mod.ts",
  );
  equal(code, 0, stderr);
  match(await Deno.readTextFile(join(folder, "all_symbols.html")), /pretrain/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the package could be published", async () => {
  const { code, stderr } = await deno("publish", "--dry-run", "--allow-dirty");
  if (/error sending request|dns error|client error \(Connect\)/.test(stderr)) {
    return skip("deno publish --dry-run wants the network");
  }
  equal(code, 0, stderr);
});

Deno.test("examples are short", () => {
  for (const { name } of Deno.readDirSync(join(projectRoot, "examples"))) {
    const lines = Deno.readTextFileSync(join(projectRoot, "examples", name)).trimEnd().split("\n");
    ok(lines.length <= 40, `${name} has ${lines.length} lines, expected at most 40`);
  }
});

Deno.test("example: a tau schedule of one's own", async () => {
  const span = ["--limit_train=64", "--nb_epochs=2", "--nb_epochs_warmup=0", "--log_every=1"];
  const { code, stdout, stderr } = await example("own_tau", ...SMALL, ...span);
  equal(code, 0, stderr);
  const taus = [...stdout.matchAll(/tau ([\d.]+), loss \d/g)].map(([, tau]) => Number(tau));
  equal(taus.length, 16, stdout);
  equal(taus[8], 0.97);
  ok(Math.abs(taus[12]! - 0.985) < 1e-9, stdout);
  const refused = await example("own_tau", "--batch_size=0");
  match(refused.stderr, /^Cannot use --batch_size=0[^\n]*\n$/);
  equal(refused.code, 2);
});

Deno.test("example: a folder of one's own", async () => {
  const folder = await Deno.makeTempDir();
  await writePhotoFolder(join(folder, "photos"), 4);
  const encoder = join(folder, "encoder.safetensors");
  const { code, stdout, stderr } = await example(
    ...["own_folder", join(folder, "photos"), encoder, ...SMALL, "--batch_size=4"],
    ...["--resnet_type=resnet18", "--image_size=32", "--max_steps=2", "--log_every=1"],
  );
  equal(code, 0, stderr);
  equal(stdout.match(/^step \d: loss \d/gm)?.length, 2, stdout);
  equal(describeCheckpoint(encoder).metadata?.step, 2);
  const missing = await example("own_folder", join(folder, "none"), encoder);
  match(missing.stderr, /^Cannot find the images of --dataset_name=folder[^\n]*\n$/m);
  doesNotMatch(missing.stderr, /at .*\.ts/);
  equal((await example("own_folder")).code, 2);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("example: every checkpoint of a run", async () => {
  const run = await Deno.makeTempDir();
  const trained = await byol(
    ...[
      "train",
      ...SMALL,
      `--run_dir=${run}`,
      "--limit_train=64",
      "--nb_epochs=3",
      "--save_every=1",
    ],
    "--clsf_every=0",
  );
  equal(trained.code, 0, trained.stderr);
  const { code, stdout, stderr } = await example(
    ...["every_checkpoint", run, "--nb_epochs_clsf=1", "--clsf_augment=false", "--threads=1"],
  );
  equal(code, 0, stderr);
  const rows = stdout.trim().split("\n").map((line) => JSON.parse(line));
  equal(rows.at(-1).step, 24);
  ok(rows.length >= 2 && rows.every(({ top1, knn_top1 }) => top1 > 0 && knn_top1 > 0), stdout);
  const none = await example("every_checkpoint", join(run, "none"));
  equal([none.code, none.stderr.trim().split("\n").length].join(), "2,1", none.stderr);
  await Deno.remove(run, { recursive: true });
});
