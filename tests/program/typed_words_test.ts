/** Tests of words that a shell or a user leaves odd: ~, relative paths in a folder below, a forgotten value, help of a bench. */

import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../src/setup/record.ts";
import { byol, type Outcome } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";

async function deno(args: readonly string[], options: Deno.CommandOptions): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdin: "null",
    ...options,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("relative paths count from the folder where deno task was typed", async () => {
  const cwd = join(projectRoot, "docs");
  const task = [
    "task",
    "--quiet",
    "info",
    "--checkpoint=../checkpoints/byol_demo_resnet20.safetensors",
  ];
  const found = await deno(task, { cwd, env: { INIT_CWD: cwd } });
  equal(found.code, 0, found.stderr);
  match(found.stdout, /^step \d+$/m);
  // In the program's own folder, and by a variable that another program has left, they count as always.
  for (const left of [projectRoot, "/", "/none"]) {
    const checkpoint = "checkpoints/byol_demo_resnet20.safetensors";
    const same = await deno(["task", "--quiet", "info", "--checkpoint", checkpoint], {
      cwd: projectRoot,
      env: { INIT_CWD: left },
    });
    equal(same.code, 0, `${left}: ${same.stderr}`);
  }
});

Deno.test("a ~ that the shell left, a missing value and an odd choice are refused by name", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "options.json");
    Deno.writeTextFileSync(file, JSON.stringify({ run_dir: "~/x" }));
    const cases: [string[], RegExp][] = [
      [["train", "--run_dir=~/x"], /--run_dir=~\/x: .*"\$HOME\/x"/],
      [["train", "--run_dir", "~someone/x"], /--run_dir=~someone\/x: .*~/],
      [["report", "--run_dir=~"], /--run_dir=~: .*"\$HOME"/],
      [["train", `--config=${file}`], /run_dir.*"\$HOME\/x"/],
      [["views", "--out", "--seed=1"], /--out without a value/],
      [["embed", "--checkpoint=x", "--out", "--seed=1"], /--out without a value/],
      [["info", "--checkpoint=x", "--format=xml"], /--format=xml: expected text or json/],
      [["plan", "--profile=constructor"], /--profile=constructor: expected/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr, stdout } = await byol(...args);
      equal(code, 2, `${args.join(" ")}: ${stderr}`);
      match(stderr, message);
      equal(stdout, "");
    }
    const left = [...Deno.readDirSync(projectRoot)].map(({ name }) => name)
      .filter((name) => /^(~|--)/.test(name));
    deepEqual(left, []);
  });
});

Deno.test("the help of a bench starts no bench", async () => {
  for (const words of [["step", "--help"], ["--help"], ["demo", "-h"], ["constructor"]]) {
    const found = await deno(["run", "--allow-all", "bench/run.ts", ...words], {
      cwd: projectRoot,
    });
    equal(found.code, words[0] === "constructor" ? 2 : 0, found.stderr);
    match(found.stdout + found.stderr, /step: .*PyTorch/);
  }
});

Deno.test("a lock that cannot be written leaves nothing beside it", async () => {
  await inFolder(async (folder) => {
    const script = join(folder, "take.ts");
    const lock = join(folder, "lock");
    Deno.writeTextFileSync(
      script,
      `import { tryTake } from ${JSON.stringify(join(projectRoot, "src/base/lock_folder.ts"))};
       tryTake(${JSON.stringify(lock)}, { name: "me.json", content: "x".repeat(10) });`,
    );
    // Files may have no bytes: what a full disk does to them.
    const limited =
      `trap '' XFSZ; ulimit -f 0; exec ${Deno.execPath()} run -A --no-check --no-config ${script}`;
    const { code } = await new Deno.Command("bash", {
      args: ["-c", limited],
      stdout: "null",
      stderr: "null",
    }).output();
    equal(code, 1);
    deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["take.ts"]);
  });
});
