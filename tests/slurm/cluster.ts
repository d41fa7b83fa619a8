/**
 * A real Slurm on this machine, for tests: munged, slurmctld and slurmd with a configuration, ports and files of their
 * own in a temporary folder, ended and removed at the end of the scope. Two nodes, which run several jobs at a time.
 */

import { equal } from "node:assert/strict";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { projectRoot } from "../../src/setup/record.ts";

/** Path on which Debian keeps the daemons. */
const SEARCH_PATH = `/usr/sbin:/sbin:${Deno.env.get("PATH") ?? ""}`;
const PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue"];
/** The nodes, both on this machine. Jobs go to the first, those of the partition `pair` to both. */
export const NODES = ["jz-ia810", "jz-ia811"] as const;
/** A partition whose nodes several jobs share. */
const SHARED = "MaxTime=INFINITE State=UP OverSubscribe=FORCE:8";
const LOCAL_ADDRESS = "127.0.0.1";
/** Jobs and requests of the node may lag behind on a busy machine. */
const PATIENCE_SECONDS = 600;

/** Names the programs that a Slurm lacks here, for `skip()`; undefined when none is missing. */
export function slurmMissing(): string | undefined {
  if (Deno.uid() !== 0) {
    return "slurmctld and slurmd want root; run as root, for instance in a container";
  }
  const missing = PROGRAMS.filter((program) => !isThere(program));
  if (missing.length === 0) return undefined;
  return `${missing.join(", ")} are missing; run as root: apt-get install -y slurm-wlm munge`;
}

/** Returns true where a program is on the path of the daemons. */
export function isThere(program: string): boolean {
  return SEARCH_PATH.split(":").some((folder) => {
    try {
      return Deno.statSync(join(folder, program)).isFile;
    } catch {
      return false;
    }
  });
}

/** States of a job that has not ended. */
const GOES_ON = /PENDING|RUNNING|COMPLETING|REQUEUED|CONFIGURING/;

/** State of a job. */
export interface JobState {
  /** RUNNING, PENDING, COMPLETED, FAILED, … */
  state: string;
  /** The exit code of the batch script. */
  exitCode: number;
  /** Number of times that the job was requeued. */
  restarts: number;
}

/** The cluster. Its folder is also for whatever a test writes. */
export class SlurmCluster implements AsyncDisposable {
  /** A folder that the jobs see too. */
  readonly folder: string;
  readonly #daemons: Deno.ChildProcess[] = [];
  #namesResolve = false;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Starts it and waits for the nodes. */
  static async start(): Promise<SlurmCluster> {
    const folder = await Deno.makeTempDir({ prefix: "byol-slurm-" });
    const cluster = new SlurmCluster(folder);
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Submits a script of slurm/ from the project's folder; its output goes to `folder`. Returns the job's id. */
  async submit(
    script: string,
    args: readonly string[],
    { sbatch = [], env = {} }: { sbatch?: readonly string[]; env?: Record<string, string> } = {},
  ): Promise<string> {
    const output = join(this.folder, `${script.replace(/\..*/, "")}-%j.out`);
    const words = ["--parsable", `--output=${output}`, ...sbatch, `slurm/${script}`, ...args];
    return (await this.ask("sbatch", words, env)).trim();
  }

  /** Reads the log of a job so far. */
  log(script: string, job: string): string {
    try {
      return Deno.readTextFileSync(join(this.folder, `${script.replace(/\..*/, "")}-${job}.out`));
    } catch {
      return "";
    }
  }

  /** Runs a client of Slurm, which has to succeed, and returns its stdout. */
  async ask(
    program: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<string> {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      cwd: projectRoot,
      env: { ...this.environment, ...env },
      stdin: "null",
    }).output();
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    equal(code, 0, `${program} ${args.join(" ")}: ${text(stderr)}`);
    return text(stdout);
  }

  /** Variables that make Slurm's clients talk to this cluster. */
  get environment(): Record<string, string> {
    return {
      PATH: SEARCH_PATH,
      SLURM_CONF: join(this.folder, "slurm.conf"),
      // A job would read them as its own.
      BYOL_ROOT: projectRoot,
      BYOL_DENO: Deno.execPath(),
      ...!this.#namesResolve && { MASTER_ADDR: LOCAL_ADDRESS },
    };
  }

