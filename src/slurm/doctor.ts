/**
 * `deno task doctor`: a table of checks that a node can run a training. The command must run on the node itself:
 * `srun … deno task doctor --profile=NAME [the options of deno task train]`.
 *
 * @module
 */

import { dirname, join, resolve } from "node:path";
import { environmentOfOne } from "../options/environment.ts";
import { openData, splitsOfTraining } from "../data/open.ts";
import { ExitCode } from "../base/exit_codes.ts";
import type { RunConfig } from "../options/config.ts";
import {
  comparedText,
  dataRecordOf,
  differsFromPublished,
  foundLines,
} from "../run/data_record.ts";
import { isExpected, isSystemError } from "../base/expected.ts";
import { RANK_PERMISSIONS } from "../base/permissions.ts";
import { openCore } from "../native/call.ts";
import { openMpProblem } from "../native/openmp.ts";
import { requireOutsideImages } from "../data/outside_images.ts";
import { foldersOf, type Splits } from "../data/photo_folders.ts";
import { exists } from "../base/files.ts";
import { examineSetup, projectRoot, type SetupRecord } from "../setup/record.ts";
import { driverProblem, gpuProblem } from "../runtime/gpu_fit.ts";
import { purged, siteQuotas } from "./disks.ts";
import { addresses } from "./limits.ts";
import { JOBS, readRequest, type Request } from "./request.ts";
import { DOCTOR } from "../options/commands/slurm.ts";
import { siteHere } from "./site.ts";
import { ask } from "../base/processes.ts";
import { printLine } from "../base/output.ts";

/** Result of one check. */
export interface Finding {
  what: string;
  /** Severity; `FAIL` means that a training cannot run on this node. */
  status: "ok" | "warn" | "FAIL";
  /** Result as text, with the command that repairs a problem. */
  text: string;
}

/** Free space below which a warning is shown: some checkpoints, each near 1 GB for ResNet-50. */
const ENOUGH_BYTES = 10e9;
const LEAST_BYTES = 1e9;
const PROBE_BYTES = 32 * 1024 * 1024;
/** Time for a listing of ImageNet, which takes minutes on a network file system unless it is cached. */
const LISTING_SECONDS = 20;

/** Runs all checks. A failed check does not stop the later ones. */
export async function examineNode(request: Request): Promise<Finding[]> {
  const found = examineSetup(projectRoot);
  const setup = typeof found === "string" ? undefined : found;
  return [
    platform(),
    deno(),
    ...core(found, request),
    ...await gpus(request, setup),
    nccl(request, setup),
    cores(request),
    ...await addresses(),
    ...await space(resolve(request.config.runDir)),
    ...purged(request),
    ...await siteQuotas(),
    await data(request),
    await internet(),
    await slurm(),
  ];
}

function platform(): Finding {
  const { os, arch } = Deno.build;
  const fits = os === "linux" && arch === "x86_64";
  return finding(
    "platform",
    fits ? "ok" : "FAIL",
    `${os} on ${arch}${fits ? "" : ", expected linux on x86_64"}`,
  );
}

function deno(): Finding {
  const path = Deno.execPath();
  const text = `${Deno.version.deno}, ${path}`;
  return path.includes("node_modules") || path.includes("_npx")
    ? finding(
      "Deno",
      "warn",
      `${text}: it belongs to npx, which compute nodes lack; use the path that deno task setup prints`,
    )
    : finding("Deno", "ok", text);
}

/** The core, and OpenMP's threads where it opens. */
function core(
  found: SetupRecord | string,
  { config: { threads, hardware } }: Request,
): Finding[] {
  if (typeof found === "string") return [finding("core", "FAIL", `${found}; run: deno task setup`)];
  try {
    openCore();
  } catch (error) {
    if (!isExpected(error)) throw error;
    return [finding("core", "FAIL", error.message)];
  }
  // A GPU's training does not depend on OpenMP's threads.
  const problem = hardware === "cpu" ? openMpProblem(threads) : undefined;
  return [
    finding("core", "ok", `opens, libtorch ${found.libtorchVersion}`),
    problem === undefined
      ? finding("threads", "ok", `${threads}${hardware === "cpu" ? ", which OpenMP gives" : ""}`)
      : finding("threads", "FAIL", `--threads=${threads} under ${problem}`),
  ];
}

