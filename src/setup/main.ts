/**
 * Set-up: finds or installs libtorch and builds the core, once; a later invocation only checks that all parts are still there.
 *
 * As a program: `src/setup/main.ts [--offline] [--quiet] [--cuda] [--print] [--from=DIR] [--bundle=DIR [--whole]]`.
 * Progress goes to stderr. --print writes to stdout the path of the Deno binary that set-up keeps in .byol/bin for machines without npx.
 */

import { join, resolve } from "node:path";
import type { Values } from "../base/command_line.ts";
import { ExitCode } from "../base/exit_codes.ts";
import { runProgram } from "../base/program.ts";
import { asUserError } from "../base/expected.ts";
import { exists, isSamePath } from "../base/files.ts";
import { printLine } from "../base/output.ts";
import { setupError } from "./setup_error.ts";
import { writeWholeBundle } from "./bundle.ts";
import type { Session } from "./child.ts";
import { buildCore, keepLibrary, manifestOf, removeOldCores } from "./core.ts";
import { fetchLibtorch, fetchProblem, findLibtorch } from "./install.ts";
import { provideLibjpeg } from "./libjpeg.ts";
import { inspectLibtorch, type Libtorch, preloadList } from "./libtorch.ts";
import {
  askPython,
  type Platform,
  type Python,
  refuseUnsupported,
  toolProblems,
} from "./machine.ts";
import { provideGpuLibrary } from "./gpu_library.ts";
import { SETUP } from "./options.ts";
import { installPackages, MISSING, packagesHash } from "./packages.ts";
import {
  coreFile,
  examineSetup,
  projectRoot,
  readSetup,
  type SetupRecord,
  sourcesHash,
  stateFolder,
  writeSetup,
} from "./record.ts";
import { exclusively } from "./session.ts";
import {
  readSharedCore,
  requireLibtorchOf,
  type SharedCore,
  takeSharedCore,
  writeSharedCore,
} from "./shared_core.ts";

export { CoreMissing, readSetup, requireSetup, type SetupRecord } from "./record.ts";

/** Options of set-up. All have defaults. */
export interface SetupOptions {
  /** Never touches the network. */
  offline?: boolean;
  /** No progress; errors are thrown all the same. */
  quiet?: boolean;
  /** Installs the libraries of CUDA also where there is no driver: on a login node for its compute nodes. */
  cuda?: boolean;
  /** Tries again to fetch what an earlier set-up could not: npm packages, libjpeg-turbo. */
  complete?: boolean;
  /** Folder of a bundle to take the core from. */
  from?: string;
  /** The checkout to set up. */
  root?: string;
  /** A libtorch to use; default: the variable LIBTORCH. */
  libtorch?: string;
  /** The platform; default: the one this runs on. */
  platform?: Platform;
  /** Report of python3. Default: python3 is run. */
  python?: Python;
}

/**
 * Sets up what is missing and returns the record of all parts.
 *
 * @throws {UserError} exit code 6 with a line and a repair for each missing part; exit code 75
 * after SIGINT or SIGTERM, once no half-made part is left.
 */
export async function ensureSetup(options: SetupOptions = {}): Promise<SetupRecord> {
  const root = options.root ?? projectRoot;
  refuseUnsupported(options.platform ?? Deno.build);
  return await inSentences(root, () => ensureIn(root, options));
}

/** Runs a step of set-up. @throws {UserError} (exit code 6) where the checkout cannot be written to */
async function inSentences<T>(root: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asUserError(error, ExitCode.setup, {
      task: `set up ${root}`,
      expected: "a folder that can be written to",
    });
  }
}

async function ensureIn(root: string, options: SetupOptions): Promise<SetupRecord> {
  const ready = stillReady(root, options);
  if (ready !== undefined && hasPackages(root, ready, options)) return ready;
  return await exclusively(
    { root, quiet: options.quiet },
    async (session) => {
      // Another process may have set up the checkout while this process waited.
      const record = stillReady(root, options) ?? await setUp(root, options, session);
      return await withPackages(root, record, { options, session });
    },
  );
}

/** Returns true where the npm packages are those of the sources, or could not be fetched and are not asked for again. */
function hasPackages(root: string, record: SetupRecord, options: SetupOptions): boolean {
  return record.packages === packagesHash(root) &&
    !(options.complete && record.packages === MISSING);
}

async function withPackages(
  root: string,
  record: SetupRecord,
  { options, session }: { options: SetupOptions; session: Session },
): Promise<SetupRecord> {
  if (hasPackages(root, record, options)) return record;
  const packages = await installPackages(root, { session, offline: options.offline ?? false });
  const completed = { ...record, packages };
  writeSetup(root, completed);
  return completed;
}

function variableLibtorch(options: SetupOptions): string {
  return options.libtorch ?? Deno.env.get("LIBTORCH") ?? "";
}

/**
 * Returns the record where no work is left. An unset LIBTORCH keeps the libtorch of an earlier set-up: a job may lack
 * the variables of the shell that ran set-up.
 */
function stillReady(root: string, options: SetupOptions): SetupRecord | undefined {
  const record = readSetup(root);
  // A bundle that the user names is checked and taken in any case.
  if (record === undefined || options.from !== undefined) return undefined;
  if (options.cuda && (!record.cudaCapable || !record.gpu)) return undefined;
  if (options.complete && record.libjpeg === null) return undefined;
  const variable = variableLibtorch(options);
  if (variable === "") return record;
  const { folder } = inspectLibtorch(variable, `LIBTORCH=${variable}`);
  return isSamePath(folder, record.libtorch) ? record : undefined;
}

