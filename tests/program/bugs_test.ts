import { equal, match, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { ExitCode } from "../../src/base/exit_codes.ts";
import { main as embed } from "../../src/commands/embed.ts";
import { main as evaluate } from "../../src/commands/eval.ts";
import { main as train } from "../../src/commands/train/command.ts";
import { main as views } from "../../src/commands/views.ts";
import { saveProbe } from "../../src/evaluate/saved_probe.ts";
import { Dataset } from "../../src/native/dataset.ts";
import { Learner } from "../../src/native/learner.ts";
import { Probe } from "../../src/native/probe.ts";
import { describeOrThrow } from "../../src/run/checkpoint.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { inFolder } from "../support/in_folder.ts";
import { TINY } from "../support/program.ts";

/** A defect as a refactoring may bring it: a property of undefined. */
function defect(): never {
  return (undefined as unknown as { planted: () => never }).planted();
}

/** Replaces a method by a defect while a body runs. */
async function planted<Target extends object>(
  target: Target,
  method: keyof Target,
  body: () => unknown,
): Promise<void> {
  const kept = target[method];
  target[method] = defect as Target[keyof Target];
  try {
    await body();
  } finally {
    target[method] = kept;
  }
}

/** A defect as it is thrown: with its own type and stack. */
function isDefect(error: unknown): true {
  equal(error instanceof TypeError, true, String(error));
  match((error as Error).stack ?? "", /\bdefect\b.*bugs_test\.ts:\d+/);
  return true;
}

async function withRun(body: (paths: { run: string; folder: string }) => Promise<void>) {
  await inFolder(async (folder) => {
    const run = join(folder, "run");
    const options = [...TINY, "--clsf_every=0", "--max_steps=2", `--run_dir=${run}`];
    equal(await train(options), ExitCode.ok);
    await body({ run, folder });
  });
}

Deno.test("a bug where a file is read keeps its stack, in every command", () =>
  withRun(async ({ run, folder }) => {
    const file = join(run, "encoder.safetensors");
    const options = [...TINY, "--clsf_every=0", "--max_steps=3"];
    await planted(Learner.prototype, "load", async () => {
      await rejects(train([...options, `--run_dir=${run}`]), isDefect);
    });
    await planted(Learner.prototype, "initEncoder", async () => {
      const begun = [`--run_dir=${join(folder, "begun")}`, `--init_from=${file}`];
      await rejects(train([...options, ...begun]), isDefect);
    });
    const [shared, out] = [[`--checkpoint=${file}`, "--threads=1"], join(folder, "e.npy")];
    await planted(Learner.prototype, "loadEncoder", async () => {
      await rejects(evaluate(shared), isDefect);
      await rejects(embed([...shared, `--out=${out}`]), isDefect);
    });
    await planted(JSON, "parse", () => throws(() => describeOrThrow(file), isDefect));
  }));

Deno.test("a bug where a file is written keeps its stack", () =>
  inFolder(async (folder) => {
    await planted(Dataset.prototype, "writeSheet", async () => {
      await rejects(views([`--out=${join(folder, "views.png")}`]), isDefect);
    });
    await planted(Probe.prototype, "save", () => {
      const parts = { config: {}, weights: {} } as Parameters<typeof saveProbe>[1];
      throws(() => saveProbe(new Probe(0), parts), isDefect);
    });
  }));

Deno.test("a bug ends a program with its stack and exit code 1; a damaged file with one sentence", () =>
  withRun(async ({ run, folder }) => {
    const file = join(run, "encoder.safetensors");
    const script = join(folder, "planted.ts");
    await Deno.writeTextFile(
      script,
      `import { runMain } from "${projectRoot}/src/base/exit_codes.ts";
import { main } from "${projectRoot}/src/commands/eval.ts";
import { Learner } from "${projectRoot}/src/native/learner.ts";
if (Deno.args[0] === "planted") Learner.prototype.loadEncoder = () => undefined.planted();
await runMain(() => main(Deno.args.slice(1)));
`,
    );
    const start = async (...args: string[]) => {
      const run = ["run", "--no-check", "--no-prompt", "--allow-all", script, ...args];
      const ended = await new Deno.Command(Deno.execPath(), {
        args: run,
        cwd: projectRoot,
        env: { NO_COLOR: "1" },
      })
        .output();
      return { code: ended.code, stderr: new TextDecoder().decode(ended.stderr) };
    };
    const bug = await start("planted", `--checkpoint=${file}`, "--threads=1");
    equal(bug.code, ExitCode.unexpected, bug.stderr);
    match(bug.stderr, /TypeError[^]*planted\.ts:4[^]*src\/commands\/eval\.ts/);
    const damaged = join(folder, "damaged.safetensors");
    await Deno.writeFile(damaged, (await Deno.readFile(file)).slice(0, 1000));
    const sentence = await start("whole", `--checkpoint=${damaged}`, "--threads=1");
    equal(sentence.code, ExitCode.checkpoint, sentence.stderr);
    match(sentence.stderr, /^Cannot read the checkpoint .*\n$/);
  }));
