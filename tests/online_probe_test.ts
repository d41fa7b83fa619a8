/** The linear probe that trains beside: it sees the encoder, and the encoder does not see it. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { readMetrics, type TrainRow } from "../src/metrics.ts";
import { byol } from "./byol.ts";

const SMALL = [
  ...["--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--log_every=1", "--threads=1"],
  ...["--clsf_every=0", "--tensorboard=false"],
];

Deno.test("the encoder is the same with and without the online probe, wherever that began", async () => {
  const folder = await Deno.makeTempDir({ prefix: "byol-online-probe-" });
  const start = async (run: string, ...args: string[]): Promise<string> => {
    const { code, stderr } = await byol(
      "train",
      ...SMALL,
      `--run_dir=${join(folder, run)}`,
      ...args,
    );
    equal(code, 0, stderr);
    return stderr;
  };
  const sha256 = async (run: string, file: string): Promise<string> => {
    const path = join(folder, run, file);
    const { stdout, stderr } = await byol("info", `--checkpoint=${path}`, "--format=json");
    equal(stderr, "");
    return JSON.parse(stdout).sha256;
  };
  const rows = (run: string): Partial<TrainRow>[] =>
    readMetrics(join(folder, run, "metrics.jsonl"))
      .filter((row): row is TrainRow => row.kind === "train")
      .map(({ images_per_second: _, ...row }) => row);
  try {
    await start("with", "--max_steps=6");
    await start("without", "--max_steps=6", "--online_probe=false");
    const encoder = "encoder.safetensors";
    equal(await sha256("with", encoder), await sha256("without", encoder));
    const names = Object.keys(rows("without")[0] ?? {});
    ok(names.includes("effective_rank") && !names.includes("online_top1"), names.join());
    for (const row of rows("with")) {
      ok(row.online_top1! >= 0 && row.online_top1! <= 100 && row.online_loss! > 0);
      // 32 embeddings without their mean.
      ok(row.effective_rank! > 1 && row.effective_rank! <= 31, String(row.effective_rank));
    }
    // Zeros say nothing of ten classes.
    ok(Math.abs(rows("with")[0]!.online_loss! - Math.log(10)) < 1e-5);
    ok(Math.abs(rows("with").at(-1)!.online_loss! - Math.log(10)) > 1e-4);

    await start("cut", "--max_steps=3");
    await start("cut", "--max_steps=6");
    deepEqual(rows("cut"), rows("with"));
    const last = join("checkpoints", "step-000000006.safetensors");
    equal(await sha256("cut", last), await sha256("with", last));

    await start("late", "--max_steps=3", "--online_probe=false");
    const said = await start("late", "--max_steps=6");
    match(said, /step-000000003\.safetensors holds no online probe: a new one starts at step 3/);
    equal(await sha256("late", encoder), await sha256("with", encoder));
    await start("early", "--max_steps=3");
    await start("early", "--max_steps=6", "--online_probe=false");
    equal(await sha256("early", last), await sha256("without", last));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
