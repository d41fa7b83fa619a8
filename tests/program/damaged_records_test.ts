/** Tests that the records of a run, edited or damaged in any way, end in sentences and never in a trace or a wait. */

import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { ExitCode, UserError } from "../../src/base/exit_codes.ts";
import { claimRunFolder, readRunRecord } from "../../src/run/record.ts";
import { curves } from "../../src/report/curves_section.ts";
import { evaluations } from "../../src/report/evaluation_section.ts";
import { csvOf } from "../../src/report/metrics_csv.ts";
import { readRun, type RunData } from "../../src/report/run_data.ts";
import * as sections from "../../src/report/sections.ts";
import { story } from "../../src/report/story.ts";
import { frameOf } from "../../src/report/watch_frame.ts";
import { runFolderAt } from "../../src/run/folder.ts";
import { groupsOf } from "../../src/run/groups.ts";
import { readMetrics } from "../../src/run/metrics_file.ts";
import { finishedResult, readResult } from "../../src/run/result.ts";
import { resultTable } from "../../src/run/result_table.ts";
import { byol } from "../support/byol.ts";
import { copyGolden, goldenArgs } from "../support/golden.ts";
import { inFolder } from "../support/in_folder.ts";

/** One variant of rows in this many is drawn. */
const EVERY = 11;
/** Values that stand for each entry of a record in turn. */
const ODD: readonly unknown[] = [null, 7, -1, 1.5, "x", "", true, [], {}, [null], [7], { a: 1 }];

/** Returns copies of a record: each entry, at any depth, left out or replaced by each odd value. */
function* variantsOf(record: unknown): Generator<unknown> {
  yield* ODD;
  if (typeof record !== "object" || record === null) return;
  for (const key of Object.keys(record)) {
    const { [key]: inner, ...rest } = record as Record<string, unknown>;
    const rebuilt = (value: unknown): unknown =>
      Array.isArray(record)
        ? record.map((one, index) => String(index) === key ? value : one)
        : { ...record, [key]: value };
    yield Array.isArray(record) ? Object.values(rest) : rest;
    for (const variant of variantsOf(inner)) yield rebuilt(variant);
  }
}

/** Fails where a call throws anything but a sentence. */
function endsInSentence(act: () => unknown, what: string): void {
  try {
    act();
  } catch (error) {
    ok(error instanceof UserError, `${what}: ${(error as Error).stack}`);
  }
}

Deno.test("a record of any shape is used or refused in a sentence", async () => {
  await inFolder((root) => {
    const run = join(root, "run");
    copyGolden("plain", run);
    const folder = runFolderAt(run);
    const record = readRunRecord(folder);
    ok(record !== null);
    const stored = JSON.parse(Deno.readTextFileSync(folder.configFile));
    let tried = 0;
    for (const variant of variantsOf(stored)) {
      const text = JSON.stringify(variant);
      Deno.writeTextFileSync(folder.configFile, text);
      endsInSentence(() => {
        const found = claimRunFolder(folder, record.config);
        if (found === null) throw new Error("a damaged record counts as none");
        // What the program reads of it.
        found.data.digest.slice();
        found.versions.byol.slice();
        Object.keys(found.augmentation.view1);
        Object.keys(found.origins);
      }, text.slice(0, 300));
      tried++;
    }
    ok(tried > 500, `${tried} variants`);
  });
});

