import { deepEqual, equal, throws } from "node:assert/strict";
import { UserError } from "../../../src/base/exit_codes.ts";
import { parseCommandLine } from "../../../src/options/parse.ts";
import {
  coresOfRank,
  discoverRank,
  expandHostlist,
  portOfJob,
  SINGLE_PROCESS,
} from "../../../src/runtime/rank.ts";

function rankInfo(variables: Record<string, string>): ReturnType<typeof discoverRank> {
  return discoverRank((name) => variables[name]);
}

function refuses(body: () => unknown, message: RegExp): void {
  throws(body, (error) => error instanceof UserError && message.test(error.message));
}

const SLURM = {
  SLURM_STEP_ID: "0",
  SLURM_JOB_ID: "1234567",
  SLURM_PROCID: "5",
  SLURM_STEP_NUM_TASKS: "7",
  SLURM_LOCALID: "1",
  SLURM_NODEID: "1",
  SLURM_STEP_NODELIST: "jean-zay-ia[801,816]",
  SLURM_STEP_TASKS_PER_NODE: "4,3",
};

Deno.test("Slurm's lists of hosts", () => {
  deepEqual(expandHostlist("node1"), ["node1"]);
  deepEqual(expandHostlist("node[01-03,7]"), ["node01", "node02", "node03", "node7"]);
  deepEqual(expandHostlist("a[9-11],b-2,c[1]x"), ["a9", "a10", "a11", "b-2", "c1x"]);
  deepEqual(expandHostlist("r[1-2]n[08-09]"), ["r1n08", "r1n09", "r2n08", "r2n09"]);
  for (
    const text of ["", ",", "a,", "a[", "a]1", "a[2-1]", "a[x]", "a[]", "a[1,]", "a[1-9999999]"]
  ) {
    refuses(() => expandHostlist(text), /Cannot read the list of hosts/);
  }
});

Deno.test("nothing set is one rank, and so is a batch script that called no srun", () => {
  deepEqual(rankInfo({}), SINGLE_PROCESS);
  deepEqual(rankInfo({ SLURM_JOB_ID: "9", SLURM_PROCID: "0", SLURM_NTASKS: "4" }), SINGLE_PROCESS);
  deepEqual(rankInfo({ WORLD_SIZE: "4" }), SINGLE_PROCESS);
  equal(rankInfo({ ...SLURM, SLURM_PROCID: "0", SLURM_STEP_NUM_TASKS: "1" }).worldSize, 1);
});

Deno.test("a rank of srun", () => {
  deepEqual(rankInfo(SLURM), {
    rank: 5,
    worldSize: 7,
    localRank: 1,
    localWorldSize: 3,
    masterAddr: "jean-zay-ia801",
    masterPort: 10_001 + 1234567 % 10_000,
    launcher: "slurm",
  });
  equal(rankInfo({ ...SLURM, SLURM_NODEID: "0", SLURM_LOCALID: "3" }).localWorldSize, 4);
  const chosen = rankInfo({ ...SLURM, MASTER_ADDR: "ib-801", MASTER_PORT: "4000" });
  deepEqual([chosen.masterAddr, chosen.masterPort], ["ib-801", 4000]);
  refuses(() => rankInfo({ ...SLURM, SLURM_PROCID: "7" }), /SLURM_PROCID=7: expected 0 to 6/);
  refuses(() => rankInfo({ ...SLURM, SLURM_LOCALID: "x" }), /SLURM_LOCALID=x/);
  refuses(() => rankInfo({ ...SLURM, SLURM_STEP_NODELIST: "a[" }), /list of hosts "a\["/);
  refuses(() => rankInfo({ ...SLURM, SLURM_STEP_TASKS_PER_NODE: "4x" }), /tasks per node "4x"/);
});

Deno.test("a step of one task is a run of its own, on the cores of its task", () => {
  // The shell of salloc: the allocation has more tasks, and the step has one.
  const shell = { ...SLURM, SLURM_PROCID: "0", SLURM_NTASKS: "7", SLURM_STEP_NUM_TASKS: "1" };
  const variable = (name: string): string | undefined =>
    ({ ...shell, SLURM_CPUS_PER_TASK: "6" } as Record<string, string>)[name];
  deepEqual(rankInfo(shell), SINGLE_PROCESS);
  equal(coresOfRank(16, rankInfo(shell), variable), 6);
  const gpus = (): number => 4;
  const environment = { variable, exists: () => false, cores: 6, gpus, rankInfo: rankInfo(shell) };
  const ranks = (...args: string[]): number =>
    parseCommandLine("train", ["--batch_size=64", ...args], environment).config.ranks;
  equal(ranks("--hardware=multi-gpu"), 4);
  equal(ranks("--ranks=2"), 2);
});

Deno.test("rank 0 of an arbitrary distribution is on the first node of the file of hosts", async () => {
  const file = await Deno.makeTempFile();
  const arbitrary = { ...SLURM, SLURM_DISTRIBUTION: "arbitrary" };
  const hosts = { ...arbitrary, SLURM_HOSTFILE: file };
  for (const text of ["ia816\nia801\nia816\n", "# ranks\n\nia816*2\nia801\n", "ia[816,801]\n"]) {
    Deno.writeTextFileSync(file, text);
    equal(rankInfo(hosts).masterAddr, "ia816", text);
  }
  equal(rankInfo({ ...hosts, MASTER_ADDR: "ib-801" }).masterAddr, "ib-801");
  equal(rankInfo({ ...SLURM, SLURM_HOSTFILE: file }).masterAddr, "jean-zay-ia801");
  Deno.removeSync(file);
  refuses(() => rankInfo(hosts), /rank 0 under --distribution=arbitrary: expected SLURM_HOSTFILE/);
  refuses(() => rankInfo(arbitrary), /or MASTER_ADDR/);
  const node = { SLURM_STEP_NODELIST: "ia801", SLURM_STEP_TASKS_PER_NODE: "7", SLURM_NODEID: "0" };
  equal(rankInfo({ ...arbitrary, ...node }).masterAddr, "ia801");
});

Deno.test("a rank of torchrun, which wins over the srun around it", () => {
  const torchrun = {
    RANK: "3",
    WORLD_SIZE: "4",
    LOCAL_RANK: "1",
    LOCAL_WORLD_SIZE: "2",
    MASTER_ADDR: "host",
    MASTER_PORT: "29500",
  };
  const expected = {
    rank: 3,
    worldSize: 4,
    localRank: 1,
    localWorldSize: 2,
    masterAddr: "host",
    masterPort: 29500,
    launcher: "torchrun",
  };
  deepEqual(rankInfo(torchrun), expected);
  deepEqual(rankInfo({ ...SLURM, ...torchrun }), expected);
  refuses(() => rankInfo({ RANK: "0", WORLD_SIZE: "2" }), /expected MASTER_ADDR/);
  refuses(() => rankInfo({ ...torchrun, MASTER_PORT: "0" }), /MASTER_PORT=0: expected 1 to 65535/);
  refuses(() => rankInfo({ ...torchrun, RANK: "4" }), /RANK=4: expected 0 to 3/);
});

Deno.test("jobs, steps and restarts beside each other take different ports, all below the system's own", () => {
  const few = [0, 1, 2];
  const ports = few.flatMap((job) =>
    few.flatMap((step) => few.map((restart) => portOfJob({ job: 70_000_000 + job, step, restart })))
  );
  equal(new Set(ports).size, ports.length);
  for (const port of ports) equal(port >= 10_001 && port <= 20_000, true);
});
