/**
 * An older ONNX Runtime with the NumPy of its time, in a folder of their own: what exported encoders must load in, besides
 * the newest, which belongs to the oracle.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exists } from "../../src/base/files.ts";
import type { Session } from "../../src/setup/child.ts";
import { withLock } from "../../src/setup/lock.ts";
import { installWheels } from "../../src/setup/pip.ts";
import { projectRoot, stateFolder } from "../../src/setup/record.ts";
import { lockedLines } from "../../src/setup/wheel_lock.ts";
import { pythonForOracle } from "./oracle.ts";

/** Two wheels that belong together. */
interface Wheels {
  onnxruntime: string;
  numpy: string;
}

/** For Python 3.10 to 3.12: of the years when clusters still had NumPy 1. */
const OLDER: Wheels = { onnxruntime: "1.18.1", numpy: "1.26.4" };
/** The oldest that there are for newer versions of Python. */
const OLDEST: Readonly<Record<string, Wheels>> = {
  "3.13": { onnxruntime: "1.20.0", numpy: "2.1.0" },
  "3.14": { onnxruntime: "1.24.1", numpy: "2.3.4" },
};

/** The lock file of all of them. */
export const OLDER_LOCK: string = fileURLToPath(
  new URL("older_onnxruntime.lock", import.meta.url),
);

/** Returns the requirements of wheels: `numpy==1.26.4`. */
export function requirementsOf(wheels: Wheels): string[] {
  return Object.entries(wheels).map(([name, version]) => `${name}==${version}`);
}

/** Returns the wheels for a version of Python. */
export function olderWheels(version: readonly [major: number, minor: number]): Wheels {
  return OLDEST[version.join(".")] ?? OLDER;
}

/** Returns the folder to name in PYTHONPATH, or undefined where no older ONNX Runtime is installed. */
export function olderOnnxRuntimeFolder(root: string = projectRoot): string | undefined {
  const folder = join(stateFolder(root), "onnxruntime-older");
  const known = [OLDER, ...Object.values(OLDEST)];
  const isThere = known.some((wheels) =>
    Object.entries(wheels).every(([name, version]) =>
      exists(join(folder, `${name}-${version}.dist-info`))
    )
  );
  return isThere ? folder : undefined;
}

/**
 * Installs the older ONNX Runtime, unless it is there: 25 MB, a few seconds.
 *
 * @returns what is installed, for the summary of a run: "onnxruntime 1.18.1 and numpy 1.26.4 of Python 3.11"
 * @throws {UserError} (exit code 6) when python3 has no pip, or pip fails.
 */
export async function installOlderOnnxRuntime(
  { signal, root = projectRoot }: { signal: AbortSignal; root?: string },
): Promise<string> {
  const session: Session = { log: (line) => console.error(`oracle: ${line}`), quiet: true, signal };
  const python = await pythonForOracle(session);
  const wheels = olderWheels(python.version);
  await withLock(join(stateFolder(root), "oracle.lock"), session, async () => {
    if (olderOnnxRuntimeFolder(root) !== undefined) return;
    session.log(`fetching onnxruntime ${wheels.onnxruntime}, once, as the older one`);
    await installWheels(join(stateFolder(root), "onnxruntime-older"), {
      lines: lockedLines(requirementsOf(wheels), OLDER_LOCK),
      python,
    }, session);
  });
  const of = `Python ${python.version.join(".")}`;
  return `onnxruntime ${wheels.onnxruntime} and numpy ${wheels.numpy} of ${of}` +
    (wheels === OLDER ? "" : `, which has no ${OLDER.onnxruntime}`);
}
