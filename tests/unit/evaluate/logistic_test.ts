/** Evaluation by logistic regression (`--protocol=logreg`). */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { describeCheckpoint } from "../../../src/native/checkpoint.ts";
import { strengthNote } from "../../../src/commands/eval_text.ts";
import { STRENGTHS } from "../../../src/recipes/probe.ts";
import { byol } from "../../support/byol.ts";
import { inFolder } from "../../support/in_folder.ts";

const EVAL = [
  ...["eval", "--checkpoint=checkpoints/byol_demo_resnet20.safetensors", "--threads=1"],
  ...["--protocol=logreg", "--limit_train=200"],
];

Deno.test("the strengths are 45, a quarter of a decade apart, from 1e5 to 1e-6", () => {
  equal(STRENGTHS.length, 45);
  ok(Math.abs(STRENGTHS[0]! - 1e5) < 1e-6 && Math.abs(STRENGTHS.at(-1)! - 1e-6) < 1e-18);
  for (const [at, strength] of STRENGTHS.slice(1).entries()) {
    ok(Math.abs(Math.log10(STRENGTHS[at]! / strength) - 0.25) < 1e-9);
  }
});

Deno.test("eval by logistic regression chooses a strength, and finds the same each time", () =>
  inFolder(async (folder) => {
    const path = join(folder, "probe.safetensors");
    const { code, stdout, stderr } = await byol(...EVAL, "--format=json", `--save_probe=${path}`);
    equal(code, 0, stderr);
    const found = JSON.parse(stdout);
    equal(found.protocol, "logreg");
    equal(found.tested, 1000);
    ok(STRENGTHS.includes(found.details.l2_strength), stdout);
    ok(found.details.held_out_top1 > 20 && found.top1 > 30 && found.top5 > found.top1, stdout);
    const right = found.confusion.reduce(
      (sum: number, row: number[], at: number) => sum + row[at]!,
      0,
    );
    ok(Math.abs(right / 10 - found.top1) < 1e-9);
    equal(found.per_class.length, 10);
    const saved = describeCheckpoint(path);
    deepEqual(saved.shapes, { bias: [10], weight: [10, 64] });
    equal(saved.metadata?.protocol, "logreg");
    const again = await byol(...EVAL);
    const strength = Number(found.details.l2_strength.toPrecision(3));
    const top1 = found.top1.toFixed(2);
    ok(
      again.stdout.includes(`logistic regression (penalty ${strength}) top-1 ${top1} ±`),
      again.stdout,
    );
    match(again.stdout, /\(1,000 test images/);
  }));

Deno.test("a strength on the edge of those tried is noted", () => {
  match(
    strengthNote({ details: { l2_strength: STRENGTHS[0]! } })!,
    /100000, is the strongest of the 45/,
  );
  match(
    strengthNote({ details: { l2_strength: STRENGTHS[44]! } })!,
    /0\.000001, is the weakest of/,
  );
  equal(strengthNote({ details: { l2_strength: STRENGTHS[20]! } }), undefined);
  equal(strengthNote({}), undefined);
});