  /** Reads the state of a job; an array's task is named ID_TASK. */
  async state(job: string): Promise<JobState> {
    const text = await this.ask("scontrol", ["--oneliner", "show", "job", job]);
    const value = (name: string): string =>
      text.match(new RegExp(`\\b${name}=([^\\s:]+)`))?.[1] ?? "";
    return {
      state: value("JobState"),
      exitCode: Number(value("ExitCode")),
      restarts: Number(value("Restarts")),
    };
  }

  /** Takes the first node away from whatever runs on it, and gives it back when `away` holds. */
  async loseNode(away: () => Promise<boolean>): Promise<void> {
    const set = (state: string): string[] => ["update", `NodeName=${NODES[0]}`, `State=${state}`];
    await this.ask("scontrol", [...set("DOWN"), "Reason=test"]);
    await this.until("the loss of the node", away);
    await this.until("the node's return", async () => {
      const node = await this.ask("scontrol", ["--oneliner", "show", "node", NODES[0]]);
      if (!/ State=DOWN/.test(node)) return true;
      // It may come back by itself in this moment, and Slurm refuses to resume a node that is up.
      await this.ask("scontrol", set("RESUME")).catch(() => {});
      return false;
    });
  }

  /** Waits until something holds; the logs of all jobs are the message when it never does. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_SECONDS * 1000;
    try {
      while (!await holds()) {
        if (performance.now() > deadline) throw new Error(`not within ${PATIENCE_SECONDS} s`);
        await sleep(250);
      }
    } catch (error) {
      throw new Error(`${what}: ${(error as Error).message}\n${this.#everyLog()}`, {
        cause: error,
      });
    }
  }

  /** Waits for the end of a job and returns how it ended. */
  async ended(job: string): Promise<JobState> {
    let last: JobState | undefined;
    await this.until(`the end of job ${job}`, async () => {
      last = await this.state(job);
      if (GOES_ON.test(last.state)) return false;
      if (/COMPLETED|FAILED/.test(last.state)) return true;
      // For a moment, a job that has just begun its GraceTime counts as preempted, and runs on.
      await sleep(1000);
      last = await this.state(job);
      return !GOES_ON.test(last.state);
    });
    return last!;
  }

