/** Record of set-up (.byol/setup.json) and the check that it still holds: reading only, which costs milliseconds. */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { REPAIR } from "./setup_error.ts";
import { exists } from "../base/files.ts";
import { libtorchVersion } from "./libtorch.ts";

/** The project's own folder. */
export const projectRoot: string = fileURLToPath(new URL("../../", import.meta.url)).replace(
  /\/$/,
  "",
);

/**
 * The content of .byol/setup.json. All paths are absolute; the file names those below .byol from there (`./core/…`), as
 * a checkout may be reached by several paths: a link, a bind mount, an automounter.
 */
export interface SetupRecord {
  /** The folder of libtorch: the one that holds lib/ and include/. */
  libtorch: string;
  /** Its version, for example "2.11.0+cu130". */
  libtorchVersion: string;
  /** The core, built from the sources that `hash` stands for. */
  core: string;
  /** Libraries to open, in this order, before the core. */
  preload: string[];
  /** libjpeg-turbo for the core to open; null where it decodes JPEG files by itself. */
  libjpeg: string | null;
  /** SHA-256 over the core's sources and the version of libtorch, in hexadecimal. */
  hash: string;
  /** The Deno binary for machines without npx (kept by `deno task setup`), or the one that ran. */
  deno: string;
  /** True where this libtorch brings all that CUDA needs, apart from the driver. */
  cudaCapable: boolean;
  /** The GPU library (native/shim/gpu); null where it could not be built. */
  gpu?: string | null;
  /** packagesHash() of the npm packages that are there; "missing" where they could not be fetched. */
  packages?: string;
}

/** Error of a core that cannot be opened: set-up has not run, or not for the present sources and libraries. */
export class CoreMissing extends UserError {
  /** @param problem the fault, with the path that it concerns */
  constructor(problem: string) {
    super(`Cannot open the core: ${problem}; run: ${REPAIR}`, ExitCode.setup);
  }
}

/** Returns the ignored folder of the project that holds all that set-up installs or builds. */
export function stateFolder(root: string = projectRoot): string {
  return join(root, ".byol");
}

/** Returns the file of the core with this hash. */
export function coreFile(root: string, hash: string): string {
  return join(stateFolder(root), "core", `libbyol-${hash.slice(0, 12)}.so`);
}

/** Returns the file of the GPU library for the core with this hash. */
export function gpuLibraryFile(root: string, hash: string): string {
  return join(stateFolder(root), "core", `libbyol-gpu-${hash.slice(0, 12)}.so`);
}

/** Folders of native/ whose files are no part of the core: a change there builds nothing again. */
const NOT_OF_THE_CORE = ["fuzz", "target", "tests"];

/** Computes the SHA-256 over the core's sources (names and bytes of the files in native/) and the version of libtorch. */
export function sourcesHash(root: string, version: string): string {
  const hash = createHash("sha256");
  hash.update(`libtorch ${version}\n`);
  const native = join(root, "native");
  for (const path of sourceFiles(native, "")) {
    const bytes = Deno.readFileSync(join(native, path));
    hash.update(`${path} ${bytes.length}\n`);
    hash.update(bytes);
  }
  return hash.digest("hex");
}

/** Lists the relative paths of the sources, sorted, without build outputs, tests and hidden files. */
function sourceFiles(native: string, folder: string): string[] {
  const found: string[] = [];
  for (const entry of Deno.readDirSync(join(native, folder))) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    const hidden = entry.name.startsWith(".") && entry.name !== ".cargo";
    if (hidden || entry.name.endsWith("~")) continue;
    if (!entry.isDirectory) found.push(path);
    else if (!NOT_OF_THE_CORE.includes(path)) found.push(...sourceFiles(native, path));
  }
  return found.sort();
}

/** Returns the record when all its files are as recorded; otherwise the problem in words. */
export function examineSetup(root: string): SetupRecord | string {
  let text: string;
  try {
    text = Deno.readTextFileSync(join(stateFolder(root), "setup.json"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return ".byol/setup.json is missing";
    throw error;
  }
  const record = parseRecord(text, stateFolder(root));
  if (record === undefined) return ".byol/setup.json is damaged";
  const maybe = [record.gpu, record.libjpeg].filter((path) => typeof path === "string");
  for (const path of [record.core, ...record.preload, ...maybe]) {
    const problem = problemOf(path);
    if (problem !== undefined) return `${path} ${problem}`;
  }
  const version = libtorchVersion(record.libtorch);
  if (version !== record.libtorchVersion) {
    return `${record.libtorch} holds version ${version}, expected ${record.libtorchVersion}`;
  }
  if (sourcesHash(root, version) !== record.hash) {
    return "the sources in native/ have changed since it was built";
  }
  // A checkout that was copied has its own core, with the same hash, beside the one of its origin.
  const core = coreFile(root, record.hash);
  return exists(core) ? { ...record, core } : `${core} is missing`;
}

/** Returns the reason why a file cannot be used: it is missing, or its folder is another user's alone. */
function problemOf(path: string): string | undefined {
  try {
    return exists(path) ? undefined : "is missing";
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    return "may not be looked at by this user";
  }
}

/** Start of a path in the record that counts from the folder .byol. */
const OWN = "./";

/**
 * Returns a path of a record as an absolute one. A record of an earlier version holds absolute paths: one below the .byol
 * of a checkout that has been moved is looked for in this checkout.
 */
function located(path: string, state: string): string {
  if (path.startsWith(OWN)) return join(state, path);
  const below = path.split("/.byol/")[1];
  if (below === undefined || problemOf(path) === undefined) return path;
  const own = join(state, below);
  return problemOf(own) === undefined ? own : path;
}

/** Parses a record; undefined where it is none. */
function parseRecord(text: string, state: string): SetupRecord | undefined {
  let record: Partial<SetupRecord> | null;
  try {
    record = JSON.parse(
      text,
      (_name, value) => typeof value === "string" ? located(value, state) : value,
    );
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const strings = [
    record?.libtorch,
    record?.libtorchVersion,
    record?.core,
    record?.hash,
    record?.deno,
  ];
  const whole = strings.every((value) => typeof value === "string") &&
    typeof record?.cudaCapable === "boolean" && Array.isArray(record.preload) &&
    record.preload.every((path) => typeof path === "string") &&
    (record.libjpeg === null || typeof record.libjpeg === "string");
  return whole ? record as SetupRecord : undefined;
}

/** Reads the record of set-up; undefined when set-up has not been run or no longer fits the sources and libraries. */
export function readSetup(root: string = projectRoot): SetupRecord | undefined {
  const found = examineSetup(root);
  return typeof found === "string" ? undefined : found;
}

/**
 * Reads the record of set-up.
 *
 * @throws {CoreMissing} naming what is missing or has changed, when set-up must be run again.
 */
export function requireSetup(root: string = projectRoot): SetupRecord {
  const found = examineSetup(root);
  if (typeof found === "string") throw new CoreMissing(found);
  return found;
}

/** Writes the record beside and renames it, so that a reader sees the old one or the new one. */
export function writeSetup(root: string, record: SetupRecord): void {
  const file = join(stateFolder(root), "setup.json");
  const beside = `${file}.${Deno.pid}`;
  const own = `${stateFolder(root)}/`;
  const shown = (_name: string, value: unknown): unknown =>
    typeof value === "string" && value.startsWith(own) ? OWN + value.slice(own.length) : value;
  Deno.writeTextFileSync(beside, JSON.stringify(record, shown, 2) + "\n");
  Deno.renameSync(beside, file);
}
