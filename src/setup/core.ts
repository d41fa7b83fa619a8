/** Builds the Rust core against a libtorch and keeps it under the hash of its sources. */

import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { REPAIR, setupError } from "./setup_error.ts";
import { exists, removeTree } from "../base/files.ts";
import { mustRun, type Session } from "./child.ts";
import { libraries } from "./libtorch.ts";
import { coreFile, gpuLibraryFile, stateFolder } from "./record.ts";

const DAY_MILLISECONDS = 24 * 3600 * 1000;

/** Settings of a build. */
export interface CoreBuild {
  root: string;
  /** The folder of libtorch that holds lib/ and include/. */
  libtorch: string;
  offline: boolean;
}

/** Path of the core's manifest. */
export function manifestOf(root: string): string {
  return join(root, "native", "Cargo.toml");
}

/**
 * Returns cargo's variables for every command that builds the core or its tests.
 *
 * torch-sys links CUDA when it sees it, and the core then loads nowhere else: it is shown a folder of links to the
 * few libraries that every libtorch has.
 */
export async function cargoEnvironment(
  { root, libtorch }: { root: string; libtorch: string },
  session: Session,
): Promise<Record<string, string>> {
  return {
    LIBTORCH: libtorch,
    LIBTORCH_INCLUDE: libtorch,
    LIBTORCH_LIB: await linkFolder(root, libtorch, session),
    LIBTORCH_CXX11_ABI: "1",
    LIBTORCH_STATIC: "0",
    // Set-up has checked the version itself, with a message of its own.
    LIBTORCH_BYPASS_VERSION_CHECK: "1",
    CARGO_TARGET_DIR: join(stateFolder(root), "target"),
  };
}

async function linkFolder(root: string, libtorch: string, session: Session): Promise<string> {
  const key = createHash("sha256").update(libtorch).digest("hex").slice(0, 12);
  const folder = join(stateFolder(root), "link", key);
  if (exists(folder)) return folder;
  const part = `${folder}.${Deno.pid}`;
  await removeTree(part);
  await Deno.mkdir(join(part, "lib"), { recursive: true });
  const { c10, cpu, torch, gomp } = libraries(libtorch);
  const links = [c10, cpu, torch].map((library) => [library, basename(library)]);
  // OpenMP gets two names: the one that libtorch loads and the one that the linker looks for.
  if (gomp !== undefined) links.push([gomp, basename(gomp)], [gomp, "libgomp.so"]);
  // By ln: Deno makes links only for programs that may write everywhere.
  try {
    for (const [library = "", name = ""] of links) {
      const words = ["ln", "--symbolic", library, join(part, "lib", name)];
      await mustRun({ words }, `link ${library} with ln`, session);
    }
  } catch (error) {
    await removeTree(part);
    throw error;
  }
  await Deno.rename(part, folder);
  return folder;
}

/** Returns cargo's command line, without the variable that would send torch-sys to Python's own torch. */
export function cargoWords(root: string, command: string): string[] {
  const words = ["env", "--unset=LIBTORCH_USE_PYTORCH", "cargo", command, "--release", "--locked"];
  return [...words, `--manifest-path=${manifestOf(root)}`];
}

/**
 * Builds the core and returns the library that cargo made.
 *
 * @throws {UserError} (exit code 6) when cargo fails.
 */
export async function buildCore(build: CoreBuild, session: Session): Promise<string> {
  session.log("building the core, once: 4 to 9 minutes on two cores");
  const words = [...cargoWords(build.root, "build"), "--lib"];
  words.push("--message-format=json-render-diagnostics");
  if (build.offline) words.push("--offline");
  const task = build.offline
    ? `build the core offline with cargo (where its crates are missing, run with network: ${REPAIR})`
    : "build the core with cargo";
  const messages = await mustRun(
    {
      words,
      cwd: build.root,
      env: await cargoEnvironment(build, session),
      progress: (seconds) => `still compiling, ${seconds} s so far`,
    },
    task,
    session,
  );
  const library = messages.split("\n").flatMap(sharedLibraries).at(-1);
  if (library === undefined) {
    throw setupError(
      `Cannot build the core: cargo made no shared library from ${manifestOf(build.root)}`,
    );
  }
  return library;
}

/** Returns the shared libraries of our crate that one line of cargo's report names. */
function sharedLibraries(line: string): string[] {
  if (!line.includes('"compiler-artifact"')) return [];
  const message: { target: { crate_types: string[] }; filenames: string[] } = JSON.parse(line);
  if (!message.target.crate_types.includes("cdylib")) return [];
  return message.filenames.filter((name) => name.endsWith(".so"));
}

/** Copies a built library to the name that stands for its sources; a core that is in use is never overwritten. */
export async function keepLibrary(library: string, file: string): Promise<string> {
  await Deno.mkdir(dirname(file), { recursive: true });
  const beside = `${file}.${Deno.pid}`;
  await Deno.copyFile(library, beside);
  await Deno.rename(beside, file);
  return file;
}

/** Removes cores of other sources that are more than a day old: a younger one may belong to a run that is starting. */
export async function removeOldCores(root: string, hash: string): Promise<void> {
  const folder = join(stateFolder(root), "core");
  for await (const { name } of Deno.readDir(folder)) {
    const file = join(folder, name);
    const age = Date.now() - ((await Deno.stat(file)).mtime?.getTime() ?? Date.now());
    const current = [coreFile(root, hash), gpuLibraryFile(root, hash)].includes(file);
    if (!current && age > DAY_MILLISECONDS) await removeTree(file);
  }
}