  async #start(): Promise<void> {
    // munged runs as its own user, who has to get through.
    await Deno.chmod(this.folder, 0o755);
    for (const name of ["state", "munge"]) await Deno.mkdir(join(this.folder, name));
    const munge = join(this.folder, "munge");
    await Deno.writeFile(join(munge, "key"), crypto.getRandomValues(new Uint8Array(1024)), {
      mode: 0o600,
    });
    await this.#run("chown", ["-R", "munge:munge", munge]);
    await Deno.writeTextFile(join(this.folder, "slurm.conf"), this.#configuration());
    const own = (file: string): string => join(munge, file);
    const asMunge = ["--reuid=munge", "--regid=munge", "--clear-groups"];
    this.#daemon("munged", [
      "--foreground",
      ...[`--key-file=${own("key")}`, `--socket=${own("socket")}`, `--pid-file=${own("pid")}`],
      ...[`--log-file=${own("log")}`, `--seed-file=${own("seed")}`],
    ], ["setpriv", ...asMunge]);
    await this.until("munged's socket", () => exists(own("socket")));
    const configuration = join(this.folder, "slurm.conf");
    this.#daemon("slurmctld", ["-D", "-f", configuration]);
    const hosts = await this.#hostsOfNodes();
    for (const node of NODES) {
      this.#daemon("slurmd", ["-D", "-f", configuration, "-N", node], hosts);
    }
    await this.until("idle nodes", async () => {
      const { stdout } = await new Deno.Command("sinfo", {
        args: ["--noheader", "--partition=pair", "--format=%T %D"],
        env: this.environment,
        stderr: "null",
      }).output();
      return new TextDecoder().decode(stdout).trim() === `idle ${NODES.length}`;
    });
  }

  #configuration(): string {
    const { folder } = this;
    return [
      "ClusterName=test",
      `SlurmctldHost=${hostname()}(127.0.0.1)`,
      `SlurmctldPort=${freePort()}`,
      "SlurmUser=root",
      "SlurmdUser=root",
      "AuthType=auth/munge",
      // A job that is put back waits for the end of its credential: 120 s by default, 5 s are the least.
      `AuthInfo=socket=${join(folder, "munge", "socket")},cred_expire=5`,
      "CredType=cred/munge",
      "ProctrackType=proctrack/linuxproc",
      "TaskPlugin=task/none",
      "MpiDefault=none",
      "JobAcctGatherType=jobacct_gather/none",
      "AccountingStorageType=accounting_storage/none",
      "JobCompType=jobcomp/none",
      "SelectType=select/cons_tres",
      "SelectTypeParameters=CR_Core",
      "SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,sched_interval=5",
      // As many cores as the tests ask for, whatever the machine has.
      "SlurmdParameters=config_overrides",
      "ReturnToService=2",
      "JobRequeue=1",
      // The ports of a job's ranks follow from its number: those of two clusters on one machine must differ.
      `FirstJobId=${1 + Deno.pid % 190 * 100}`,
      // A busy machine saves slowly.
      "KillWait=30",
      `StateSaveLocation=${join(folder, "state")}`,
      `SlurmdSpoolDir=${join(folder, "spool-%n")}`,
      `SlurmctldPidFile=${join(folder, "slurmctld.pid")}`,
      `SlurmdPidFile=${join(folder, "slurmd-%n.pid")}`,
      `SlurmctldLogFile=${join(folder, "slurmctld.log")}`,
      `SlurmdLogFile=${join(folder, "slurmd-%n.log")}`,
      ...NODES.map((node) =>
        `NodeName=${node} NodeHostname=${hostname()} NodeAddr=127.0.0.1 Port=${freePort()} CPUs=4 State=UNKNOWN`
      ),
      // salloc opens a shell on the node, as on Jean Zay. It needs no terminal, unlike the default.
      "LaunchParameters=use_interactive_step",
      'InteractiveStepOptions="--interactive --preserve-env bash"',
      // A job of the partition urgent takes the node from those of main.
      "PreemptType=preempt/partition_prio",
      "PreemptMode=REQUEUE",
      `PartitionName=main Nodes=${NODES[0]} Default=YES ${SHARED} GraceTime=60`,
      `PartitionName=pair Nodes=${NODES} ${SHARED} GraceTime=60`,
      `PartitionName=urgent Nodes=${NODES[0]} State=UP OverSubscribe=EXCLUSIVE PriorityTier=10`,
      "",
    ].join("\n");
  }

  /**
   * Returns the words of a program that runs another where the names of the nodes resolve, by an /etc/hosts of its own:
   * none where this machine forbids it, and jobs then get the address of rank 0.
   */
  async #hostsOfNodes(): Promise<string[]> {
    const hosts = join(this.folder, "hosts");
    const own = NODES.map((node) => `${LOCAL_ADDRESS} ${node}\n`).join("");
    await Deno.writeTextFile(hosts, Deno.readTextFileSync("/etc/hosts") + own);
    const words = [
      ...["unshare", "--mount", "bash", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts],
    ];
    const [program = "", ...args] = [...words, "true"];
    this.#namesResolve =
      (await new Deno.Command(program, { args, stderr: "null" }).output()).success;
    return this.#namesResolve ? words : [];
  }

  /** Starts a daemon, which ends with this process. @param by the words of a program that runs it */
  #daemon(name: string, args: readonly string[], by: readonly string[] = []): void {
    const child = new Deno.Command("setpriv", {
      args: ["--pdeathsig=TERM", ...by, name, ...args],
      env: this.environment,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#daemons.push(child);
  }

  async #run(program: string, args: string[]): Promise<void> {
    const { code, stderr } = await new Deno.Command(program, { args }).output();
    equal(code, 0, new TextDecoder().decode(stderr));
  }

  #everyLog(): string {
    const logs = [...Deno.readDirSync(this.folder)].filter(({ name }) => /\.(out|log)$/.test(name));
    return logs.map(({ name }) =>
      `-- ${name}\n${Deno.readTextFileSync(join(this.folder, name)).slice(-3000)}`
    )
      .join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemons.length === 2 + NODES.length) {
      // The processes of jobs outlive slurmd.
      const quietly = { env: this.environment, stdout: "null", stderr: "null" } as const;
      await new Deno.Command("scancel", { args: ["--user=root"], ...quietly }).output();
      const deadline = performance.now() + 30_000;
      for (let busy = true; busy && performance.now() < deadline;) {
        const { stdout } = await new Deno.Command("squeue", {
          args: ["--noheader", "--states=running,completing"],
          env: this.environment,
          stderr: "null",
        }).output();
        busy = new TextDecoder().decode(stdout).trim() !== "";
        if (busy) await sleep(250);
      }
    }
    for (const child of this.#daemons.toReversed()) {
      child.kill("SIGTERM");
      await child.status;
    }
    await Deno.remove(this.folder, { recursive: true });
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