async function gpus(
  { profile, gpus, ranksPerNode }: Request,
  setup?: SetupRecord,
): Promise<Finding[]> {
  const query = "--query-gpu=name,compute_cap,driver_version,memory.total";
  const answer = await ask("nvidia-smi", [query, "--format=csv,noheader"]);
  const lines = answer?.code === 0
    ? answer.stdout.trim().split("\n").filter((line) => line !== "")
    : [];
  if (lines.length === 0) {
    const why = answer === undefined
      ? "no nvidia-smi"
      : answer.stderr.trim() || answer.stdout.trim() || "none";
    return gpus
      ? [
        finding(
          "GPUs",
          "FAIL",
          `${why}, expected ${ranksPerNode}: is this a compute node with --gres=gpu:${ranksPerNode}?`,
        ),
      ]
      : [finding("GPUs", "ok", `none (${why}), and the profile needs none`)];
  }
  const findings: Finding[] = [];
  const models = lines.map((line) => line.split(",").map((part) => part.trim()));
  const [name = "", capability = "", driver = ""] = models[0] ?? [];
  const short = gpus && lines.length < ranksPerNode;
  findings.push(
    finding(
      "GPUs",
      short ? "FAIL" : "ok",
      `${lines.length} × ${name}${short ? `, expected ${ranksPerNode}` : ""}`,
    ),
  );
  if (setup === undefined) return findings;
  const architecture = `sm_${capability.replace(".", "")}`;
  const problem = gpuProblem(architecture, setup);
  const severity = gpus ? "FAIL" : "warn";
  findings.push(
    problem === undefined
      ? finding(
        "architecture",
        "ok",
        `${architecture}, which libtorch ${setup.libtorchVersion} has kernels for`,
      )
      : finding("architecture", severity, problem),
  );
  if (profile.architecture !== null && profile.architecture !== architecture) {
    findings.push(
      finding("profile", "warn", `is for ${profile.architecture}, the node has ${architecture}`),
    );
  }
  const old = driverProblem(driver, setup.libtorchVersion);
  findings.push(finding("driver", old === undefined ? "ok" : severity, old ?? driver));
  return findings;
}

function nccl({ gpus, nodes, ranksPerNode }: Request, setup?: SetupRecord): Finding {
  if (!gpus || nodes * ranksPerNode === 1) {
    return finding("NCCL", "ok", "not needed by one rank, or by ranks that communicate by Gloo");
  }
  if (setup === undefined) return finding("NCCL", "FAIL", "unknown without set-up");
  const places = [join(setup.libtorch, "lib"), join(dirname(setup.libtorch), "nvidia/nccl/lib")];
  const file = places.map((place) => join(place, "libnccl.so.2")).find(exists);
  return file === undefined
    ? finding(
      "NCCL",
      "FAIL",
      `libnccl.so.2 is not in ${places.join(" or ")}; run: deno task setup --cuda`,
    )
    : finding("NCCL", "ok", file);
}

function cores({ coresPerRank, ranksPerNode, profileName }: Request): Finding {
  const usable = navigator.hardwareConcurrency;
  const task = Deno.env.get("SLURM_CPUS_PER_TASK");
  if (Deno.env.has("SLURM_STEP_ID")) {
    const text = `${usable} for this task (SLURM_CPUS_PER_TASK=${task ?? "not set"})`;
    return usable >= coresPerRank ? finding("cores", "ok", text) : finding(
      "cores",
      "warn",
      `${text}, expected ${coresPerRank}: give --cpus-per-task to srun itself`,
    );
  }
  const wanted = coresPerRank * ranksPerNode;
  return usable >= wanted
    ? finding("cores", "ok", `${usable} here, outside of a job step`)
    : finding(
      "cores",
      "warn",
      `${usable} here, expected ${wanted} for the ranks of a node (profile ${profileName})`,
    );
}

/** Checks free space and inodes, and writes a test file, because only a write shows that a quota is used up. */
async function space(runDir: string): Promise<Finding[]> {
  let folder = runDir;
  while (!exists(folder)) folder = dirname(folder);
  const free = await ask("df", ["--output=avail,iavail", "--block-size=1", folder]);
  const [bytes = NaN, inodes = NaN] = (free?.stdout.trim().split("\n").at(-1) ?? "").trim().split(
    /\s+/,
  ).map(Number);
  const text = `${(bytes / 1e9).toFixed(1)} GB${
    inodes > 0 ? ` and ${inodes} inodes` : ""
  } free for ${runDir}`;
  const status = !(bytes >= LEAST_BYTES) ? "FAIL" : bytes < ENOUGH_BYTES ? "warn" : "ok";
  const findings = [
    finding(
      "space",
      status,
      status === "ok" ? text : `${text}, expected ${ENOUGH_BYTES / 1e9} GB: choose --run_dir`,
    ),
  ];
  const probe = join(folder, `.byol-doctor-${Deno.pid}`);
  try {
    using file = Deno.openSync(probe, { write: true, createNew: true });
    const block = new Uint8Array(1024 * 1024);
    for (let done = 0; done < PROBE_BYTES;) done += file.writeSync(block);
    file.syncSync();
    findings.push(
      finding("quota", "ok", `${PROBE_BYTES / 2 ** 20} MiB written and synced in ${folder}`),
    );
  } catch (error) {
    if (!isSystemError(error)) throw error;
    findings.push(finding("quota", "FAIL", `cannot write in ${folder}: ${error.message}`));
  } finally {
    if (exists(probe)) Deno.removeSync(probe);
  }
  const quota = await ask("quota", ["--show-mntpoint", "--hide-device", "--human-readable"]);
  const lines = quota?.stdout.trim().split("\n").slice(1) ?? [];
  for (const line of lines) {
    findings.push(finding("quota", line.includes("*") ? "warn" : "ok", line.trim()));
  }
  return findings;
}