Deno.test("a result and rows of any shape are used or left out", async () => {
  await inFolder((root) => {
    const run = join(root, "run");
    copyGolden("plain", run);
    const folder = runFolderAt(run);
    const { config } = readRunRecord(folder)!;
    const file = join(run, "result.json");
    const stored = {
      ...JSON.parse(Deno.readTextFileSync(file)),
      evaluations: [{ kind: "eval", step: 6, epoch: 1, top1: 1, top5: 2, knn_top1: 3 }],
      notes: ["a"],
      config: { seed: 0 },
    };
    for (const variant of variantsOf(stored)) {
      Deno.writeTextFileSync(file, JSON.stringify(variant));
      const found = readResult(folder);
      for (const note of found?.notes ?? []) note.slice();
      if (found !== undefined) resultTable(found.evaluations);
      finishedResult(folder, config, "auto");
    }
    const rows = Deno.readTextFileSync(folder.metricsFile).trim().split("\n");
    const kinds = new Map(rows.map((line) => [JSON.parse(line).kind, JSON.parse(line)]));
    equal([...kinds.keys()].sort().join(), "eval,run,train");
    for (const row of kinds.values()) {
      for (const variant of variantsOf(row)) {
        Deno.writeTextFileSync(folder.metricsFile, `${JSON.stringify(variant)}\n`);
        const found = readMetrics(folder.metricsFile, { damaged: () => {} });
        resultTable(found.filter((one) => one.kind === "eval"));
      }
    }
  });
});

Deno.test("what reads a run without training it takes records of any shape", async () => {
  await inFolder((root) => {
    const path = join(root, "run");
    copyGolden("plain", path);
    const { configFile, metricsFile } = runFolderAt(path);
    const texts = {
      config: Deno.readTextFileSync(configFile),
      rows: Deno.readTextFileSync(metricsFile),
    };
    const look = (what: string, read: (run: RunData) => void): void =>
      endsInSentence(() => {
        const run = readRun(path);
        frameOf(run, { columns: 80, now: Date.now() });
        story([run]);
        evaluations(groupsOf([run, run]));
        read(run);
      }, what.slice(-300));
    for (const variant of variantsOf(JSON.parse(texts.config))) {
      const text = JSON.stringify(variant);
      Deno.writeTextFileSync(configFile, text);
      look(text, (run) => {
        sections.options([run, run]);
        sections.environment([run]);
      });
    }
    Deno.writeTextFileSync(configFile, texts.config);
    const lines = texts.rows.trim().split("\n");
    let drawn = 0;
    for (const kind of ["run", "train", "eval"]) {
      const index = lines.findIndex((one) => JSON.parse(one).kind === kind);
      for (const variant of variantsOf(JSON.parse(lines[index]!))) {
        const text = JSON.stringify(variant);
        Deno.writeTextFileSync(metricsFile, lines.with(index, text).join("\n"));
        look(text, (run) => {
          csvOf(run.rows);
          // Plots take long: of one variant in EVERY.
          if (drawn++ % EVERY === 0) curves([run]);
        });
      }
    }
  });
});

Deno.test("a pipe in the place of a record ends an invocation at once", async () => {
  await inFolder(async (root) => {
    for (const name of ["config.json", "metrics.jsonl", "result.json"]) {
      const run = join(root, name);
      copyGolden("plain", run);
      Deno.removeSync(join(run, name));
      await new Deno.Command("mkfifo", { args: [join(run, name)] }).output();
      for (
        const args of [goldenArgs("plain", `--run_dir=${run}`), [
          "watch",
          `--run_dir=${run}`,
          "--once",
        ]]
      ) {
        const { code, stderr } = await within(30, byol(...args), `${args[0]} with ${name}`);
        if (name === "result.json" || args[0] === "watch" && name === "config.json") continue;
        equal(code, ExitCode.runFolder, stderr);
        match(stderr, new RegExp(`${name.replace(".", "\\.")}.*expected a file`));
      }
    }
  });
});

Deno.test("watch does not wait for a pipe in the place of the list of unusable files", async () => {
  await inFolder(async (root) => {
    const run = join(root, "run");
    copyGolden("plain", run);
    await new Deno.Command("mkfifo", { args: [join(run, "bad_files.json")] }).output();
    const { code, stderr } = await within(30, byol("watch", `--run_dir=${run}`, "--once"), "watch");
    equal(code, 0, stderr);
  });
});

/** Fails where a promise is not settled in time. */
async function within<T>(seconds: number, work: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took more than ${seconds} s`)),
      1000 * seconds,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
