/** The oracle of the parity tests: PyTorch and torchvision in a folder of the project, never in the training path. */

import { join } from "node:path";
import { exists } from "../../src/base/files.ts";
import { setupError } from "../../src/setup/setup_error.ts";
import type { Session } from "../../src/setup/child.ts";
import { askPython, pipProblem } from "../../src/setup/machine.ts";
import { hasWheels, installWheels } from "../../src/setup/pip.ts";
import { projectRoot, stateFolder } from "../../src/setup/record.ts";
import { withLock } from "../../src/setup/lock.ts";

const REQUIREMENTS = [
  "torch==2.11.0",
  "torchvision==0.26.0",
  "numpy",
  "pillow",
  "safetensors",
  "tensorboard",
  "pyarrow",
  "timm",
  "onnx",
  "onnxruntime",
];

/** Files that show each requirement in an installed folder. */
const INSTALLED = [
  /^torch-2\.11\.0\.dist-info$/,
  /^torchvision-0\.26\.0\.dist-info$/,
  /^numpy-.*\.dist-info$/,
  /^pillow-.*\.dist-info$/,
  /^safetensors-.*\.dist-info$/,
  /^tensorboard-.*\.dist-info$/,
  /^pyarrow-.*\.dist-info$/,
  /^timm-.*\.dist-info$/,
  /^onnx-.*\.dist-info$/,
  /^onnxruntime-.*\.dist-info$/,
];

/** The folder to name in PYTHONPATH, or undefined when the oracle is not installed. */
export function oracleFolder(root: string = projectRoot): string | undefined {
  const folder = join(stateFolder(root), "oracle");
  if (!exists(folder)) return undefined;
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return INSTALLED.every((one) => names.some((name) => one.test(name))) ? folder : undefined;
}

/**
 * The folder to name in PYTHONPATH for a bench: BYOL_ORACLE, a folder that has PyTorch and torchvision already, or what is
 * installed here; undefined where neither is.
 */
export function oraclePath(): string | undefined {
  return Deno.env.get("BYOL_ORACLE") ?? oracleFolder();
}

/**
 * Installs the oracle (about 2.5 GB to fetch), unless it is there; set-up may run meanwhile.
 *
 * @throws {UserError} (exit code 6) when python3 has no pip or is of a version torch has no wheels for.
 */
export async function installOracle(
  signal: AbortSignal,
  root: string = projectRoot,
): Promise<void> {
  if (oracleFolder(root) !== undefined) return;
  const session: Session = {
    log: (line) => console.error(`oracle: ${line}`),
    quiet: true,
    signal,
  };
  await withLock(join(stateFolder(root), "oracle.lock"), session, async () => {
    if (oracleFolder(root) === undefined) await install(root, session);
  });
}

async function install(root: string, session: Session): Promise<void> {
  const python = await askPython(session);
  const problem = pipProblem(python);
  if (problem !== undefined || python === undefined) {
    throw setupError(problem ?? "Cannot install the oracle: there is no python3");
  }
  if (!hasWheels(python.version)) {
    throw setupError(
      `Cannot install the oracle for Python ${python.version.join(".")}: expected 3.10 to 3.14`,
    );
  }
  session.log("fetching PyTorch with all it needs (about 2.5 GB), once, as the tests' oracle");
  await installWheels(join(stateFolder(root), "oracle"), {
    requirements: REQUIREMENTS,
    dependencies: true,
    python: python.version,
  }, session);
}