async function data({ config, job }: Request): Promise<Finding> {
  const evaluates = JOBS[job].command === "eval";
  const splits = evaluates ? "train and test" : splitsOfTraining(config);
  if (config.datasetName === "demo") return finding("data", "ok", "demo, built in");
  try {
    if (!evaluates) requireOutsideImages(config.runDir, `--run_dir=${config.runDir}`, config);
    return await images(config, splits);
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError") {
      const { train, test } = foldersOf(config, splits);
      const text = `imagenet in ${train}${test ? ` and ${test}` : ""}`;
      return finding("data", "ok", `${text}, not listed within ${LISTING_SECONDS} s`);
    }
    if (!isExpected(error)) throw error;
    return finding("data", "FAIL", error.message);
  }
}

/** Opens the images. @throws DOMException (TimeoutError) where ImageNet's 1.3 million files take too long to list */
async function images(config: RunConfig, splits: Splits): Promise<Finding> {
  const isImagenet = config.datasetName === "imagenet";
  const opened = await openData(
    // For a check nothing is measured, and of ImageNet nothing copied.
    { ...config, offline: true, normalisation: null, ...isImagenet && { stageTo: null } },
    {
      splits,
      device: "cpu",
      ...isImagenet && { signal: AbortSignal.timeout(1000 * LISTING_SECONDS) },
    },
  );
  using train = opened.train;
  using test = opened.test;
  using _heldOut = opened.heldOut;
  const described = { train: train.describe(), test: test?.describe() };
  const record = dataRecordOf(config.datasetName, described);
  const lines = foundLines(record.found ?? {}, record.heldOut);
  const text = [...lines, comparedText(config.datasetName, record)].join("; ");
  return finding("data", differsFromPublished(config.datasetName, record) ? "warn" : "ok", text);
}

/** Checks that the whole program loads without network. */
async function internet(): Promise<Finding> {
  const answer = await ask(Deno.execPath(), [
    // Run by itself, the module of a command loads its imports and does nothing.
    ...[
      "run",
      "--cached-only",
      "--no-remote",
      ...RANK_PERMISSIONS,
      "src/commands/train/command.ts",
    ],
  ], { cwd: projectRoot });
  return answer?.code === 0
    ? finding("internet", "ok", "not needed: the program loads without network")
    : finding(
      "internet",
      "FAIL",
      `the program does not load without network: ${answer?.stderr.trim()}`,
    );
}

async function slurm(): Promise<Finding> {
  const [sbatch, scontrol] = [
    await ask("sbatch", ["--version"]),
    await ask("scontrol", ["--version"]),
  ];
  if (sbatch === undefined && scontrol === undefined) {
    return finding("Slurm", "warn", "neither sbatch nor scontrol is on the PATH");
  }
  const found = sbatch ?? scontrol;
  if (found?.code !== 0) {
    return finding("Slurm", "warn", `does not answer: ${found?.stderr.trim()}`);
  }
  const text = scontrol === undefined
    ? "there is no scontrol: a stopped job is resumed by a new job (sbatch)"
    : "a stopped job is requeued by scontrol";
  return finding("Slurm", "ok", `${found.stdout.trim()}; ${text}`);
}

function finding(what: string, status: Finding["status"], text: string): Finding {
  return { what, status, text };
}

function table(findings: readonly Finding[]): string {
  return findings.map(({ what, status, text }) =>
    `${status.padEnd(6)}${what.padEnd(14)}${text.replaceAll("\n", " ")}`
  ).join("\n");
}

/**
 * Checks this node and prints the findings.
 *
 * @returns 0 where a training can run here, 6 where it cannot
 * @throws UserError for wrong options
 */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const { request } = readRequest(args, {
    spec: DOCTOR,
    environment: environmentOfOne(),
    site: await siteHere(),
  });
  const findings = await examineNode(request);
  printLine(table(findings));
  return findings.some(({ status }) => status === "FAIL") ? ExitCode.setup : ExitCode.ok;
}
