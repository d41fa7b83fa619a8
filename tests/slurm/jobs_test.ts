/** The scripts of slurm/ on a real Slurm: every way that a job can stop, and its resume. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { exists } from "../../src/base/files.ts";
import { TASK_PERMISSIONS } from "../../src/base/permissions.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { skip } from "../support/skip.ts";
import { SlurmCluster, slurmMissing } from "./cluster.ts";
import { batchShellOf, ranksOf } from "./ranks_of.ts";
import { reaches, rowsOf, stepsOf, TINY } from "./runs.ts";

/** Ranks of a job: Gloo's, on the CPU. */
const RANKS = 2;
const TASKS = [`--ntasks=${RANKS}`];

/** The hash over all tensors of a run's last checkpoint. */
async function weightsOf(run: string, step: number): Promise<string> {
  const file = join(run, "checkpoints", `step-${String(step).padStart(9, "0")}.safetensors`);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", ...TASK_PERMISSIONS.info, "src/cli.ts"],
      ...["info", `--checkpoint=${file}`, "--format=json"],
    ],
    cwd: projectRoot,
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)).sha256;
}

/** 0, 1, …, n − 1: every step once. */
function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, step) => step);
}

Deno.test("jobs on a real Slurm", async (test) => {
  const missing = slurmMissing();
  if (missing !== undefined) return skip(missing);
  await using cluster = await SlurmCluster.start();
  const runAt = (name: string): string => join(cluster.folder, "runs", name);
  const train = (
    run: string,
    args: readonly string[],
    options: Parameters<typeof cluster.submit>[2] = {},
  ) =>
    cluster.submit("train.sbatch", [...TINY, `--run_dir=${run}`, ...args], {
      ...options,
      sbatch: [...TASKS, ...options.sbatch ?? []],
    });
  const warn = (job: string): Promise<string> =>
    cluster.ask("scancel", ["--batch", "--signal=USR2", job]);

  /** Three epochs on some of the embedded images, of 10 steps each. */
  const EPOCHS = ["--nb_epochs=3", "--limit_train=160"];
  const STEPS = 30;
  const whole = runAt("whole");

  await test.step("train.sbatch trains to the end, and a later job on the run ends at once", async () => {
    const job = await train(whole, EPOCHS);
    const { state, exitCode, restarts } = await cluster.ended(job);
    const log = cluster.log("train.sbatch", job);
    deepEqual([state, exitCode, restarts], ["COMPLETED", 0, 0], log);
    match(log, new RegExp(`, ${RANKS} ranks, restart 0`));
    match(log, new RegExp(`Trained ${STEPS} steps`));
    deepEqual(stepsOf(whole), upTo(STEPS));
    const rows = rowsOf(whole).length;
    const again = await train(whole, EPOCHS);
    deepEqual((await cluster.ended(again)).exitCode, 0);
    match(cluster.log("train.sbatch", again), /is finished: nothing is left to do/);
    equal(rowsOf(whole).length, rows);
  });

  await test.step("time limit, signal, requeue, end: every epoch once, the weights of the unbroken run", async () => {
    const run = runAt("limited");
    // Slurm looks at time limits every 30 s, and warns up to 30 s early: 10 to 40 s after the start.
    const job = await train(run, EPOCHS, { sbatch: ["--time=1", "--signal=B:USR2@20"] });
    await reaches(cluster, run, 1);
    // However fast the machine, the warning finds the ranks in the middle.
    for (const { pid } of ranksOf(run)) Deno.kill(pid, "SIGSTOP");
    const warned = (): boolean => cluster.log("train.sbatch", job).includes("time is nearly up");
    await cluster.until("the warning", warned);
    await cluster.ask("scontrol", ["update", `JobId=${job}`, "TimeLimit=20"]);
    for (const { pid } of ranksOf(run)) Deno.kill(pid, "SIGCONT");
    const { state, exitCode, restarts } = await cluster.ended(job);
    const log = cluster.log("train.sbatch", job);
    deepEqual([state, exitCode, restarts], ["COMPLETED", 0, 1], log);
    match(log, /Interrupted at step \d+, all saved[\s\S]*starting job \d+ again[\s\S]*restart 1/);
    const starts = rowsOf(run).filter(({ kind }) => kind === "run").map(({ step }) => step);
    equal(starts.length, 2);
    ok(starts[1]! > 0 && starts[1]! < STEPS, `resumed at step ${starts[1]}`);
    deepEqual(stepsOf(run), upTo(STEPS));
    equal(await weightsOf(run, STEPS), await weightsOf(whole, STEPS));
    console.log(
      log.split("\n").filter((line) => /^(slurm|Interrupted|resumed|Trained)/.test(line)).join(
        "\n",
      ),
    );
  });

  await test.step("preemption with a GraceTime: the ranks save, the job requeues itself and resumes", async () => {
    const run = runAt("preempted");
    const job = await train(run, EPOCHS);
    await reaches(cluster, run, 1);
    const urgent = ["--parsable", "--partition=urgent", "--output=/dev/null", "--wrap=true"];
    const other = (await cluster.ask("sbatch", urgent)).trim();
    // Between the two the job has states of its own.
    await cluster.until("the restart", async () => (await cluster.state(job)).restarts === 1);
    const { state, exitCode, restarts } = await cluster.ended(job);
    const log = cluster.log("train.sbatch", job);
    deepEqual([state, exitCode, restarts], ["COMPLETED", 0, 1], log);
    match(log, /all saved[\s\S]*ranks ended with \d+\)[\s\S]*again[\s\S]*restart 1/);
    equal((await cluster.ended(other)).state, "COMPLETED");
    deepEqual(stepsOf(run), upTo(STEPS));
    equal(await weightsOf(run, STEPS), await weightsOf(whole, STEPS));
  });

  await test.step("a rank killed by SIGKILL ends the job, which is not started again", async () => {
    const run = runAt("killed");
    const job = await train(run, ["--max_steps=100000", "--nb_epochs=400"]);
    await reaches(cluster, run, 2);
    const ranks = ranksOf(run);
    equal(ranks.length, RANKS);
    Deno.kill(ranks.at(-1)!.pid, "SIGKILL");
    const killed = performance.now();
    const { state, exitCode, restarts } = await cluster.ended(job);
    const log = cluster.log("train.sbatch", job);
    deepEqual([state, restarts], ["FAILED", 0], log);
    ok([137, 143].includes(exitCode), `ended with ${exitCode}`);
    ok(performance.now() - killed < 60_000);
    match(log, /failed with 1\d\d; not starting again/);
    deepEqual(ranksOf(run), []);
  });

  await test.step("a signal before the ranks listen is not lost, and the restarts have a limit", async () => {
    const run = runAt("early");
    const job = await train(run, ["--max_steps=2"], { env: { BYOL_MAX_RESTARTS: "1" } });
    for (const restart of [0, 1]) {
      const begins = new RegExp(`ranks, restart ${restart} `);
      await cluster.until(`start ${restart}`, () => begins.test(cluster.log("train.sbatch", job)));
      await warn(job);
      await cluster.until(`the end of start ${restart}`, async () => {
        const { state, restarts } = await cluster.state(job);
        return restarts > restart || state === "FAILED";
      });
    }
    const { state, exitCode } = await cluster.ended(job);
    const log = cluster.log("train.sbatch", job);
    deepEqual([state, exitCode], ["FAILED", 75], log);
    match(log, /started again 1 times, the most that BYOL_MAX_RESTARTS allows/);
  });

  /** Submits a job whose shell finds no scontrol, as on the nodes of some clusters. */
  const trainWithoutScontrol = async (run: string): Promise<string> => {
    const path = join(cluster.folder, "programs");
    await Deno.mkdir(path, { recursive: true });
    for (const name of ["bash", "env", "date", "mktemp", "rm", "srun", "sbatch"]) {
      const link = join(path, name);
      if (!exists(link)) await Deno.symlink(`/usr/bin/${name}`, link);
    }
    return await train(run, ["--max_steps=20"], {
      env: { PATH: path, SBATCH_OUTPUT: join(cluster.folder, "train-%j.out") },
    });
  };
  /** Waits for the end of a job that submitted another one, and of that one, which ends the run. */
  const goesOnInAnother = async (run: string, job: string): Promise<void> => {
    const { restarts } = await cluster.ended(job);
    const log = cluster.log("train.sbatch", job);
    equal(restarts, 0, log);
    const next = log.match(/Submitted batch job (\d+)/)?.[1];
    ok(next !== undefined, log);
    deepEqual((await cluster.ended(next)).state, "COMPLETED", cluster.log("train.sbatch", next));
    deepEqual(stepsOf(run), upTo(20));
  };

  await test.step("without scontrol another job resumes", async () => {
    const run = runAt("resubmitted");
    const job = await trainWithoutScontrol(run);
    await reaches(cluster, run, 1);
    for (const { pid } of ranksOf(run)) Deno.kill(pid, "SIGSTOP");
    await warn(job);
    for (const { pid } of ranksOf(run)) Deno.kill(pid, "SIGCONT");
    equal((await cluster.ended(job)).exitCode, 75);
    await goesOnInAnother(run, job);
  });

  await test.step("preemption with a GraceTime, without scontrol: another job resumes", async () => {
    const run = runAt("preempted-resubmitted");
    const job = await trainWithoutScontrol(run);
    await reaches(cluster, run, 1);
    await cluster.ask("sbatch", ["--partition=urgent", "--output=/dev/null", "--wrap=true"]);
    await goesOnInAnother(run, job);
  });

  await test.step("scancel saves and does not start again", async () => {
    const run = runAt("cancelled");
    const job = await train(run, ["--max_steps=100000", "--nb_epochs=400"]);
    await reaches(cluster, run, 1);
    await cluster.ask("scancel", [job]);
    await cluster.until("the end", async () => {
      const { state } = await cluster.state(job);
      return state === "CANCELLED" && /ended from outside/.test(cluster.log("train.sbatch", job));
    });
    equal((await cluster.state(job)).restarts, 0);
    ok([...Deno.readDirSync(join(run, "checkpoints"))].length > 0);
  });

  await test.step("a lost node: the job resumes from the newest checkpoint without having had a signal", async () => {
    const run = runAt("lost");
    const job = await train(run, ["--max_steps=20"]);
    await reaches(cluster, run, 3);
    await cluster.loseNode(async () => (await cluster.state(job)).restarts === 1);
    const { state, exitCode } = await cluster.ended(job);
    deepEqual([state, exitCode], ["COMPLETED", 0], cluster.log("train.sbatch", job));
    deepEqual(stepsOf(run), upTo(20));
  });

  await test.step("two jobs for one run folder: the second is told who holds it", async () => {
    const run = runAt("shared");
    const first = await train(run, ["--max_steps=100000", "--nb_epochs=400"]);
    await reaches(cluster, run, 1);
    const second = await train(run, ["--max_steps=100000", "--nb_epochs=400"]);
    const { state, exitCode } = await cluster.ended(second);
    const log = cluster.log("train.sbatch", second);
    equal(state, "FAILED", log);
    equal(exitCode, 4, log);
    match(log, /Cannot use the run folder/);
    ok(stepsOf(run).length > 0 && rowsOf(run).filter(({ kind }) => kind === "run").length === 1);
    match(log, new RegExp(`job ${first}`));
    await cluster.ask("scancel", [first]);
    await cluster.until(
      "the end of the first",
      async () => (await cluster.state(first)).state === "CANCELLED",
    );
  });

  await test.step("an array of three seeds ends with a table of mean and deviation", async () => {
    const run = runAt("seeds");
    const job = await cluster.submit("array_seeds.sbatch", [
      ...TINY.filter((option) => !option.startsWith("--clsf_every")),
      ...[
        "--max_steps=1",
        "--limit_train=320",
        "--eval_at_end",
        "--nb_epochs_clsf=1",
        `--run_dir=${run}`,
      ],
    ], { sbatch: [...TASKS, `--output=${join(cluster.folder, "seeds-%a.out")}`] });
    for (const seed of [1, 2, 3]) {
      const { state } = await cluster.ended(`${job}_${seed}`);
      equal(state, "COMPLETED", Deno.readTextFileSync(join(cluster.folder, `seeds-${seed}.out`)));
    }
    const logs = [1, 2, 3].map((seed) =>
      Deno.readTextFileSync(join(cluster.folder, `seeds-${seed}.out`))
    );
    match(logs.join("\n"), /\| mean ± std \| \d+\.\d\d ± \d+\.\d\d \|/);
    equal(
      new Set(await Promise.all([1, 2, 3].map((n) => weightsOf(join(run, `seed-${n}`), 1)))).size,
      3,
    );
  });

  await test.step("a %1 chain: the link that was put back comes after the next one, and all end well", async () => {
    const run = runAt("chain");
    const job = await cluster.submit("chain.sbatch", [
      ...TINY,
      "--max_steps=20",
      `--run_dir=${run}`,
    ], {
      sbatch: [...TASKS, "--array=1-3%1", `--output=${join(cluster.folder, "link-%a.out")}`],
      env: { BYOL_REQUEUE: "yes" },
    });
    const link = (n: number): string => {
      try {
        return Deno.readTextFileSync(join(cluster.folder, `link-${n}.out`));
      } catch {
        return "";
      }
    };
    await reaches(cluster, run, 1);
    for (const { pid } of ranksOf(run)) Deno.kill(pid, "SIGSTOP");
    // scancel of 22.05 does not signal the shell of an array's task.
    Deno.kill(batchShellOf(run)!, "SIGUSR2");
    for (const { pid } of ranksOf(run)) Deno.kill(pid, "SIGCONT");
    await cluster.until(
      "link 1 put back",
      async () => (await cluster.state(`${job}_1`)).restarts === 1,
    );
    for (const n of [1, 2, 3]) {
      const { state, exitCode } = await cluster.ended(`${job}_${n}`);
      deepEqual([state, exitCode], ["COMPLETED", 0], link(n));
    }
    match(link(1), new RegExp(`starting job ${job}_1 again`));
    // The next link finished what the first had begun; the others found nothing to do.
    match(link(2), /Trained 20 steps/);
    match(link(1), /restart 1[\s\S]*is finished: nothing is left to do/);
    match(link(3), /is finished: nothing is left to do/);
    deepEqual(stepsOf(run), upTo(20));
  });

  await test.step("deno task submit renders, submits and runs; eval.sbatch evaluates what came out", async () => {
    // Of a folder that needs quotes, in the last task of another job's array, which has been restarted.
    const run = runAt('it\'s "50%j" #1');
    const job = { SLURM_JOB_ID: "1", SLURM_SUBMIT_DIR: "/", SLURM_NTASKS: "7" };
    const array = { SLURM_ARRAY_JOB_ID: "1", SLURM_ARRAY_TASK_ID: "5", SLURM_RESTART_COUNT: "7" };
    const deno = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["task", "--quiet", "submit", ...args],
        cwd: projectRoot,
        env: { ...cluster.environment, ...job, ...array, RANK: "0", WORLD_SIZE: "2" },
      }).output();
      const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).trim();
      return { code, out: text(stdout), err: text(stderr) };
    };
    const ended = async (...args: string[]): Promise<string> => {
      const { code, out, err } = await deno(...args);
      equal(code, 0, err);
      equal((await cluster.ended(out)).state, "COMPLETED");
      return out;
    };
    const refused = await deno(...TINY, `--run_dir=${run}`, "--", "--partition=none");
    match(refused.err, /Cannot submit: [^]*invalid partition/);
    deepEqual([refused.code, exists(run)], [2, false]);
    const trained = await ended(
      ...["--profile=generic", `--ranks_per_node=${RANKS}`, "--time=0:10:00", ...TINY],
      ...["--max_steps=2", `--run_dir=${run}`, "--", "--comment=two words"],
    );
    const log = Deno.readTextFileSync(join(run, "slurm", `byol-train-${trained}.out`));
    match(log, new RegExp(`: job ${trained} on .*, ${RANKS} ranks, restart 0 [^]*Trained 2 steps`));
    const evaluated = await ended(
      ...["--job=eval", "--time=0:10:00", "--threads=1", "--nb_epochs_clsf=1", "--limit_train=320"],
      `--checkpoint=${join(run, "encoder.safetensors")}`,
    );
    match(
      Deno.readTextFileSync(join(run, "slurm", `byol-eval-${evaluated}.out`)),
      /linear probe top-1 \d+\.\d\d ± \d\.\d\d %/,
    );
  });
});
