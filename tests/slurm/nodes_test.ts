/** Jobs and interactive steps on a real Slurm of two nodes, of which one may be broken, and on nodes without space. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { TASK_PERMISSIONS } from "../../src/base/permissions.ts";
import { portOfJob } from "../../src/runtime/rank.ts";
import { readUsage, usageOf } from "../../src/run/usage.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { copyTree } from "../support/copied_checkout.ts";
import { skip } from "../support/skip.ts";
import { NODES, SlurmCluster, slurmMissing } from "./cluster.ts";
import { ranksOf } from "./ranks_of.ts";
import { reaches, rowsOf, stepsOf, TINY } from "./runs.ts";

/** Options of sbatch for two ranks on the first node and one on the second. */
const ON_BOTH = ["--partition=pair", `--nodes=${NODES.length}`, "--ntasks=3"];
/** Steps of a training in these tests. */
const STEPS = 20;

Deno.test("nodes of a real Slurm", async (test) => {
  const missing = slurmMissing();
  if (missing !== undefined) return skip(missing);
  await using cluster = await SlurmCluster.start();
  const runAt = (name: string): string => join(cluster.folder, "runs", name);

  await test.step("a node that fails for good ends the job with its code, whatever waited for it", async () => {
    const waiting = join(cluster.folder, "waiting");
    const deno = await denoWithBrokenNode(cluster.folder, waiting);
    const options = {
      sbatch: ON_BOTH,
      env: { BYOL_DENO: deno, BYOL_MAX_RESTARTS: "1" },
    };
    const demo = "--checkpoint=checkpoints/byol_demo_resnet20.safetensors";
    const jobs = [
      ["train.sbatch", [...TINY, "--batch_size=48", `--run_dir=${runAt("broken")}`]],
      ["eval.sbatch", ["--threads=1", demo]],
    ] as const;
    const submitted = await Promise.all(
      jobs.map(async ([script, args]) =>
        [script, await cluster.submit(script, args, options)] as const
      ),
    );
    await cluster.until(
      "rank 0 of both jobs waiting for rank 1",
      () => submitted.every(([, job]) => isListening(portOfJob({ job: Number(job) }))),
    );
    await Deno.writeTextFile(waiting, "");
    for (const [script, job] of submitted) {
      const { state, exitCode, restarts } = await cluster.ended(job);
      const log = cluster.log(script, job);
      deepEqual([state, exitCode, restarts], ["FAILED", 6, 0], log);
      match(log, /setup\.json is missing[\s\S]*failed with 6; not starting again/);
    }
  });

  await test.step("a log and a stop file that cannot be written end no shell; the stop file is private", async () => {
    const run = runAt("full");
    const job = await cluster.submit("train.sbatch", [
      ...[...TINY, `--max_steps=${STEPS}`, `--run_dir=${run}`],
    ], {
      sbatch: ["--ntasks=2", "--output=/dev/full"],
      env: { TMPDIR: "/proc", RANK: "0", WORLD_SIZE: "2" },
    });
    await reaches(cluster, run, 1);
    const ranks = ranksOf(run);
    for (const { pid } of ranks) Deno.kill(pid, "SIGSTOP");
    const folder = dirname(stopFileOf(ranks[0]!.pid));
    const { mode, uid } = await Deno.stat(folder);
    deepEqual([mode! & 0o777, uid], [0o700, Deno.uid()], folder);
    await cluster.ask("scancel", ["--batch", "--signal=USR2", job]);
    // The shell has sent the signal on before.
    await cluster.until("the stop file", () => isThere(join(folder, "stop")));
    for (const { pid } of ranks) Deno.kill(pid, "SIGCONT");
    const { state, exitCode, restarts } = await cluster.ended(job);
    deepEqual([state, exitCode, restarts], ["COMPLETED", 0, 1]);
    deepEqual(stepsOf(run), Array.from({ length: STEPS }, (_, step) => step));
    ok(!await isThere(folder), `${folder} is left behind`);
  });

  await test.step("a job that cannot start says why, under its own number, in a job of an array or a restarted one", async () => {
    const others = {
      ...{ SLURM_RESTART_COUNT: "7", SLURM_ARRAY_JOB_ID: "1", SLURM_ARRAY_TASK_ID: "5" },
      BYOL_DENO: "/none/deno",
    };
    const job = await cluster.submit("train.sbatch", TINY, { env: others });
    const elsewhere = join(cluster.folder, "elsewhere-%j.out");
    const lost = (await cluster.ask("bash", [
      "-c",
      `cd / && sbatch --parsable --output=${elsewhere} ${projectRoot}/slurm/train.sbatch`,
    ], { BYOL_ROOT: "" })).trim();
    deepEqual((await cluster.ended(job)).exitCode, 6, cluster.log("train.sbatch", job));
    const log = cluster.log("train.sbatch", job);
    match(log, new RegExp(`: job ${job} on ${NODES[0]}, 1 ranks, restart 0 `));
    match(log, new RegExp(`no Deno at /none/deno on ${NODES[0]}.*deno task setup`));
    const { exitCode } = await cluster.ended(lost);
    const said = Deno.readTextFileSync(elsewhere.replace("%j", lost));
    equal(exitCode, 2, said);
    match(said, /Cannot find slurm\/env\.sh in .*: expected .*project.*BYOL_ROOT/);
  });

  await test.step("a shell of one task starts ranks itself, by srun and by salloc", async () => {
    const words = (run: string): string =>
      [
        ...[Deno.execPath(), "run", ...TASK_PERMISSIONS.train, "src/cli.ts", "train", ...TINY],
        ...["--ranks=2", "--max_steps=1", `--run_dir=${run}`],
      ].join(" ");
    await Promise.all([
      cluster.ask("srun", ["--ntasks=1", "bash", "-c", words(runAt("srun"))]),
      cluster.ask("bash", ["-c", `echo '${words(runAt("salloc"))}' | salloc --ntasks=2`]),
    ]);
    for (const name of ["srun", "salloc"]) deepEqual(stepsOf(runAt(name)), [0], name);
  });

  await test.step("a job that may have one node or two resumes on another number, and loses little", async () => {
    const run = runAt("moldable");
    const job = (await cluster.ask(Deno.execPath(), [
      ...["run", "-A", "src/cli.ts", "submit", "--nodes=1,2", ...TINY, "--max_steps=60"],
      ...[`--run_dir=${run}`, "--", "--partition=pair"],
    ])).trim();
    await reaches(cluster, run, 5);
    const setNode = (...words: string[]): Promise<string> =>
      cluster.ask("scontrol", ["update", `NodeName=${NODES[1]}`, ...words]);
    await setNode("State=DRAIN", "Reason=test");
    await cluster.ask("scancel", ["--batch", "--signal=USR2", job]);
    const { state, exitCode, restarts } = await cluster.ended(job);
    await setNode("State=RESUME");
    const log = Deno.readTextFileSync(join(run, "slurm", `byol-train-${job}.out`));
    deepEqual([state, exitCode, restarts], ["COMPLETED", 0, 1], log);
    match(log, /ranks on 2 of 2 nodes[\s\S]*starting job \d+ again[\s\S]*ranks on 1 of 1 nodes/);
    deepEqual(stepsOf(run), Array.from({ length: 60 }, (_, step) => step));
    const begun = rowsOf(run).filter(({ kind }) => kind === "run") as unknown as {
      ranks: number;
      changed?: { ranks?: number };
    }[];
    deepEqual(begun.map(({ ranks, changed }) => [ranks, changed?.ranks]), [[2, undefined], [1, 1]]);
    const { invocations: [first, second], ...more } = readUsage({ path: run })!;
    const at = (line: RegExp): number => Date.parse(line.exec(log)![1]!) / 1000;
    // Of the job's own time, what the program does not see: the shell before and after it.
    const begins = Date.parse(second!.time) / 1000 - at(/ restart 1 \(([^)]+)\)/);
    const ends = at(/starting job \d+ again \(([^)]+)\)/) - Date.parse(first!.time) / 1000;
    const lost = ends - first!.last_step_seconds! + begins + second!.first_step_seconds!;
    const { goodput } = usageOf({ invocations: [first!, second!], ...more });
    ok(lost <= 36, `${lost} s were lost by the requeue`);
    ok(goodput! > 0 && goodput! <= 1, `${goodput}`);
  });

  await test.step("rank 0 of an arbitrary distribution is looked for on its own node", async () => {
    const hosts = join(cluster.folder, "hosts");
    Deno.writeTextFileSync(hosts, [NODES[1], NODES[0], NODES[1], ""].join("\n"));
    const script = join(cluster.folder, "rank.ts");
    Deno.writeTextFileSync(
      script,
      `import { discoverRank } from "${projectRoot}/src/runtime/rank.ts";
       const { rank, masterAddr } = discoverRank((name) => Deno.env.get(name));
       console.log(rank, masterAddr, Deno.env.get("SLURMD_NODENAME"));`,
    );
    const said = await cluster.ask("srun", [
      ...["--partition=pair", "--nodes=2", "--ntasks=3", "--distribution=arbitrary"],
      ...[Deno.execPath(), "run", "--allow-env", "--allow-read", script],
    ], { SLURM_HOSTFILE: hosts, MASTER_ADDR: "" });
    deepEqual(said.trim().split("\n").sort(), [
      `0 ${NODES[1]} ${NODES[1]}`,
      `1 ${NODES[1]} ${NODES[0]}`,
      `2 ${NODES[1]} ${NODES[1]}`,
    ]);
  });
});

