/** A run's event files as TensorBoard itself reads them. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { Buffer } from "node:buffer";
import { readMetrics } from "../../src/run/metrics_file.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { byol } from "../support/byol.ts";
import { oracleEnvironment, oracleFolder } from "../runner/oracle.ts";
import { skip } from "../support/skip.ts";

interface Read {
  scalars: Record<string, [step: number, value: number, time: number][]>;
  images: Record<string, [step: number, width: number, height: number, hex: string][]>;
  texts: Record<string, [step: number, text: string][]>;
}

async function readByTensorBoard(folder: string): Promise<Read> {
  const script = join(projectRoot, "tests/parity/oracle/tensorboard_read.py");
  const { code, stdout, stderr } = await new Deno.Command("python3", {
    args: [script, folder],
    env: oracleEnvironment(),
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

const SMALL = [
  ...["--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--threads=1", "--limit_train=64"],
  ...["--nb_epochs=2", "--nb_epochs_clsf=1", "--clsf_augment=false", "--clsf_every=1"],
  ...["--nb_epochs_warmup=0", "--log_every=2"],
];

Deno.test("TensorBoard reads what metrics.jsonl has, once each after a resume", async () => {
  if (oracleFolder() === undefined) {
    return skip("TensorBoard is not installed (run: deno task test --oracle=install)");
  }
  const folder = await Deno.makeTempDir({ prefix: "byol-tensorboard-" });
  const run = join(folder, "run");
  try {
    // Three starts; the second ends at a step that an unbroken run does not log.
    for (const steps of [["--max_steps=2"], ["--max_steps=5"], []]) {
      const { code, stderr } = await byol("train", ...SMALL, `--run_dir=${run}`, ...steps);
      equal(code, 0, stderr);
      // A killed start leaves half a record.
      const events = [...Deno.readDirSync(run)].map(({ name }) => name)
        .filter((name) => name.startsWith("events.")).sort();
      const last = join(run, events.at(-1) ?? "");
      if (steps.length > 0) Deno.writeFileSync(last, new Uint8Array(5), { append: true });
    }
    const rows = readMetrics(join(run, "metrics.jsonl"));
    const { scalars, images, texts } = await readByTensorBoard(run);
    let compared = 0;
    for (const kind of ["train", "eval"] as const) {
      const ours = rows.filter((row) => row.kind === kind) as unknown as Record<string, number>[];
      const names = Object.keys(ours[0] ?? {}).filter((name) => !["kind", "step"].includes(name));
      ok(names.length >= 4, `${kind}: ${names}`);
      for (const name of names) {
        const read = scalars[`${kind}/${name}`] ?? [];
        deepEqual(
          read.map(([step, value]) => [step, value]),
          ours.map((row) => [row.step, Math.fround(row[name]!)]),
          `${kind}/${name}`,
        );
        compared += read.length;
      }
    }
    ok(compared > 30, `${compared} numbers`);
    for (const [, , time] of scalars["train/loss"] ?? []) {
      ok(Math.abs(time - Date.now() / 1000) < 600, `wall time ${time}`);
    }

    const sheet = Deno.readFileSync(join(run, "views.png"));
    const [image, ...others] = images.views ?? [];
    deepEqual(others, []);
    equal(image?.[3], Buffer.from(sheet).toString("hex"));
    const size = new DataView(sheet.buffer, 16, 8);
    deepEqual(image?.slice(0, 3), [0, size.getInt32(0), size.getInt32(4)]);
    const [text, ...more] = texts["options/text_summary"] ?? [];
    deepEqual(more, []);
    match(text?.[1] ?? "", /^\| --batch_size \| 16 \| command line \|$/m);
    match(text?.[1] ?? "", /^\| --momentum \| 0\.9 \| /m);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
