/** Tests of a project that is reached by another path than at its set-up: a link, a bind mount, a folder renamed or copied. */

import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { RANK_PERMISSIONS } from "../../src/base/permissions.ts";
import { examineSetup, projectRoot, requireSetup } from "../../src/setup/record.ts";
import type { Outcome } from "../support/byol.ts";
import { copyCheckout } from "../support/copied_checkout.ts";
import { inFolder } from "../support/in_folder.ts";
import { TINY } from "../support/program.ts";
import { skip } from "../support/skip.ts";

async function run(words: readonly string[], cwd: string): Promise<Outcome> {
  const [program = "", ...args] = words;
  const command = new Deno.Command(program, { args, cwd, stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Words that train one step in the checkout `root`, as a rank of a job does, and need its core. */
function training(root: string, out: string): string[] {
  const train = [...TINY, "--limit_train=8", "--max_steps=1", "--clsf_every=0", `--run_dir=${out}`];
  const rank = [Deno.execPath(), "run", "--cached-only", ...RANK_PERMISSIONS];
  return [...rank, join(root, "src/cli.ts"), "train", ...train];
}

function setUp(root: string): string[] {
  return [Deno.execPath(), "run", "-A", join(root, "src/setup/main.ts"), "--offline"];
}

/** Writes the record of a checkout as earlier versions did: with absolute paths. */
function makeRecordAbsolute(root: string): void {
  const record = { ...requireSetup(root), deno: Deno.execPath() };
  Deno.writeTextFileSync(join(root, ".byol/setup.json"), JSON.stringify(record));
}

for (const version of ["earlier", "present"] as const) {
  Deno.test(`the ${version} record holds by a link, after a move and in a copy`, async () => {
    await inFolder(async (folder) => {
      const root = copyCheckout(join(folder, "project"));
      if (version === "earlier") makeRecordAbsolute(root);
      const link = join(folder, "link");
      Deno.symlinkSync(root, link);
      const ways = [
        { way: link, begin: () => {}, end: () => {} },
        {
          way: join(folder, "moved"),
          begin: () => Deno.renameSync(root, join(folder, "moved")),
          end: () => Deno.renameSync(join(folder, "moved"), root),
        },
        {
          way: join(folder, "copy"),
          begin: () => copyTreeOf(root, join(folder, "copy")),
          end: () => {},
        },
      ];
      for (const [at, { way, begin, end }] of ways.entries()) {
        begin();
        const trained = await run(training(way, join(folder, `run-${at}`)), folder);
        equal(trained.code, 0, `${way}: ${trained.stderr}`);
        // A set-up has nothing to do, by whatever path.
        const set = await run(setUp(way), folder);
        deepEqual([set.code, set.stderr], [0, ""], way);
        end();
        equal(typeof examineSetup(root), "object", way);
      }
    });
  });
}

function copyTreeOf(from: string, to: string): void {
  new Deno.Command("cp", { args: ["--archive", from, to] }).outputSync();
}

Deno.test("a bind mount of the project trains and is set up, and so is the project itself after", async () => {
  await inFolder(async (folder) => {
    const root = copyCheckout(join(folder, "project"));
    makeRecordAbsolute(root);
    const mounted = join(folder, "mounted");
    Deno.mkdirSync(mounted);
    const commands = [training(mounted, join(folder, "run")), setUp(mounted)]
      .map((words) => words.map((word) => `'${word}'`).join(" ")).join(" && ");
    const script = `mount --bind '${root}' '${mounted}' || exit 99; ${commands}`;
    const found = await run(["unshare", "--mount", "sh", "-c", script], folder)
      .catch(() => undefined);
    if (found === undefined || found.code === 99 || /unshare failed/.test(found.stderr)) {
      return skip("unshare --mount is not allowed here; run as root");
    }
    equal(found.code, 0, found.stderr);
    doesNotMatch(found.stderr, /setting up/);
    const trained = await run(training(root, join(folder, "again")), folder);
    equal(trained.code, 0, trained.stderr);
  });
});

Deno.test("a libtorch, a run and its data by another path are the same", async () => {
  await inFolder(async (folder) => {
    const root = copyCheckout(join(folder, "project"));
    const { libtorch } = requireSetup(root);
    Deno.symlinkSync(libtorch, join(folder, "libtorch"));
    const env = ["env", `LIBTORCH=${join(folder, "libtorch")}`];
    const set = await run([...env, ...setUp(root)], folder);
    deepEqual([set.code, set.stderr], [0, ""]);

    const runs = join(folder, "run");
    equal((await run(training(projectRoot, runs), folder)).code, 0);
    Deno.symlinkSync(runs, join(folder, "other"));
    const checkpoint = [...Deno.readDirSync(join(runs, "checkpoints"))][0]!.name;
    const more = [...training(projectRoot, runs), "--max_steps=2"];
    const resumed = await run(
      [...more, `--resume=${join(folder, "other/checkpoints", checkpoint)}`],
      folder,
    );
    equal(resumed.code, 0, resumed.stderr);
    match(resumed.stdout, /Trained 2 steps/);
    doesNotMatch(resumed.stderr, /another run|warning/i);
  });
});
