/** Commands in a fresh clone: help and wrong options at once, with nothing made; else set-up in the same program. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { dirname } from "node:path";
import { TASK_PERMISSIONS } from "../../src/base/permissions.ts";
import { COMMANDS } from "../../src/options/commands/registry.ts";
import {
  coreFile,
  examineSetup,
  projectRoot,
  requireSetup,
  writeSetup,
} from "../../src/setup/record.ts";
import { skip } from "../support/skip.ts";

const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  test: ["tests/runner/main.ts"],
  layout: ["tests/layout/main.ts"],
  setup: ["src/setup/main.ts"],
  gen: ["src/native/generate.ts"],
  docs: ["src/commands/docs.ts"],
  ...Object.fromEntries(
    Object.keys(COMMANDS).map((name) => [name, ["src/cli.ts", name]]),
  ),
};

/** A clone's files without what is installed or built. */
async function freshClone(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "byol-clone-" });
  const words = ["cp", "--recursive", "src", "native", "deno.json", "deno.lock", "mod.ts", folder];
  const { code } = await new Deno.Command(words[0]!, {
    args: words.slice(1),
    cwd: projectRoot,
  }).output();
  equal(code, 0);
  return folder;
}

async function run(
  { cwd, env = {} }: { cwd: string; env?: Record<string, string> },
  ...words: string[]
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: words,
    cwd,
    env,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("each program prints its help on stdout and refuses what it does not know", async () => {
  for (const [name, words] of Object.entries(PROGRAMS)) {
    const help = await run({ cwd: projectRoot }, "run", "--no-prompt", "-R", ...words, "--help");
    equal(help.code, 0, `${name}: ${help.err}`);
    ok(help.out.startsWith(`Usage: deno task ${name}`), help.out);
    equal(help.err, "");
    const wrong = await run(
      { cwd: projectRoot },
      "run",
      ...(TASK_PERMISSIONS as Readonly<Record<string, readonly string[]>>)[name] ??
        ["--no-prompt", "-RE"],
      ...words,
      "--nonsense",
    );
    equal(wrong.code, 2, `${name}: ${wrong.err}`);
    match(wrong.err, new RegExp(`^Cannot use --nonsense: .* see deno task ${name} --help$`, "m"));
    equal(wrong.out, "");
  }
  const list = await run({ cwd: projectRoot }, "run", "--no-prompt", "-R", "src/cli.ts", "--help");
  equal(list.code, 0);
  for (const name of Object.keys(COMMANDS)) match(list.out, new RegExp(`^  ${name} `, "m"));
});

Deno.test("a task answers help and wrong options before any set-up", async () => {
  const clone = await freshClone();
  const before = namesIn(clone);
  // No package is cached, and none can be fetched.
  const cache = await Deno.makeTempDir({ prefix: "byol-cache-" });
  const env = { DENO_DIR: cache, HTTPS_PROXY: "http://127.0.0.1:1" };
  const cases: [words: string[], code: number, out: RegExp, err: RegExp][] = [
    [["train", "--help"], 0, /^Usage: deno task train/, /^Task train .*\n$/],
    [["embed", "--help"], 0, /^Usage: deno task embed/, /^Task embed .*\n$/],
    [["train", "--epochs=3"], 2, /^$/, /^Cannot use --epochs: .* did you mean --nb_epochs$/m],
    [["train", "--batch_size=9", "--ranks=2"], 2, /^$/, /^Cannot train with --batch_size=9 on 2/m],
    [["eval"], 2, /^$/, /^Cannot run deno task eval without --checkpoint/m],
    [["embed", "--checkpoint=x", "--out=a.csv"], 2, /^$/, /^Cannot use --out=a.csv: expected/m],
    [["export", "--checkpoint=x", "--to=tim"], 2, /^$/, /^Cannot use --to=tim: .* mean timm$/m],
    [["views", "--out=a.png", "--preset=x"], 2, /^$/, /^Cannot use --preset=x: expected byol_/m],
    [["pack", "--out=x", "--quality=101"], 2, /^$/, /^Cannot use --quality=101: expected a whole/m],
    [["report", "--images=few"], 2, /^$/, /^Cannot use --images=few: expected a whole number/m],
  ];
  for (const [words, code, out, err] of cases) {
    const started = performance.now();
    const found = await run({ cwd: clone, env }, "task", ...words);
    const seconds = (performance.now() - started) / 1000;
    equal(found.code, code, `${words.join(" ")}: ${found.err}`);
    match(found.out, out);
    // deno task colours its echo.
    // deno-lint-ignore no-control-regex
    match(found.err.replaceAll(/\x1b\[\d+m/g, ""), err);
    ok(seconds < 30, `${words.join(" ")}: ${seconds} s`);
  }
  deepEqual(namesIn(clone), before);
  for (const folder of [clone, cache]) await Deno.remove(folder, { recursive: true });
});

Deno.test("a command finds the packages that set-up has installed in the same program", async () => {
  const clone = await freshClone();
  // All of set-up is done but the packages.
  const here = requireSetup();
  const core = coreFile(clone, here.hash);
  Deno.mkdirSync(dirname(core), { recursive: true });
  Deno.symlinkSync(here.core, core);
  writeSetup(clone, { ...here, core, packages: undefined });
  equal(typeof examineSetup(clone), "object");
  const words = ["task", "embed", "--checkpoint=none.safetensors", "--out=a.parquet"];
  const { code, err } = await run({ cwd: clone }, ...words);
  if (err.includes("Cannot install the npm packages")) {
    skip("the npm packages are neither cached nor to be fetched");
  } else {
    // Without its packages the command would not load, and end with 6.
    equal(code, 5, err);
    match(err, /none\.safetensors/);
    ok(namesIn(clone).includes("node_modules"));
  }
  await Deno.remove(clone, { recursive: true });
});