async function setUp(root: string, options: SetupOptions, session: Session): Promise<SetupRecord> {
  session.log(`${examineReason(root)}: setting up`);
  const variable = variableLibtorch(options);
  const search = {
    store: join(stateFolder(root), "libtorch"),
    variable,
    // A libtorch that the user names needs no Python.
    python: options.python ?? (variable === "" ? await askPython(session) : undefined),
    offline: options.offline ?? false,
    cuda: options.cuda ?? false,
  };
  const found = findLibtorch(search, session);
  const shared = sharedCoreOf(root, options);
  if (shared !== undefined && found !== undefined) requireLibtorchOf(shared, found);
  const built = shared !== undefined ||
    found !== undefined && exists(coreFile(root, sourcesHash(root, found.version)));
  // All missing tools are reported together, before any long step begins.
  const problems = built ? [] : await toolProblems(manifestOf(root), session);
  const problem = found === undefined ? fetchProblem(search) : undefined;
  if (problem !== undefined) problems.push(problem);
  if (problems.length > 0) throw setupError(problems.join("\n"));

  const libtorch = found ?? await fetchLibtorch(search, session);
  if (shared !== undefined) await takeSharedCore(shared, { root, libtorch }, session);
  session.log(`libtorch ${libtorch.version} in ${libtorch.folder}`);
  const askedPython = search.python ?? await askPython(session);
  const libjpeg = await provideLibjpeg(
    { root, offline: search.offline, python: askedPython },
    session,
  );
  const { core, hash } = await provideCore(root, libtorch, { session, offline: search.offline });
  const record: SetupRecord = {
    libtorch: libtorch.folder,
    libtorchVersion: libtorch.version,
    core,
    preload: preloadList(libtorch.folder),
    libjpeg,
    hash,
    deno: await keepDeno(root),
    cudaCapable: libtorch.cudaCapable,
    gpu: await provideGpuLibrary(
      {
        root,
        libtorch: libtorch.folder,
        hash,
        python: askedPython,
        fetch: search.cuda && !search.offline,
      },
      session,
    ),
  };
  writeSetup(root, record);
  await removeOldCores(root, hash);
  session.log("ready");
  return record;
}

/** Reads the bundle of --from. @returns undefined without --from @throws {UserError} (exit code 6) where it does not fit */
function sharedCoreOf(root: string, { from, platform }: SetupOptions): SharedCore | undefined {
  return from === undefined ? undefined : readSharedCore(from, root, platform ?? Deno.build);
}

function examineReason(root: string): string {
  const found = examineSetup(root);
  return typeof found === "string" ? found : "more, or another libtorch, is asked for";
}

/** Builds the core for the sources as they are, again where the sources were edited during the build. */
async function provideCore(
  root: string,
  libtorch: Libtorch,
  { session, offline }: { session: Session; offline: boolean },
): Promise<{ core: string; hash: string }> {
  for (;;) {
    const hash = sourcesHash(root, libtorch.version);
    const core = coreFile(root, hash);
    if (exists(core)) return { core, hash };
    const library = await buildCore({ root, libtorch: libtorch.folder, offline }, session);
    if (sourcesHash(root, libtorch.version) === hash) {
      return { core: await keepLibrary(library, core), hash };
    }
    session.log("native/ changed during the build: building again");
  }
}

function keptDeno(root: string): string {
  return join(stateFolder(root), "bin", "deno");
}

/** Keeps a copy of the running Deno in the project, for machines that have no npx, and returns its path. */
export async function keepDeno(root: string = projectRoot): Promise<string> {
  const [from, to] = [Deno.execPath(), keptDeno(root)];
  const sizes = [from, to].map((path) => exists(path) ? Deno.statSync(path).size : 0);
  if (from === to || sizes[0] === sizes[1]) return to;
  await Deno.mkdir(join(stateFolder(root), "bin"), { recursive: true });
  const beside = `${to}.${Deno.pid}`;
  await Deno.copyFile(from, beside);
  await Deno.rename(beside, to);
  return to;
}

/** Keeps a copy of Deno, notes its path in the record, and returns it. */
async function recordDeno(record: SetupRecord): Promise<string> {
  const deno = await keepDeno();
  if (!isSamePath(record.deno, deno)) writeSetup(projectRoot, { ...record, deno });
  return deno;
}

/** Sets up as the command line says. */
async function main(
  { offline, quiet, cuda, print, from, bundle, whole }: Values<typeof SETUP.options>,
): Promise<ExitCode> {
  if (bundle !== null) requireEmpty(resolve(bundle));
  const taken = from === null ? {} : { from: resolve(from) };
  const record = await ensureSetup({ offline, quiet, cuda, complete: print, ...taken });
  if (print) printLine(await inSentences(projectRoot, () => recordDeno(record)));
  if (bundle !== null) {
    const source = { root: projectRoot, record, deno: await keepDeno() };
    const write = whole ? writeWholeBundle : writeSharedCore;
    await exclusively(
      { root: projectRoot, quiet },
      (session) => write(resolve(bundle), source, session),
    );
  }
  return ExitCode.ok;
}

/** Refuses a folder for a bundle that holds something. @throws {UserError} (exit code 6) */
function requireEmpty(folder: string): void {
  if (!exists(folder) || [...Deno.readDirSync(folder)].length === 0) return;
  throw setupError(
    `Cannot write a bundle to --bundle=${folder}: it is not empty, expected a folder to be made`,
  );
}

if (import.meta.main) await runProgram(SETUP, main);
