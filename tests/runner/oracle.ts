/**
 * The oracle of the parity tests: PyTorch, torchvision and other Python packages in a folder of the project, never in the
 * training path. PyTorch is the wheel that set-up has unpacked for its libtorch, where that fits the running Python; what
 * it is linked with and no processor calls are stand-ins.
 */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { exists, removeTree } from "../../src/base/files.ts";
import { mustRun, type Session } from "../../src/setup/child.ts";
import { HEADERS, missingHeaders, wheelIncludes } from "../../src/setup/gpu_library.ts";
import { CUDA_SET } from "../../src/setup/install.ts";
import { withLock } from "../../src/setup/lock.ts";
import { askPython, pipProblem, type Python } from "../../src/setup/machine.ts";
import { downloadWheels, hasWheels, installWheels } from "../../src/setup/pip.ts";
import { projectRoot, stateFolder } from "../../src/setup/record.ts";
import { setupError } from "../../src/setup/setup_error.ts";
import { LIBTORCH_VERSION, TORCHVISION_VERSION } from "../../src/setup/versions.ts";
import { lockedLines } from "../../src/setup/wheel_lock.ts";
import { writeStandIns } from "./stand_ins.ts";

/** The lock file of all wheels of the oracle, apart from PyTorch's and NVIDIA's, which set-up's holds. */
export const ORACLE_LOCK: string = fileURLToPath(new URL("oracle.lock", import.meta.url));
/** Packages that depend on PyTorch. */
export const ON_TORCH: readonly string[] = [`torchvision==${TORCHVISION_VERSION}`, "timm"];
/** Further packages of the tests. */
export const OTHERS: readonly string[] = [
  "numpy",
  "pillow",
  "tifffile",
  "opencv-python-headless",
  "safetensors",
  "tensorboard",
  "pyarrow",
  "pandas",
  "scipy",
  "scikit-learn",
  "onnx",
  "onnxruntime",
];
/** Packages that PyTorch and timm import, in the versions that their wheels ask for. */
export const IMPORTED: readonly string[] = [
  ...["filelock", "fsspec", "jinja2", "networkx", "setuptools<82", "sympy", "typing-extensions"],
  ...["huggingface-hub", "pyyaml"],
];

/** Returns the folder to name in PYTHONPATH, or undefined when the oracle is not installed. */
export function oracleFolder(root: string = projectRoot): string | undefined {
  const folder = join(stateFolder(root), "oracle");
  if (!exists(folder)) return undefined;
  const installed = new Set(
    [...Deno.readDirSync(folder)].map(({ name }) => /^(.+)-([^-]+)\.dist-info$/.exec(name))
      .flatMap((found) => found === null ? [] : [found[1], `${found[1]}==${found[2]}`]),
  );
  const wanted = [`torch==${LIBTORCH_VERSION}`, ...ON_TORCH, ...OTHERS];
  const isThere = (requirement: string): boolean => installed.has(requirement.replaceAll("-", "_"));
  return wanted.every(isThere) ? folder : undefined;
}

/**
 * Returns the folder to name in PYTHONPATH for a bench: BYOL_ORACLE, a folder that has PyTorch and torchvision already, or
 * what is installed here; undefined where neither is.
 */
export function oraclePath(): string | undefined {
  return Deno.env.get("BYOL_ORACLE") ?? oracleFolder();
}

/** Returns the variables that Python needs to import the oracle's packages. */
export function oracleEnvironment(): Record<string, string> {
  return {
    PYTHONPATH: oraclePath() ?? "",
    // What Python compiles is kept, apart from the sources: `import torch` alone is a thousand modules.
    PYTHONDONTWRITEBYTECODE: "",
    PYTHONPYCACHEPREFIX: join(stateFolder(), "python-cache"),
  };
}

/** Python and folders of the oracle's installation. */
export interface OracleInstallation {
  /** The folder of libtorch that set-up has found or fetched. */
  libtorch: string;
  signal: AbortSignal;
  /** The checkout; default: this one. */
  root?: string;
}

/**
 * Installs the oracle, unless it is there; set-up may run meanwhile. About 1.3 GB are fetched: 240 MB of packages, and
 * wheels of NVIDIA of which headers and NVRTC are kept, for the test that builds the GPUs' side. Where PyTorch has to be
 * fetched, too, it is 2.5 GB.
 *
 * @throws {UserError} (exit code 6) when python3 has no pip or is of a version torch has no wheels for.
 */
