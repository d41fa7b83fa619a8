/** watch and metrics: what they show of a run's files, whole or not. */

import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { csvOf } from "../../../src/report/metrics_csv.ts";
import { readRun } from "../../../src/report/run_data.ts";
import { frameOf, sparkline } from "../../../src/report/watch_frame.ts";
import { TASK_PERMISSIONS } from "../../../src/base/permissions.ts";
import { projectRoot } from "../../../src/setup/record.ts";
import { writeRun } from "../../support/run_files.ts";

async function program(name: "watch" | "metrics", ...args: string[]): Promise<
  Deno.CommandOutput & {
    out: string;
    err: string;
  }
> {
  const output = await new Deno.Command(Deno.execPath(), {
    // Reading alone, for watch: what it promises.
    args: ["run", ...TASK_PERMISSIONS[name], "src/cli.ts", name, ...args],
    cwd: projectRoot,
  }).output();
  const decoder = new TextDecoder();
  return { ...output, out: decoder.decode(output.stdout), err: decoder.decode(output.stderr) };
}

Deno.test("watch draws a frame of a run from its files alone", async () => {
  await using run = await writeRun({ steps: 40, every: 2, totalSteps: 100 });
  const { code, out, err } = await program("watch", `--run_dir=${run.path}`, "--once");
  equal(code, 0, err);
  match(out, /40 % · step 40 of 100 · 0:10 left of training/);
  match(out, /^epoch 4 of 10$/m);
  match(out, /^loss {15}█▇?.*▁ +0\.5/m);
  match(out, /^embedding std .* 0 to 0\.\d+, 1\/√z_dim$/m);
  // Names, values and notes stand below each other.
  const curves = out.split("\n").filter((line) => /[▁▂▃▄▅▆▇█]/.test(line) && !line.includes("%"));
  equal(new Set(curves.map((line) => /^[\s\S]{19}/u.exec(line)?.[0].at(-1))).size, 1);
  equal(new Set(curves.map((line) => [...line].findIndex((one) => /[▁-█]/.test(one)))).size, 1);
  match(out, /last evaluation, after epoch 2: k-NN 40\.00 %, linear probe top-1 50\.00 %/);
  match(out, /no alarms/);
  match(out, /not running: the same command resumes it/);
});

Deno.test("watch raises its alarms: collapse, silence, bad files, a half-written line", async () => {
  await using run = await writeRun({ steps: 50, every: 1, totalSteps: 100, embeddingStd: 1e-4 });
  const metrics = join(run.path, "metrics.jsonl");
  Deno.writeTextFileSync(metrics, '{"kind":"tra', { append: true });
  const reasons = [{ index: 3, reason: "truncated" }];
  Deno.writeTextFileSync(join(run.path, "bad_files.json"), JSON.stringify({ train: reasons }));
  Deno.mkdirSync(join(run.path, "lock"));
  const owner = { host: "node7", pid: 12, job: "4711", since: "2026-01-01T00:00:00Z" };
  Deno.writeTextFileSync(join(run.path, "lock", "owner"), JSON.stringify(owner));
  const written = Deno.statSync(metrics).mtime!.getTime();
  const { text, isFinished } = frameOf(readRun(run.path), {
    columns: 80,
    now: written + 3_600_000,
  });
  ok(!isFinished);
  match(text, /lock held on node7 by job 4711 since 2026-01-01/);
  match(text, /! The last line of .*metrics\.jsonl is incomplete/);
  match(text, /! The embeddings have collapsed/);
  match(text, /! 1 image file cannot be used/);
  match(text, /! Nothing was logged for 1:00:00/);
});

Deno.test("a folder that is no run, and one whose record is damaged", async () => {
  const folder = await Deno.makeTempDir();
  for (const name of ["watch", "metrics"] as const) {
    const missing = await program(name, `--run_dir=${folder}`);
    equal(missing.code, 4);
    match(missing.err, /Cannot read the run in .*no metrics\.jsonl, expected the folder of a run/);
    const misused = await program(name, "--rundir=x");
    equal(misused.code, 2);
    match(misused.err, /^Cannot use --rundir: no such option, did you mean --run_dir$/m);
  }
  await Deno.remove(folder, { recursive: true });
  await using run = await writeRun({ steps: 4, every: 2, totalSteps: 100 });
  Deno.writeTextFileSync(join(run.path, "config.json"), "{");
  const { code, out } = await program("watch", `--run_dir=${run.path}`, "--once");
  equal(code, 0);
  match(out, /step 4 of 100/);
  match(out, /! Cannot use .*config\.json: expected the JSON record of a run/);
});

Deno.test("metrics writes CSV with a column for every name, and quotes what needs it", async () => {
  await using run = await writeRun({ steps: 4, every: 2, totalSteps: 100 });
  const path = join(run.path, "metrics.csv");
  const { code, out } = await program("metrics", `--run_dir=${run.path}`, `--out=${path}`);
  equal(code, 0);
  match(out, /Wrote \d+ rows to/);
  const [head = "", ...lines] = Deno.readTextFileSync(path).trim().split("\n");
  const columns = head.split(",");
  equal(columns.slice(0, 4).join(), "kind,step,epoch,time");
  const train = lines.filter((line) => line.startsWith("train,"));
  equal(train.length, 2);
  equal(train[1]?.split(",")[columns.indexOf("tau")], "0.99");
  equal(
    csvOf([{ kind: "run", step: 0, time: 'a "b", c', list: ["x"] }]),
    'kind,step,epoch,time,list\nrun,0,,"a ""b"", c","[""x""]"\n',
  );
});

Deno.test("a sparkline goes from the least to the largest, and marks what is no number", () => {
  equal(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8), "▁▂▃▄▅▆▇█");
  equal(sparkline([0, 0, 7, 7], 2), "▁█");
  equal(sparkline([1, NaN, 1], 3), "▅×▅");
  equal(sparkline(Array.from({ length: 1000 }, (_, index) => index), 10).length, 10);
});
