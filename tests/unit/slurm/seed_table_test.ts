import { doesNotMatch, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../../src/setup/record.ts";
import { seedTable } from "../../../src/slurm/seed_table.ts";
import { GOLDEN } from "../../support/golden.ts";
import { inFolder } from "../../support/in_folder.ts";

const SEED_TABLE = "src/slurm/seed_table.ts";

/** Writes a finished run of a seed, whose options are those of a golden run but for the given ones. */
function writeSeedRun(
  folder: string,
  seed: number,
  { top1, ...options }: { top1: number; [option: string]: unknown },
): void {
  const run = join(folder, `seed-${seed}`);
  Deno.mkdirSync(run, { recursive: true });
  const row = { kind: "eval", step: 5, epoch: 1, knn_top1: 80, top1, top5: 99.5 };
  const result = { step: 5, totalSteps: 5, evaluations: [row] };
  Deno.writeTextFileSync(join(run, "result.json"), JSON.stringify(result));
  const record = JSON.parse(Deno.readTextFileSync(join(GOLDEN, "plain", "config.json")));
  const config = { ...record.config, seed, runDir: run, ...options };
  Deno.writeTextFileSync(join(run, "config.json"), JSON.stringify({ ...record, config }));
}

Deno.test("the table of seeds has mean and deviation once all are there", () =>
  inFolder((folder) => {
    for (const [seed, top1] of [[1, 90], [2, 92], [10, 94]] as const) {
      writeSeedRun(folder, seed, { top1 });
    }
    const table = seedTable(folder, 3);
    match(table, /\| mean ± std \| 80\.00 ± 0\.00 \| 92\.00 ± 2\.00 \| 99\.50 ± 0\.00 \|$/);
    match(table, /\| 2 \|.*\n\| 10 \|/);
    match(seedTable(folder, 4), /3 of 4 runs are evaluated so far$/);
    Deno.removeSync(join(folder, "seed-2", "result.json"));
    match(seedTable(folder, 3), /\| 2 \| not finished \|[\s\S]*2 of 3/);
  }));

Deno.test("runs that differ in more than the seed have no mean in the table of seeds, by name", () =>
  inFolder(async (folder) => {
    const difference = async (seed: number, options: Record<string, unknown>): Promise<string> => {
      for (const [number, top1] of [[1, 90], [2, 92], [3, 94]] as const) {
        writeSeedRun(folder, number, { top1, ...number === seed ? options : {} });
      }
      // As slurm/array_seeds.sbatch calls it.
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-prompt", "--cached-only", "--allow-read", SEED_TABLE, folder, "3"],
        cwd: projectRoot,
      }).output();
      equal(code, 0, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout);
    };
    match(await difference(0, {}), /mean ± std \| 80\.00/);
    const rate = await difference(2, { learningRate: 0.3 });
    match(rate, /\| 2 +\| 80\.00 \| 92\.00[\s\S]*no mean: seed-1 and seed-2 differ .*--lr_init=/);
    doesNotMatch(rate, /mean ± std/);
    match(await difference(3, { seed: 1 }), /no mean: two runs have the same seed/);
    match(await difference(3, { learningRate: "x" }), /no mean: Cannot use .*seed-3\/config\.json/);
    Deno.removeSync(join(folder, "seed-3", "config.json"));
    match(seedTable(folder, 3), /no mean: seed-1 and seed-3 differ .*config\.json is missing/);
  }));
