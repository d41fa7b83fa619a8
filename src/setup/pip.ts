/** Installing wheels into a folder of the project with pip: no venv, nothing of the system's Python is touched. */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeTree } from "../base/files.ts";
import { mustRun, type Session } from "./child.ts";
import { type Python, PYTHON3 } from "./machine.ts";

/** Wheels to install, and the Python to install them with. */
export interface WheelRequest {
  /** Pinned requirements: `torch==2.11.0`. */
  requirements: string[];
  /** True to install the dependencies as well, apart from triton, a compiler that nothing here calls. */
  dependencies: boolean;
  /** More requirements, installed without their dependencies. */
  bare?: string[];
  /** Pattern of the names (lower case, with hyphens) of the requirements to keep. Default: all. */
  only?: RegExp;
  /** The `python3` that runs pip. */
  python: Pick<Python, "version" | "words">;
}

/** Versions of Python that torch 2.11 has wheels for. */
const PYTHON_WITH_WHEELS = { first: 10, last: 14 };

// Pip's stdout, its progress bar included, goes to stderr, where pip recognises a terminal.
const PIP = [
  "-c",
  'import os, runpy; os.dup2(2, 1); runpy.run_module("pip", run_name="__main__", alter_sys=True)',
];

// Runs pip where its stdout is the answer.
const PIP_ANSWERING = ["-m", "pip"];

const DOWNLOAD_FLAGS = ["--only-binary=:all:", "--no-cache-dir", "--no-input"];

/** Arguments of pip for a Python that is not the running one: these wheels load on glibc 2.28 or newer. */
const OTHER_PYTHON = [
  "--python-version=3.12",
  "--implementation=cp",
  "--platform=manylinux_2_28_x86_64",
  "--platform=manylinux_2_27_x86_64",
  "--platform=manylinux_2_25_x86_64",
  "--platform=manylinux_2_24_x86_64",
  "--platform=manylinux_2_17_x86_64",
  "--platform=manylinux2014_x86_64",
];

/** Returns true where torch's wheels install straight into this version of Python, as the oracle needs. */
export function hasWheels([major, minor]: [number, number]): boolean {
  return major === 3 && minor >= PYTHON_WITH_WHEELS.first && minor <= PYTHON_WITH_WHEELS.last;
}

/**
 * Installs wheels into `folder`, whole or not at all: pip writes `folder`.part, which is then renamed. The caller holds
 * the lock of set-up.
 *
 * @throws {UserError} (exit code 6) when pip fails.
 */
export async function installWheels(
  folder: string,
  request: WheelRequest,
  session: Session,
): Promise<void> {
  const part = `${folder}.part`;
  await removeTree(part);
  const [site, temporary] = [join(part, "site"), join(part, "tmp")];
  for (const path of [site, temporary]) await Deno.mkdir(path, { recursive: true });
  const env = pipEnvironment(temporary);
  const progress = (seconds: number) =>
    `fetching ${request.requirements[0]} and what it needs, ${seconds} s so far`;
  try {
    const python3 = request.python.words ?? PYTHON3;
    if (hasWheels(request.python.version)) {
      const wanted = await pinned(request, { env, session });
      const words = [...python3, ...PIP, "install", "--no-deps", "--no-compile", ...DOWNLOAD_FLAGS];
      words.push(`--target=${site}`, ...wanted);
      await mustRun(
        { words, env, progress },
        `install ${request.requirements.join(" ")} with pip`,
        session,
      );
    } else {
      const words = [...python3, ...PIP, "download", ...DOWNLOAD_FLAGS, ...OTHER_PYTHON];
      if (!request.dependencies) words.push("--no-deps");
      words.push(`--dest=${temporary}`, ...request.requirements);
      await mustRun(
        { words, env, progress },
        `fetch ${request.requirements.join(" ")} with pip`,
        session,
      );
      await unpackWheels({ python3, from: temporary, site }, session);
    }
    await removeTree(folder);
    await Deno.rename(site, folder);
  } finally {
    await removeAbandoned(part);
  }
}

/**
 * Downloads wheels without their dependencies into an existing folder.
 *
 * @throws {UserError} (exit code 6) when pip fails.
 */
export async function downloadWheels(
  folder: string,
  requirements: readonly string[],
  session: Session,
): Promise<void> {
  const words = [
    ...PYTHON3,
    ...PIP,
    "download",
    "--no-deps",
    ...DOWNLOAD_FLAGS,
    `--dest=${folder}`,
  ];
  await mustRun(
    { words: [...words, ...requirements], env: pipEnvironment(folder) },
    `fetch ${requirements.join(" ")} with pip`,
    session,
  );
}

/** Returns pip's variables: no settings that conflict with --target, and a download folder of our own: /tmp may be small. */
function pipEnvironment(temporary: string): Record<string, string> {
  return {
    TMPDIR: temporary,
    // Empty ones count as not set. A constraint of the site may name another torch, as NVIDIA's containers do.
    PIP_CONSTRAINT: "",
    PIP_PREFIX: "",
    PIP_TARGET: "",
    PIP_USER: "0",
    PIP_REQUIRE_VIRTUALENV: "0",
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
    PIP_ROOT_USER_ACTION: "ignore",
  };
}

interface PipReport {
  install: { metadata: { name: string; version: string } }[];
}

/** Resolves the requirements and their dependencies, each with its version. */
async function pinned(
  request: WheelRequest,
  { env, session }: { env: Record<string, string>; session: Session },
): Promise<string[]> {
  const bare = request.bare ?? [];
  if (!request.dependencies) return [...request.requirements, ...bare];
  session.log(`asking pip what ${request.requirements.join(", ")} need`);
  const words = [
    ...(request.python.words ?? PYTHON3),
    ...PIP_ANSWERING,
    "install",
    "--dry-run",
    "--ignore-installed",
    "--quiet",
  ];
  words.push("--report=-", ...DOWNLOAD_FLAGS, ...request.requirements);
  const task = "ask pip for the dependencies of torch (pip 22.2 or newer is expected)";
  const report: PipReport = JSON.parse(await mustRun({ words, env }, task, session));
  // A wheel may spell its name nvidia_nccl or nvidia-nccl: they are the same.
  const found = report.install.map(({ metadata: { name, version } }) => {
    return { name: name.toLowerCase().replace(/[-_.]+/g, "-"), version };
  });
  const wanted = found.filter(({ name }) =>
    name !== "triton" && (request.only?.test(name) ?? true)
  );
  return [...wanted.map(({ name, version }) => `${name}==${version}`), ...bare];
}

async function unpackWheels(
  { python3, from, site }: { python3: readonly string[]; from: string; site: string },
  session: Session,
): Promise<void> {
  for await (const { name } of Deno.readDir(from)) {
    if (!name.endsWith(".whl") || name.startsWith("triton-")) continue;
    session.log(`unpacking ${name}`);
    const words = [...python3, "-m", "zipfile", "-e", join(from, name), site];
    await mustRun({ words }, `unpack ${name}`, session);
  }
}

/** Removes a folder, again where a child that has just ended wrote a last file meanwhile. */
async function removeAbandoned(folder: string): Promise<void> {
  try {
    await removeTree(folder);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOTEMPTY") throw error;
    await sleep(200);
    await removeTree(folder);
  }
}
