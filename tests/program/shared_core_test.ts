/**
 * `deno task setup --bundle=DIR` and `--from=DIR`, with the real core: a second checkout without a compiler and without
 * network takes the core of this one, and refuses one that does not fit.
 */

import { equal, match, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { coreFile, projectRoot, requireSetup } from "../../src/setup/record.ts";
import { RANK_PERMISSIONS, TASK_PERMISSIONS } from "../../src/base/permissions.ts";
import { copyCheckout, copyTree } from "../support/copied_checkout.ts";
import { inFolder } from "../support/in_folder.ts";
import { TINY } from "../support/program.ts";

const MEGABYTE = 1e6;

/** Runs a program of a checkout without the compilers of this machine. */
async function run(
  root: string,
  words: readonly string[],
): Promise<{ code: number; stderr: string }> {
  const programs = join(root, "../programs");
  Deno.mkdirSync(programs, { recursive: true });
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...words],
    cwd: root,
    env: {
      LIBTORCH: requireSetup().libtorch,
      // The programs of set-up that are no compilers.
      PATH: programs,
      HOME: root,
    },
    clearEnv: true,
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

function setUp(root: string, ...args: string[]): Promise<{ code: number; stderr: string }> {
  return run(root, [...TASK_PERMISSIONS.setup, "src/setup/main.ts", "--offline", ...args]);
}

/** A checkout without any core. */
function bareCheckout(root: string): string {
  copyCheckout(root);
  Deno.removeSync(join(root, ".byol"), { recursive: true });
  return root;
}

function sizeOf(folder: string): number {
  return [...Deno.readDirSync(folder)]
    .reduce((sum, { name }) => sum + Deno.statSync(join(folder, name)).size, 0);
}

function hashOf(file: string): string {
  return createHash("sha256").update(Deno.readFileSync(file)).digest("hex");
}

async function writeBundle(folder: string): Promise<void> {
  const words = ["run", ...TASK_PERMISSIONS.setup, "src/setup/main.ts", `--bundle=${folder}`];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: words,
    cwd: projectRoot,
  })
    .output();
  equal(code, 0, new TextDecoder().decode(stderr));
}

Deno.test("a checkout without compilers takes the core of a bundle, and trains", async () => {
  await inFolder(async (folder) => {
    const bundle = join(folder, "bundle");
    await writeBundle(bundle);
    ok(sizeOf(bundle) < 40 * MEGABYTE, `${sizeOf(bundle)} bytes`);
    const root = bareCheckout(join(folder, "checkout"));
    const without = await setUp(root);
    match(without.stderr, /cargo is not installed/);
    const taken = await setUp(root, `--from=${bundle}`);
    equal(taken.code, 0, taken.stderr);
    match(taken.stderr, /set-up: taking the core from /);
    const { hash } = requireSetup(root);
    equal(hashOf(coreFile(root, hash)), hashOf(join(bundle, `libbyol-${hash.slice(0, 12)}.so`)));
    // Deno is kept by any set-up.
    ok(Deno.statSync(join(root, ".byol/bin/deno")).isFile);
    const trained = await run(root, [
      ...[...RANK_PERMISSIONS, "src/cli.ts", "train", ...TINY],
      ...["--limit_train=16", "--max_steps=1", "--clsf_every=0", `--run_dir=${folder}/run`],
    ]);
    equal(trained.code, 0, trained.stderr);
  });
});

Deno.test("a bundle that does not fit is refused with what differs, and leaves nothing", async () => {
  await inFolder(async (folder) => {
    const whole = join(folder, "whole");
    await writeBundle(whole);
    const root = bareCheckout(join(folder, "checkout"));
    const description = JSON.parse(Deno.readTextFileSync(join(whole, "bundle.json")));
    const core = description.core.name;
    const cases: [string, RegExp, (bundle: string) => Record<string, unknown> | void][] = [
      ["a folder", /bundle\.json is missing or damaged, expected a folder written by/, (bundle) => {
        Deno.removeSync(join(bundle, "bundle.json"));
      }],
      [
        "a byte more",
        /libbyol-.* has the SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}/,
        (bundle) => Deno.writeTextFileSync(join(bundle, core), "x", { append: true }),
      ],
      ["no core", /libbyol-.* is missing/, (bundle) => Deno.removeSync(join(bundle, core))],
      [
        "another platform",
        /it is for linux aarch64, expected one for linux x86_64/,
        () => ({ platform: "linux aarch64" }),
      ],
      [
        "other sources",
        /built from other sources, expected those of native\/ here/,
        () => ({ hash: "0".repeat(64) }),
      ],
      ["another table", /was built from another table of functions/, (bundle) => {
        const bytes = Deno.readFileSync(join(bundle, core));
        const text = new TextEncoder().encode("Counts the objects that are alive.");
        const at = indexOf(bytes, text);
        bytes.set(new TextEncoder().encode("Counts the objects that were made."), at);
        Deno.writeFileSync(join(bundle, core), bytes);
        return { core: { name: core, sha256: hashOf(join(bundle, core)) } };
      }],
      ["no library", /invalid ELF header|file too short/, (bundle) => {
        Deno.writeTextFileSync(join(bundle, core), "text");
        return { core: { name: core, sha256: hashOf(join(bundle, core)) } };
      }],
    ];
    for (const [name, message, change] of cases) {
      const bundle = join(folder, name);
      copyTree(whole, bundle);
      const changed = change(bundle);
      if (changed !== undefined) {
        const text = JSON.stringify({ ...description, ...changed });
        Deno.writeTextFileSync(join(bundle, "bundle.json"), text);
      }
      const { code, stderr } = await setUp(root, `--from=${bundle}`);
      equal(code, 6, `${name}: ${stderr}`);
      match(stderr, message, name);
      ok(!stderr.includes("    at "), stderr);
      match(stderr, /Cannot use /);
      equal([...Deno.readDirSync(join(root, ".byol"))].some(({ name }) => name === "core"), false);
    }
  });
});

Deno.test("a bundle for another libtorch is refused before anything is taken", async () => {
  await inFolder(async (folder) => {
    const bundle = join(folder, "bundle");
    await writeBundle(bundle);
    const root = bareCheckout(join(folder, "checkout"));
    const { libtorch } = requireSetup();
    // The same libraries, under another version.
    const other = join(folder, "libtorch");
    Deno.mkdirSync(other);
    for (const name of ["lib", "include"]) {
      Deno.symlinkSync(join(libtorch, name), join(other, name));
    }
    Deno.writeTextFileSync(join(other, "build-version"), "2.11.7\n");
    const { stderr, code } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", ...TASK_PERMISSIONS.setup, "src/setup/main.ts", "--offline"],
        `--from=${bundle}`,
      ],
      cwd: root,
      env: { LIBTORCH: other },
    }).output();
    const text = new TextDecoder().decode(stderr);
    equal(code, 6, text);
    match(text, /it was built for libtorch 2\.11\.0\S*, and .* is 2\.11\.7, expected LIBTORCH=DIR/);
  });
});

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  const at = new TextDecoder("latin1").decode(bytes)
    .indexOf(new TextDecoder("latin1").decode(part));
  ok(at >= 0, "the text is not in the core");
  return at;
}
