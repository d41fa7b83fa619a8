/** Comparison of two groups of runs: statistics, what is refused, the command's own words. */

import { deepEqual, doesNotMatch, equal, match, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { TASK_PERMISSIONS } from "../../../src/base/permissions.ts";
import { compared } from "../../../src/report/comparison.ts";
import { pairedStatistics } from "../../../src/report/paired.ts";
import { runsIn } from "../../../src/report/runs_in.ts";
import { projectRoot } from "../../../src/setup/record.ts";
import { inFolder } from "../../support/in_folder.ts";
import { type RunShape, writeRun } from "../../support/run_files.ts";

const A = [50, 52, 49, 51, 53];
const B = [51.5, 52.5, 51, 52, 53.2];

/** Writes a folder of runs, one for each accuracy, with the seeds 0, 1, 2, … */
async function writeGroup(
  folder: string,
  accuracies: readonly number[],
  { args, firstSeed = 0, tested = 1000 }: Pick<RunShape, "args" | "tested"> & {
    firstSeed?: number;
  },
): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [at, top1] of accuracies.entries()) {
    const seed = firstSeed + at;
    const run = await writeRun({ steps: 4, every: 2, totalSteps: 100, top1, seed, args, tested });
    await Deno.rename(run.path, join(folder, `seed_${seed}`));
  }
  return folder;
}

async function compare(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...TASK_PERMISSIONS.compare, "src/cli.ts", "compare", ...args],
    cwd: projectRoot,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("few differences have a known interval, exact p and number of pairs", () => {
  const { mean, deviation, interval, p, leastP } = pairedStatistics([1, 2, 3]);
  equal(mean, 2);
  equal(deviation, 1);
  // t of 0.975 at 2 degrees of freedom is 4.302653.
  ok(Math.abs(interval[0] - (2 - 4.302653 / Math.sqrt(3))) < 1e-5);
  ok(Math.abs(interval[1] - (2 + 4.302653 / Math.sqrt(3))) < 1e-5);
  // Of the eight choices of signs, + + + and − − − alone reach a sum of 6.
  deepEqual([p, leastP], [0.25, 0.25]);
  // Of 1, −1: the sum 0 is reached by all.
  equal(pairedStatistics([1, -1]).p, 1);
  equal(pairedStatistics(Array.from({ length: 17 }, (_, at) => at)).p, null);
  equal(pairedStatistics([0.3, 0.3, 0.3]).pairsNeeded, 2);
  equal(pairedStatistics([0, 1e9]).pairsNeeded, null);
});

Deno.test("compare prints means, difference, interval, test, noise, and what differs", async () => {
  await inFolder(async (folder) => {
    const a = await writeGroup(join(folder, "a"), A, { args: ["--tau_base=0.97"] });
    const b = await writeGroup(join(folder, "b"), B, { args: ["--tau_base=0.5"] });
    await writeGroup(a, [40], { args: ["--tau_base=0.97"], firstSeed: 9 });
    const { code, out, err } = await compare(a, b);
    equal(code, 0, err);
    match(out, /^They differ in --tau_base=0\.97 in A, 0\.5 in B$/m);
    match(out, /^Left out, without a partner: seed 9 of A$/m);
    match(out, /^5 pairs of seeds, in % +k-NN top-1 +probe top-1$/m);
    match(out, /^mean of A +40\.00 +51\.00$/m);
    match(out, /^mean of B +40\.00 +52\.04$/m);
    match(out, /^B − A in points +\+0\.00 +\+1\.04$/m);
    match(out, /^95 % t interval of B − A .*\+0\.13 to \+1\.95$/m);
    match(out, /^p of the sign-flip test \(least possible: 0\.063\) +1 +0\.063$/m);
    match(out, /^noise of the 1,000 test images +± 1\.55 +± 1\.58$/m);
    match(out, /^further pairs to tell 0\.5 points +0 +\d+$/m);
    const json = JSON.parse((await compare(a, b, "--format=json")).out);
    equal(json.accuracies.top1.mean.toFixed(2), "1.04");
    deepEqual([json.seeds, json.unpaired], [[0, 1, 2, 3, 4], { a: [9], b: [] }]);
  });
});

Deno.test("what is no group, or cannot be paired, is refused by name", async () => {
  await inFolder(async (folder) => {
    const path = (name: string): string => join(folder, name);
    const group = (name: string, values: number[], args: string[], firstSeed = 0) =>
      writeGroup(path(name), values, { args, firstSeed });
    await group("a", [50, 51], []);
    await group("other", [50, 51], ["--tau_base=0.5"], 7);
    await group("one", [50], ["--tau_base=0.5"]);
    await group("mixed", [50, 51], ["--tau_base=0.5"]);
    await group("mixed", [50], ["--tau_base=0.6"], 5);
    const refusal = (a: string, b: string): () => unknown => () =>
      compared(runsIn(path(a), []), runsIn(path(b), []));
    throws(refusal("a", "a"), /^UserError: Cannot compare: A and B are runs of the same recipe/);
    throws(refusal("a", "one"), /B is a single run: expected two or more/);
    throws(refusal("a", "other"), /A has the seeds 0, 1 and B has 7, 8: expected two common/);
    throws(refusal("mixed", "a"), /the runs of A differ in more than the seed .*--tau_base=0\.5/);
    const words = await compare(path("a"));
    deepEqual([words.code, words.out], [2, ""]);
    match(words.err, /^Cannot compare 1 folder: expected two, deno task compare A B\n$/);
    const none = await compare(path("a"), path("none"));
    equal(none.code, 4);
    match(none.err, /^Cannot read the run in .*none: there is no metrics\.jsonl/);
    const help = await compare("--help");
    match(help.out, /^Usage: deno task compare A B \[options\]$/m);
    doesNotMatch(help.err, /./);
  });
});
