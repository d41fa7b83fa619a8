import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import {
  copyGolden,
  GOLDEN,
  GOLDEN_EVALUATION,
  GOLDEN_RUNS,
  GOLDEN_STEPS,
  goldenArgs,
  type GoldenEnds,
  processorHere,
} from "../support/golden.ts";
import { inFolder } from "../support/in_folder.ts";
import { runProgram } from "../support/program.ts";
import { checkpointOf, rowsOf, withoutTimes } from "../support/ranks_run.ts";

const ENDS: GoldenEnds = JSON.parse(Deno.readTextFileSync(join(GOLDEN, "expected.json")));
/** On the processor that the runs were made on, the same numbers are the same bits. */
const isExact = ENDS.processor === processorHere();

async function succeed(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(args);
  equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout;
}

async function described(
  checkpoint: string,
): Promise<{ step: number; tensors: number; sha256: string }> {
  return JSON.parse(await succeed(["info", `--checkpoint=${checkpoint}`, "--format=json"]));
}

/** Fields that later versions have added to evaluations and invocations. */
const ADDED: readonly string[] = [
  ...["classes", "computer", "core", "changed", "core_seconds"],
  ...["balanced_top1", "per_class", "confusion"],
];

/** Fails unless two objects have the same fields with the same values, or on another processor similar ones. */
function requireLike(found: object, expected: object, name: string): void {
  deepEqual(Object.keys(found).filter((field) => !ADDED.includes(field)), Object.keys(expected));
  const values: Record<string, unknown> = { ...found };
  for (const [field, before] of Object.entries(expected)) {
    const now = values[field];
    // Percentages of a few images jump.
    const allowed = isExact ? 0 : /top\d$/.test(field) ? 15 : 0.02 * Math.abs(before);
    const isLike = typeof now === "number" ? Math.abs(now - before) <= allowed : now === before;
    ok(isLike, `${name}: ${field} is ${now}, expected ${before}${isExact ? "" : " or about that"}`);
  }
}

for (const name of Object.keys(GOLDEN_RUNS)) {
  const end = ENDS.runs[name]!;
  const { interrupted, whole } = GOLDEN_STEPS;

  Deno.test(`a run of version 0.1.0 is described, evaluated and exported: ${name}`, async () => {
    await inFolder(async (folder) => {
      const run = join(folder, name);
      copyGolden(name, run);
      const checkpoint = checkpointOf(run, interrupted);
      const { step, sha256 } = await described(checkpoint);
      deepEqual({ step, sha256 }, { step: interrupted, sha256: end.interrupted });

      const options = [`--checkpoint=${checkpoint}`, ...GOLDEN_EVALUATION, "--threads=1"];
      const evaluation = JSON.parse(await succeed(["eval", ...options, "--format=json"]));
      requireLike(evaluation, end.evaluation, "eval");

      const out = join(folder, "exported");
      await succeed(["export", `--checkpoint=${checkpoint}`, "--to=safetensors", `--out=${out}`]);
      ok(Deno.statSync(join(out, "encoder.safetensors")).size > 1_000_000);
    });
  });

  Deno.test(`a run of version 0.1.0 is resumed to its end: ${name}`, async () => {
    await inFolder(async (folder) => {
      const run = join(folder, name);
      copyGolden(name, run);
      const before = rowsOf(run);
      await succeed(goldenArgs(name, `--run_dir=${run}`));

      const rows = rowsOf(run);
      deepEqual(rows.slice(0, before.length), before);
      equal(rows.length, end.rows.length);
      for (const [index, row] of rows.map(withoutTimes).entries()) {
        requireLike(row, end.rows[index]!, `row ${index}`);
      }
      const last = await described(checkpointOf(run, whole));
      equal(last.step, whole);
      if (isExact) equal(last.sha256, end.whole);

      const report = join(folder, "report.html");
      const options = [`--run_dir=${run}`, "--images=0", `--out=${report}`];
      await succeed(["report", ...options]);
      const text = Deno.readTextFileSync(report).replaceAll(/(<[^>]*>|\s)+/g, " ");
      ok(text.includes(` ${whole} steps epoch 2 `), "the report tells another number of steps");
    });
  });
}
