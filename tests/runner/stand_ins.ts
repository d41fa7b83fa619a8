/**
 * Stand-ins for the libraries of NVIDIA that PyTorch's CUDA build is linked with: `import torch` loads them, and a
 * computation on processors calls none of their functions. Together they are 1.5 GB of wheels.
 */

import { join } from "node:path";
import { mustRun, type Session } from "../../src/setup/child.ts";

/** The name of the folder below `nvidia/` that the stand-ins lie in. */
const FOLDER = "stand_ins";
/** The library that holds all functions. */
const FUNCTIONS = "libbyol_stand_ins.so";
/** Names of NVIDIA's functions. */
const OF_NVIDIA = /^_*(cu|nv|nccl)/i;
/** Libraries whose absence is a fact: the driver, and what only the driver's users load. */
const NOT_REPLACED = /^(libcuda\.so|libcaffe2_nvrtc\.so)/;

/**
 * Writes the stand-ins that the PyTorch in `site` lacks: a library for each one missing, and one that holds every missing
 * function, which ends the process with its name. They lie in `site`/nvidia/stand_ins/lib and beside PyTorch's own.
 */
export async function writeStandIns(site: string, session: Session): Promise<void> {
  const torch = join(site, "torch/lib");
  const libraries = [torch, ...nvidiaFolders(site)].flatMap((folder) =>
    [...Deno.readDirSync(folder)].filter(({ name }) => /\.so(\.|$)/.test(name))
      .map(({ name }) => ({ name, path: join(folder, name) }))
  );
  const own = libraries.filter(({ name, path }) =>
    path.startsWith(torch) && !NOT_REPLACED.test(name)
  );
  const names = new Set(libraries.map(({ name }) => name));
  const needed = await Promise.all(own.map(({ path }) => neededBy(path, session)));
  const missing = [...new Set(needed.flat())].filter((name) =>
    /^lib(cu|nv|nccl)/.test(name) && !names.has(name) && !NOT_REPLACED.test(name)
  );
  if (missing.length === 0) return;
  const [undefinedSymbols, defined] = await Promise.all([
    symbolsOf(own, "--undefined-only", session),
    symbolsOf(libraries, "--defined-only", session),
  ]);
  const absent = new Set(undefinedSymbols.filter((symbol) => OF_NVIDIA.test(symbol)));
  for (const symbol of defined) absent.delete(symbol);
  const folder = join(site, "nvidia", FOLDER, "lib");
  await Deno.mkdir(folder, { recursive: true });
  await buildAll(folder, { missing, functions: [...absent] }, session);
  for (const { name } of Deno.readDirSync(folder)) {
    await Deno.copyFile(join(folder, name), join(torch, name));
  }
}

/** Returns the folders of libraries of Python's nvidia packages. */
export function nvidiaFolders(site: string): string[] {
  const nvidia = join(site, "nvidia");
  try {
    return [...Deno.readDirSync(nvidia)].map(({ name }) => join(nvidia, name, "lib"))
      .filter((folder) => {
        try {
          return Deno.statSync(folder).isDirectory;
        } catch {
          return false;
        }
      });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function neededBy(library: string, session: Session): Promise<string[]> {
  const text = await mustRun({ words: ["readelf", "-d", library] }, `read ${library}`, session);
  return [...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name!);
}

/** Returns the dynamic symbols of libraries, without their versions. */
async function symbolsOf(
  libraries: readonly { path: string }[],
  which: string,
  session: Session,
): Promise<string[]> {
  const words = ["nm", "-D", "--format=posix", which, ...libraries.map(({ path }) => path)];
  const text = await mustRun({ words }, "list the symbols of PyTorch's libraries with nm", session);
  // Weak ones (w, v) may stay undefined.
  return [...text.matchAll(/^([^\s@]+)\S* [A-Zi] ?/gm)].map(([, symbol]) => symbol!);
}

async function buildAll(
  folder: string,
  { missing, functions }: { missing: readonly string[]; functions: readonly string[] },
  session: Session,
): Promise<void> {
  const source = join(folder, "stand_ins.cpp");
  await Deno.writeTextFile(source, sourceOf(functions));
  const build = (name: string, ...words: string[]): Promise<string> =>
    mustRun(
      {
        words: [
          "g++",
          "-shared",
          "-fPIC",
          "-o",
          join(folder, name),
          `-Wl,-soname,${name}`,
          ...words,
        ],
      },
      `build the stand-in ${name}`,
      session,
    );
  await build(FUNCTIONS, source);
  const linked = ["-Wl,--no-as-needed", join(folder, FUNCTIONS), "-Wl,-rpath,$ORIGIN"];
  for (const name of missing) await build(name, ...linked);
}

function sourceOf(functions: readonly string[]): string {
  const definitions = functions.map((name, index) =>
    `void f${index}() __asm__("${name}");\nvoid f${index}() { end("${name}"); }`
  );
  return `#include <cstdio>
#include <cstdlib>
static void end(const char* name) {
  std::fprintf(stderr, "%s is a stand-in: this PyTorch computes on processors only\\n", name);
  std::abort();
}
${definitions.join("\n")}
`;
}