/**
 * Writes a program that is Deno on the first node, where rank 1 takes long to start. On the second, it waits for a file,
 * and then runs a checkout whose core was never built.
 */
async function denoWithBrokenNode(folder: string, waiting: string): Promise<string> {
  const checkout = join(folder, "checkout");
  await Deno.mkdir(checkout);
  for (const name of ["deno.json", "deno.lock", "src"]) {
    copyTree(join(projectRoot, name), join(checkout, name));
  }
  await Deno.symlink(join(projectRoot, "node_modules"), join(checkout, "node_modules"));
  const program = join(folder, "deno");
  await Deno.writeTextFile(
    program,
    `#!/bin/bash
if [[ $SLURM_PROCID == 1 ]]; then sleep 60; fi
if [[ $SLURMD_NODENAME == ${NODES[1]} ]]; then
  until [[ -e ${waiting} ]]; do sleep 0.1; done
  cd ${checkout}
  set -- "\${@/#${projectRoot.replaceAll("/", "\\/")}\\/src/${
      checkout.replaceAll("/", "\\/")
    }\\/src}"
fi
exec ${Deno.execPath()} "$@"
`,
    { mode: 0o755 },
  );
  return program;
}

/** Returns true where a process of this machine listens at a TCP port. */
function isListening(port: number): boolean {
  const local = new RegExp(
    `^ *\\d+: [0-9A-F]+:${port.toString(16).toUpperCase().padStart(4, "0")} `,
  );
  // State 0A is LISTEN.
  return ["tcp", "tcp6"].some((table) =>
    Deno.readTextFileSync(`/proc/net/${table}`).split("\n").some((line) =>
      local.test(line) && / 0A /.test(line)
    )
  );
}

/** Returns the path of the stop file that a rank was given. */
function stopFileOf(pid: number): string {
  const variables = Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0");
  return variables.find((entry) => entry.startsWith("BYOL_STOP_FILE="))!.split("=")[1]!;
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