export async function installOracle(
  { libtorch, signal, root = projectRoot }: OracleInstallation,
): Promise<void> {
  if (oracleFolder(root) !== undefined) return;
  const session: Session = { log: (line) => console.error(`oracle: ${line}`), quiet: true, signal };
  await withLock(join(stateFolder(root), "oracle.lock"), session, async () => {
    if (oracleFolder(root) !== undefined) return;
    const python = await pythonForOracle(session);
    const [folder, site] = [join(stateFolder(root), "oracle"), dirname(libtorch)];
    if (!isPackageFor(python, site)) return await installAll(folder, { python, session });
    const made = `${folder}.made`;
    await removeTree(made);
    await installPackages(made, { python, session });
    await linkTorch(site, made, session);
    await installHeaders(made, session);
    await writeStandIns(made, session);
    await removeTree(folder);
    await Deno.rename(made, folder);
  });
}

/**
 * Returns the running Python.
 *
 * @throws {UserError} (exit code 6) when it has no pip or is of a version torch has no wheels for.
 */
export async function pythonForOracle(session: Session): Promise<Python> {
  const python = await askPython(session);
  const problem = pipProblem(python);
  if (problem !== undefined || python === undefined) {
    throw setupError(problem ?? "Cannot install the oracle: there is no python3");
  }
  if (hasWheels(python.version)) return python;
  throw setupError(
    `Cannot install the oracle for Python ${python.version.join(".")}: expected 3.10 to 3.14`,
  );
}

/** Tells whether a folder holds PyTorch's wheel for this Python. */
function isPackageFor({ version: [major, minor] }: Python, site: string): boolean {
  if (!exists(join(site, `torch-${LIBTORCH_VERSION}.dist-info`))) return false;
  const names = [...Deno.readDirSync(join(site, "torch"))].map(({ name }) => name);
  return names.some((name) => name.startsWith(`_C.cpython-${major}${minor}-`));
}

/** Options of the steps of an installation. */
interface Installing {
  python: Python;
  session: Session;
}

async function installAll(folder: string, { python, session }: Installing): Promise<void> {
  session.log("fetching PyTorch with all it needs (about 2.5 GB), once, as the tests' oracle");
  await installWheels(folder, {
    lines: [...lockedLines(CUDA_SET), ...lockedLines(undefined, ORACLE_LOCK)],
    python,
  }, session);
}

async function installPackages(folder: string, { python, session }: Installing): Promise<void> {
  session.log("fetching what the tests' oracle needs beside PyTorch (240 MB), once");
  await installWheels(folder, {
    lines: lockedLines(undefined, ORACLE_LOCK),
    python,
  }, session);
}

/** Gives the oracle the files of a PyTorch that is there: links where the file system can. */
async function linkTorch(site: string, folder: string, session: Session): Promise<void> {
  const names = [...Deno.readDirSync(site)].map(({ name }) => name).filter((name) =>
    /^(torch|torchgen|functorch|nvidia|torch-[^-]+\.dist-info)$/.test(name)
  );
  for (const name of names) {
    const words = ["--archive", "--no-target-directory", join(site, name), join(folder, name)];
    const linking = mustRun({ words: ["cp", "--link", ...words] }, `link ${name}`, session);
    await linking.catch(async () => {
      await removeTree(join(folder, name));
      await mustRun({ words: ["cp", ...words] }, `copy ${name}`, session);
    });
  }
}

/** Keeps of a folder's wheels the headers, and NVRTC, which compiles kernels without a GPU. */
const UNPACK = `
import pathlib, sys, zipfile
for wheel in pathlib.Path(sys.argv[1]).glob("*.whl"):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if "/include/" in name or "/lib/libnvrtc" in name:
                archive.extract(name, sys.argv[2])
`;

async function installHeaders(folder: string, session: Session): Promise<void> {
  const missing = missingHeaders(wheelIncludes(folder)).map((header) => HEADERS[header]!);
  if (missing.length === 0) return;
  session.log("fetching CUDA's headers (1 GB of wheels), for the test that builds the GPUs' side");
  const wheels = `${folder}.wheels`;
  await removeTree(wheels);
  await Deno.mkdir(wheels);
  try {
    await downloadWheels(wheels, lockedLines(missing), session);
    const words = ["python3", "-c", UNPACK, wheels, folder];
    await mustRun({ words }, "unpack CUDA's headers with python3", session);
  } finally {
    await removeTree(wheels);
  }
}
