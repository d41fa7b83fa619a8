/**
 * The main job on the embedded images with three seeds: accuracy of the untrained and of the trained encoder. Each
 * run is the command that users type, in a folder of its own.
 */

import { join } from "node:path";
import type { EvalRow } from "../src/run/metrics.ts";
import { RANK_PERMISSIONS } from "../src/base/permissions.ts";
import { projectRoot } from "../src/setup/record.ts";

const SEEDS = [0, 1, 2];
/** Points of k-NN that training must win on every seed. */
const REQUIRED_GAIN = 10;

/** Prints the table; the exit code is 1 where a seed wins less than it must. */
export async function bench(args: string[]): Promise<void> {
  const folder = await Deno.makeTempDir();
  const rows = [[
    "seed",
    "k-NN untrained",
    "k-NN trained",
    "gain",
    "probe untrained",
    "probe trained",
    "minutes",
  ]];
  const gains: number[] = [];
  for (const seed of SEEDS) {
    const startedAt = performance.now();
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", ...RANK_PERMISSIONS],
        ...["src/cli.ts", "train", "--format=json", `--seed=${seed}`],
        ...[`--run_dir=${join(folder, String(seed))}`, ...args],
      ],
      cwd: projectRoot,
      stderr: "inherit",
    }).output();
    if (code !== 0) throw new Error(`the run with seed ${seed} ended with ${code}`);
    const minutes = (performance.now() - startedAt) / 60_000;
    const { evaluations } = JSON.parse(new TextDecoder().decode(stdout)) as {
      evaluations: EvalRow[];
    };
    const [before, after] = [evaluations[0], evaluations.at(-1)];
    if (before === undefined || after === undefined) throw new Error("the run has no evaluations");
    gains.push(after.knn_top1 - before.knn_top1);
    const figures = [
      before.knn_top1,
      after.knn_top1,
      after.knn_top1 - before.knn_top1,
      before.top1,
      after.top1,
    ];
    rows.push([String(seed), ...figures.map((value) => value.toFixed(1)), minutes.toFixed(1)]);
  }
  await Deno.remove(folder, { recursive: true });
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  console.log(
    `mean gain ${mean.toFixed(1)} points of k-NN, smallest ${Math.min(...gains).toFixed(1)}`,
  );
  if (Math.min(...gains) < REQUIRED_GAIN) Deno.exitCode = 1;
}
