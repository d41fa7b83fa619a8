/** Installing wheels into a folder of the project with pip: no venv, nothing of the system's Python is touched. */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeTree } from "../base/files.ts";
import { mustRun, type Session } from "./child.ts";
import { type Python, PYTHON3 } from "./machine.ts";
import { requirementOf } from "./wheel_lock.ts";

/** Wheels to install, and the Python to install them with. */
export interface WheelRequest {
  /** Lines of a lock file (wheel_lock.ts). Nothing but what they name is installed. */
  lines: readonly string[];
  /** The `python3` that runs pip. */
  python: Pick<Python, "version" | "words">;
  /** True for wheels of which Python imports nothing: those of any version of Python serve. Default: false. */
  anyPython?: boolean;
}

/** Versions of Python that torch 2.11 has wheels for. */
const PYTHON_WITH_WHEELS = { first: 10, last: 14 };

// Pip's stdout, its progress bar included, goes to stderr, where pip recognises a terminal.
const PIP = [
  "-c",
  'import os, runpy; os.dup2(2, 1); runpy.run_module("pip", run_name="__main__", alter_sys=True)',
];

const DOWNLOAD_FLAGS = [
  ...["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir", "--no-input"],
];

/** The oldest minor version of glibc 2 that wheels may be built for, and that of the machines here. */
const GLIBC = { first: 5, last: 28 };

/** Arguments of pip for a Python that is not the running one: these wheels load on glibc 2.28 or newer. */
export const OTHER_PYTHON: readonly string[] = [
  "--python-version=3.12",
  "--implementation=cp",
  ...Array.from(
    { length: GLIBC.last - GLIBC.first + 1 },
    (_, at) => `--platform=manylinux_2_${GLIBC.last - at}_x86_64`,
  ),
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
  const names = request.lines.map(requirementOf);
  const progress = (seconds: number) => `fetching ${names[0]} and others, ${seconds} s so far`;
  const wanted = await writeWanted(temporary, request.lines);
  try {
    const python3 = request.python.words ?? PYTHON3;
    if (hasWheels(request.python.version) && !request.anyPython) {
      const words = [...python3, ...PIP, "install", "--no-compile", ...DOWNLOAD_FLAGS];
      words.push(`--target=${site}`, ...wanted);
      await mustRun({ words, env, progress }, `install ${names.join(" ")} with pip`, session);
    } else {
      const words = [...python3, ...PIP, "download", ...DOWNLOAD_FLAGS, ...OTHER_PYTHON];
      words.push(`--dest=${temporary}`, ...wanted);
      await mustRun({ words, env, progress }, `fetch ${names.join(" ")} with pip`, session);
      await unpackWheels({ python3, from: temporary, site }, session);
    }
    await removeTree(folder);
    await Deno.rename(site, folder);
  } finally {
    await removeAbandoned(part);
  }
}

/**
 * Downloads wheels into an existing folder. @param lines lines of a lock file
 *
 * @throws {UserError} (exit code 6) when pip fails.
 */
export async function downloadWheels(
  folder: string,
  lines: readonly string[],
  session: Session,
): Promise<void> {
  const words = [...PYTHON3, ...PIP, "download", ...DOWNLOAD_FLAGS, `--dest=${folder}`];
  words.push(...await writeWanted(folder, lines));
  const task = `fetch ${lines.map(requirementOf).join(" ")} with pip`;
  await mustRun({ words, env: pipEnvironment(folder) }, task, session);
}

/** Writes a file of requirements with their hashes, and returns the arguments of pip that name the file. */
async function writeWanted(folder: string, lines: readonly string[]): Promise<string[]> {
  const file = join(folder, "wanted.txt");
  await Deno.writeTextFile(file, `${lines.join("\n")}\n`);
  return [`--requirement=${file}`];
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

async function unpackWheels(
  { python3, from, site }: { python3: readonly string[]; from: string; site: string },
  session: Session,
): Promise<void> {
  for await (const { name } of Deno.readDir(from)) {
    if (!name.endsWith(".whl")) continue;
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
