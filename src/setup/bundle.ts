/**
 * A folder with all that a compute node needs, to be copied or moved anywhere: sources, Deno, the core, libtorch
 * (`--bundle=DIR --whole`).
 *
 * It is laid out like a checkout after set-up, so every task and script works in it as it is. Its record names files
 * of its own by paths that begin with "./" (record.ts resolves them).
 */

import { basename, dirname, join, relative } from "node:path";
import { exists } from "../base/files.ts";
import { mustRun, type Session } from "./child.ts";
import { libraries } from "./libtorch.ts";
import { type SetupRecord, stateFolder } from "./record.ts";
import { writeStripped } from "./shared_core.ts";

/** Files of a checkout that a run needs: native/ because the core is known by the hash of its sources. */
const SOURCES = ["deno.json", "deno.lock", "mod.ts", "README.md", "src", "slurm", "native", "docs"];

/** Checkout and record that a bundle is made from. */
export interface BundleSource {
  root: string;
  record: SetupRecord;
  /** The kept Deno binary. */
  deno: string;
}

/**
 * Writes the bundle.
 *
 * @param folder where it goes: absent or empty
 * @throws {UserError} (exit code 6) when a copy fails
 */
export async function writeWholeBundle(
  folder: string,
  { root, record, deno }: BundleSource,
  session: Session,
): Promise<void> {
  const state = join(folder, ".byol");
  const copies = await librariesToCopy(record, session);
  const home = packageOf(record.libtorch);
  const moved = (path: string): string =>
    isWithin(home, path) ? join("libtorch", relative(home, path)) : join("core", basename(path));
  session.log(`copying the sources, Deno, the core and ${copies.length} libraries to ${folder}`);
  const make = (path: string): Promise<string> =>
    mustRun({ words: ["mkdir", "--parents", path] }, `make ${path}`, session);
  // By cp and mkdir: set-up itself may write in .byol alone.
  const copy = async (from: string, to: string): Promise<void> => {
    await make(dirname(to));
    const words = ["cp", "--recursive", "--dereference", "--reflink=auto", from, to];
    await mustRun({ words }, `copy ${from} to ${to}`, session);
  };
  await make(state);
  for (const name of SOURCES) {
    if (exists(join(root, name))) await copy(join(root, name), join(folder, name));
  }
  if (exists(join(root, "node_modules"))) {
    // The links of node_modules are relative and stay within the folder.
    const words = ["cp", "--archive", join(root, "node_modules"), join(folder, "node_modules")];
    await mustRun({ words }, `copy the npm packages to ${folder}`, session);
  }
  await copy(deno, join(state, "bin", "deno"));
  const built = [record.core, record.gpu];
  for (const path of copies) {
    if (built.includes(path)) await writeStripped(path, join(state, "core"), session);
    else await copy(path, join(state, moved(path)));
  }

  const own = new Set(copies);
  const shown = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shown);
    return typeof value === "string" && own.has(value) ? `./${moved(value)}` : value;
  };
  const entries = Object.entries(record).map(([name, value]) => [name, shown(value)]);
  const bundled = {
    ...Object.fromEntries(entries),
    libtorch: `./${moved(record.libtorch)}`,
    deno: "./bin/deno",
  };
  const staged = join(stateFolder(root), `bundle-${Deno.pid}.json`);
  await Deno.writeTextFile(staged, `${JSON.stringify(bundled, null, 2)}\n`);
  try {
    await copy(staged, join(state, "setup.json"));
  } finally {
    await Deno.remove(staged);
  }
  session.log(`${folder} is ready: copy it where compute nodes see it, and use its .byol/bin/deno`);
}

/** Returns the files that the record names, and the libraries that the dynamic linker or libtorch will load. */
async function librariesToCopy(record: SetupRecord, session: Session): Promise<string[]> {
  const files = new Set<string>();
  for (const value of Object.values(record).flat()) {
    if (typeof value === "string" && value.includes(".so") && exists(value)) files.add(value);
  }
  for (const name of ["version.py", "build-version"]) {
    const path = join(record.libtorch, name);
    if (exists(path)) files.add(path);
  }
  const home = packageOf(record.libtorch);
  if (record.cudaCapable) {
    // CUDA's libraries open one another by name at run time: all of them are copied.
    for (const folder of libraryFolders(home, record.libtorch)) {
      for (const { name, isDirectory } of Deno.readDirSync(folder)) {
        if (!isDirectory && name.includes(".so")) files.add(join(folder, name));
      }
    }
  } else {
    const { cpu } = libraries(record.libtorch);
    const needs = await mustRun({ words: ["ldd", cpu] }, `ask ldd what ${cpu} needs`, session);
    for (const [, path = ""] of needs.matchAll(/=> (\/\S+)/g)) {
      if (isWithin(home, path)) files.add(path);
    }
  }
  return [...files];
}

/** Returns the folder in which the wheels lie side by side, or the archive's own folder. */
function packageOf(libtorch: string): string {
  return exists(join(dirname(libtorch), "nvidia")) ? dirname(libtorch) : libtorch;
}

function libraryFolders(home: string, libtorch: string): string[] {
  const nvidia = join(home, "nvidia");
  const parts = exists(nvidia)
    ? [...Deno.readDirSync(nvidia)].map(({ name }) => join(nvidia, name, "lib"))
    : [];
  return [join(libtorch, "lib"), ...parts].filter(exists);
}

function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
