/**
 * Writes the lock files of wheels by what the package index answers to pip: those of set-up, of the tests' oracle and of
 * the older ONNX Runtime. Run after a version has changed: `deno run -A tests/runner/lock_wheels.ts`, and read the
 * difference.
 */

import { ask } from "../../src/base/processes.ts";
import { HEADERS } from "../../src/setup/gpu_library.ts";
import { CUDA_SET } from "../../src/setup/install.ts";
import { LIBJPEG_WHEEL } from "../../src/setup/libjpeg.ts";
import { OTHER_PYTHON } from "../../src/setup/pip.ts";
import { LIBTORCH_VERSION } from "../../src/setup/versions.ts";
import { WHEELS_LOCK } from "../../src/setup/wheel_lock.ts";
import { OLDER_LOCK, olderWheels, requirementsOf } from "./older_onnxruntime.ts";
import { IMPORTED, ON_TORCH, ORACLE_LOCK, OTHERS } from "./oracle.ts";

/** Versions of Python that torch has wheels for; those with a t have no global lock. */
const PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"];
const FREE_THREADED = ["3.13t", "3.14t"];

/** Packages that others need under a version of Python, which pip looks up for the running one alone. */
const MORE: Readonly<Record<string, string[]>> = { "3.10": ["exceptiongroup"] };

/** One wheel: its requirement, the Python that it was asked for, its SHA-256. */
interface Wheel {
  requirement: string;
  python: string;
  hash: string;
}

/** Asks pip for the wheels that a Python would get, with or without all that they need. */
async function wheelsFor(
  python: string,
  requirements: readonly string[],
  { dependencies = false } = {},
): Promise<Wheel[]> {
  const version = python.replace("t", "");
  const abi = python === version ? [] : [`--abi=cp${version.replace(".", "")}t`, "--abi=none"];
  const platforms = OTHER_PYTHON.filter((word) => !word.startsWith("--python-version"));
  const answer = await ask("python3", [
    ...["-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report=-"],
    ...["--only-binary=:all:", "--target=none", `--python-version=${version}`, ...abi],
    ...[...platforms, ...(dependencies ? [] : ["--no-deps"]), ...requirements],
  ]);
  if (answer?.code !== 0) throw new Error(`pip for Python ${python}: ${answer?.stderr}`);
  const report: {
    install: {
      metadata: { name: string; version: string };
      download_info: { archive_info: { hashes: { sha256: string } } };
    }[];
  } = JSON.parse(answer.stdout);
  return report.install.map(({ metadata: { name, version }, download_info }) => ({
    // A wheel may spell its name nvidia_nccl or nvidia-nccl: they are the same.
    requirement: `${name.toLowerCase().replace(/[-_.]+/g, "-")}==${version}`,
    python,
    hash: download_info.archive_info.hashes.sha256,
  }));
}

/** Writes a lock file. A requirement that some versions of Python do not get has a marker where `marked`. */
function write(
  file: string,
  { about, wheels, marked }: { about: string; wheels: readonly Wheel[]; marked: boolean },
): void {
  const blocks = [...new Set(wheels.map(({ requirement }) => requirement))].sort().map((one) => {
    const own = wheels.filter(({ requirement }) => requirement === one);
    const pythons = PYTHONS.filter((python) => own.some((wheel) => wheel.python === python));
    const marker = pythons.map((python) => `python_version == "${python}"`).join(" or ");
    const hashes = [...new Set(own.map(({ hash }) => hash))].sort();
    return [
      marked && pythons.length < PYTHONS.length ? `${one} ; ${marker}` : one,
      ...hashes.map((hash) => `    --hash=sha256:${hash}`),
    ].join(" \\\n");
  });
  const head = `# ${about}, for pip --require-hashes. Written by tests/runner/lock_wheels.ts.\n`;
  Deno.writeTextFileSync(file, `${head}${blocks.join("\n")}\n`);
}

const ofSetup = [...new Set([...CUDA_SET, ...Object.values(HEADERS)])];
const asked = PYTHONS.map((python) => wheelsFor(python, ofSetup));
// Free-threaded versions differ in torch alone, the only wheel here that Python imports.
const threaded = FREE_THREADED.map((python) => wheelsFor(python, CUDA_SET.slice(0, 1)));
const wheels = await Promise.all([...asked, ...threaded, wheelsFor("3.12", [LIBJPEG_WHEEL])]);
write(WHEELS_LOCK, {
  about: "Wheels that set-up may fetch (linux x86-64)",
  wheels: wheels.flat(),
  marked: false,
});

const ofOracle = [`torch==${LIBTORCH_VERSION}`, ...ON_TORCH, ...OTHERS, ...IMPORTED];
const resolved = await Promise.all(
  PYTHONS.map((python) =>
    wheelsFor(python, [...ofOracle, ...MORE[python] ?? []], { dependencies: true })
  ),
);
write(ORACLE_LOCK, {
  about: "Wheels of the tests' oracle, apart from those of src/setup/wheels.lock",
  wheels: resolved.flat().filter(({ requirement }) =>
    !/^(torch=|nvidia-|cuda-|triton)/.test(requirement)
  ),
  marked: true,
});

const older = await Promise.all(PYTHONS.map((python) => {
  const [major = 0, minor = 0] = python.split(".").map(Number);
  return wheelsFor(python, requirementsOf(olderWheels([major, minor])));
}));
write(OLDER_LOCK, {
  about: "Wheels of the older ONNX Runtime",
  wheels: older.flat(),
  marked: false,
});
