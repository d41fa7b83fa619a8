/**
 * A core that somebody built, for machines without a compiler: `--bundle=DIR` writes it stripped, with a description,
 * and `--from=DIR` takes it. All other parts of a set-up are fetched as usual.
 */

import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { readCommit } from "../base/git_commit.ts";
import { exists, readIfThere } from "../base/files.ts";
import { OPENING_PERMISSIONS } from "../base/permissions.ts";
import { mustRun, outputOf, type Session } from "./child.ts";
import { keepLibrary } from "./core.ts";
import { type Libtorch, preloadList } from "./libtorch.ts";
import type { Platform } from "./machine.ts";
import { coreFile, gpuLibraryFile, type SetupRecord, sourcesHash, stateFolder } from "./record.ts";
import { REPAIR, setupError } from "./setup_error.ts";

/** Name of the description. */
const DESCRIPTION = "bundle.json";
const FORMAT = "byol core 1";

/** A file of a bundle. */
interface SharedFile {
  name: string;
  /** SHA-256 of its bytes, in hexadecimal. */
  sha256: string;
}

/** Contents of bundle.json. */
interface Description {
  format: typeof FORMAT;
  /** Commit that the core was built at, without regard to local changes; null outside a Git checkout. */
  commit: string | null;
  platform: string;
  libtorchVersion: string;
  /** SHA-256 over the core's sources and the version of libtorch, in hexadecimal. */
  hash: string;
  core: SharedFile;
  /** The GPU library; null where none was built. */
  gpu: SharedFile | null;
}

/** A bundle whose files are those of its description, and whose sources and platform are those here. */
export interface SharedCore {
  folder: string;
  description: Description;
}

/** Writes a bundle. @param folder an empty folder @throws {UserError} (exit code 6) when a file cannot be written */
export async function writeSharedCore(
  folder: string,
  { root, record }: { root: string; record: SetupRecord },
  session: Session,
): Promise<void> {
  const { core, gpu = null, hash, libtorchVersion } = record;
  const description: Description = {
    format: FORMAT,
    commit: readCommit(root),
    platform: nameOf(Deno.build),
    libtorchVersion,
    hash,
    core: await writeStripped(core, folder, session),
    gpu: gpu === null ? null : await writeStripped(gpu, folder, session),
  };
  await write(
    folder,
    { root, name: DESCRIPTION, text: JSON.stringify(description, null, 2) },
    session,
  );
  session.log(
    `${folder} is ready: on other machines, in a checkout of the same sources, run: ${REPAIR} --from=${folder}`,
  );
}

/**
 * Copies a library without its debugging symbols, which no function needs; with them where there is no strip.
 *
 * @param folder folder of the copy, which set-up writes by other programs
 */
export async function writeStripped(
  library: string,
  folder: string,
  session: Session,
): Promise<SharedFile> {
  const name = basename(library);
  const to = join(folder, name);
  await mustRun({ words: ["mkdir", "--parents", folder] }, `make ${folder}`, session);
  if (await outputOf(["strip", "--strip-unneeded", "-o", to, library], session) === undefined) {
    session.log(`without strip (of binutils), ${name} keeps its debugging symbols`);
    await mustRun({ words: ["cp", library, to] }, `copy ${library} to ${to}`, session);
  }
  return { name, sha256: hashOf(to) };
}

/** Writes a text file outside .byol, where set-up itself may not write. */
async function write(
  folder: string,
  { root, name, text }: { root: string; name: string; text: string },
  session: Session,
): Promise<void> {
  const staged = join(stateFolder(root), `bundle-${Deno.pid}.json`);
  await Deno.writeTextFile(staged, `${text}\n`);
  try {
    const to = join(folder, name);
    await mustRun({ words: ["cp", staged, to] }, `write ${to}`, session);
  } finally {
    await Deno.remove(staged);
  }
}

/**
 * Reads a bundle and checks its files, the platform and the sources.
 *
 * @throws {UserError} (exit code 6) that tells what differs
 */
export function readSharedCore(folder: string, root: string, platform: Platform): SharedCore {
  const refuse = (problem: string): never => {
    throw setupError(`Cannot use --from=${folder}: ${problem}`);
  };
  const description = parsed(readIfThere(join(folder, DESCRIPTION))) ??
    refuse(
      `its ${DESCRIPTION} is missing or damaged, expected a folder written by ${REPAIR} --bundle=DIR`,
    );
  const { core, gpu, hash, libtorchVersion, commit } = description;
  if (description.platform !== nameOf(platform)) {
    refuse(`it is for ${description.platform}, expected one for ${nameOf(platform)}`);
  }
  for (const { name, sha256 } of [core, ...gpu === null ? [] : [gpu]]) {
    const file = join(folder, name);
    if (!exists(file)) refuse(`${name} is missing`);
    const found = hashOf(file);
    if (found !== sha256) refuse(`${name} has the SHA-256 ${found}, expected ${sha256}`);
  }
  if (sourcesHash(root, libtorchVersion) !== hash) {
    const at = commit === null ? "" : `; git checkout ${commit} has them, unless they were edited`;
    refuse(
      `it was built from other sources, expected those of native/ here${at}; to build the core ` +
        `here, run: ${REPAIR}`,
    );
  }
  return { folder, description };
}

/** Checks the version of the libtorch here. @throws {UserError} (exit code 6) where it is another one */
export function requireLibtorchOf(
  { folder, description }: SharedCore,
  libtorch: Libtorch,
): void {
  const { libtorchVersion } = description;
  if (libtorch.version === libtorchVersion) return;
  throw setupError(
    `Cannot use --from=${folder}: it was built for libtorch ${libtorchVersion}, and ${libtorch.folder} is ` +
      `${libtorch.version}, expected LIBTORCH=DIR of that version; to build the core here, run: ${REPAIR}`,
  );
}

/**
 * Takes the libraries of a bundle, once its core has opened beside the libtorch here.
 *
 * @throws {UserError} (exit code 6) where the core does not open here, or has another table of functions
 */
export async function takeSharedCore(
  shared: SharedCore,
  { root, libtorch }: { root: string; libtorch: Libtorch },
  session: Session,
): Promise<void> {
  const { folder, description: { core, gpu, hash } } = shared;
  requireLibtorchOf(shared, libtorch);
  session.log(`taking the core from ${folder}`);
  const words = [
    ...[Deno.execPath(), "run", ...OPENING_PERMISSIONS],
    ...[join(root, "src/native/check_core.ts"), join(folder, core.name)],
    ...preloadList(libtorch.folder),
  ];
  await mustRun({ words, cwd: root }, `use the core of --from=${folder}`, session);
  await keepLibrary(join(folder, core.name), coreFile(root, hash));
  if (gpu !== null) await keepLibrary(join(folder, gpu.name), gpuLibraryFile(root, hash));
}

function parsed(text: string | undefined): Description | undefined {
  if (text === undefined) return undefined;
  try {
    const found: Partial<Description> | null = JSON.parse(text);
    const texts = [found?.platform, found?.hash, found?.libtorchVersion, found?.core?.name];
    const isWhole = found?.format === FORMAT && found.gpu !== undefined &&
      texts.every((value) => typeof value === "string");
    return isWhole ? found as Description : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function nameOf({ os, arch }: Platform): string {
  return `${os} ${arch}`;
}

function hashOf(file: string): string {
  return createHash("sha256").update(Deno.readFileSync(file)).digest("hex");
}
