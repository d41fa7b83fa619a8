import { deepEqual, equal, match, ok } from "node:assert/strict";
import { projectRoot } from "../../src/setup/record.ts";
import { byol } from "../support/byol.ts";

/** Runs `submit --dry_run` for nodes without GPUs, two ranks each. */
async function submit(...options: string[]) {
  return await new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "run",
        "-A",
        "src/cli.ts",
        "submit",
        "--dry_run",
        "--ranks_per_node=2",
        "--batch_size=64",
        "--cores_per_rank=3",
      ],
      ...["--run_dir=/tmp/none/moldable", ...options],
    ],
    cwd: projectRoot,
  }).output().then(({ code, stdout, stderr }) => {
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    return { code, script: text(stdout), notes: text(stderr) };
  });
}

Deno.test("a job may run on those numbers of nodes whose ranks divide the batch", async () => {
  const { code, script, notes } = await submit("--nodes=4,1,2,3");
  equal(code, 0, notes);
  match(script, /^#SBATCH --nodes=1-4\n#SBATCH --cpus-per-task=6$/m);
  ok(!/--ntasks/.test(script.split("set -euo")[0]!), script);
  match(script, /^export BYOL_NODE_COUNTS=1,2,4 BYOL_RANKS_PER_NODE=2$/m);
  match(notes, /^--nodes=3 is left out: Cannot train with --batch_size=64 on 6 ranks/m);
  ok(!/Batch normalisation/.test(notes), notes);
  const one = await submit("--nodes=2");
  match(one.script, /^#SBATCH --nodes=2$/m);
  ok(!/BYOL_NODE_COUNTS/.test(one.script));
  const none = await submit("--nodes=3,5");
  deepEqual([none.code, none.script], [2, ""]);
  match(none.notes, /Cannot train with --batch_size=64 on 6 ranks/);
  for (const wrong of ["0", "1,", "1-4", "1,x"]) {
    const refused = await submit(`--nodes=${wrong}`);
    equal(refused.code, 2, refused.notes);
    match(refused.notes, /--nodes=\S*: expected a whole number of at least 1/);
  }
  const plan = await byol("plan", "--nodes=1,2", "--images_per_second=10");
  deepEqual([plan.code, plan.stdout], [2, ""]);
  match(plan.stderr, /Cannot plan for --nodes=1,2: expected one number of nodes/);
});

Deno.test("the group of a batch statistic keeps its size, or the change is printed", async () => {
  const nodes = "--nodes=1,2,4";
  const alone = await submit(nodes, "--sync_bn=false");
  match(
    alone.notes,
    /Batch normalisation is over 64 on --nodes=1, 32 on --nodes=2, 16 on --nodes=4 values: .*--max_batch_per_rank=8,/,
  );
  const kept = await submit(nodes, "--sync_bn=false", "--max_batch_per_rank=8");
  equal(kept.code, 0, kept.notes);
  ok(!/Batch normalisation/.test(kept.notes), kept.notes);
  const synced = await submit(nodes, "--max_batch_per_rank=16");
  match(synced.notes, /is over 64 on --nodes=1, 128 on --nodes=2, 128 on --nodes=4 values/);
  ok(!/Batch normalisation/.test((await submit(nodes)).notes));
});

Deno.test("the ranks take the largest listed number of nodes that the job was given", async () => {
  for (
    const [counts, given, expected] of [
      ["1,2,4", "4", "4"],
      ["1,2,4", "3", "2"],
      ["1,2,4", "1", "1"],
      ["2,4", "1", "1"],
    ] as const
  ) {
    const { stdout } = await new Deno.Command("bash", {
      args: ["-euc", `. slurm/job.sh; byol_node_count`],
      cwd: projectRoot,
      env: { BYOL_NODE_COUNTS: counts, SLURM_JOB_NUM_NODES: given, PATH: Deno.env.get("PATH")! },
    }).output();
    equal(new TextDecoder().decode(stdout).trim(), expected, `${counts} of ${given}`);
  }
});
