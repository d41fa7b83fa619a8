/**
 * libjpeg-turbo, the fastest decoder of JPEG files: the one that Pillow's wheel brings, built with its SIMD code, for
 * machines without root and without an assembler (nasm). Without libjpeg-turbo the core decodes by itself, more slowly,
 * and set-up reports it.
 */

import { basename, dirname, join } from "node:path";
import { UserError } from "../base/exit_codes.ts";
import { REPAIR } from "./setup_error.ts";
import { exists, removeTree } from "../base/files.ts";
import type { Session } from "./child.ts";
import { pipProblem, type Python } from "./machine.ts";
import { installWheels } from "./pip.ts";
import { stateFolder } from "./record.ts";
import { lockedLines } from "./wheel_lock.ts";

/** The wheel; another version may be another library. */
export const LIBJPEG_WHEEL = "pillow==13.0.0";

/** Settings of the search for libjpeg-turbo. */
export interface LibjpegSearch {
  root: string;
  offline: boolean;
  /** Report of python3; undefined where there is none. */
  python: Python | undefined;
}

/** Returns the library, fetched (7 MB) unless it is there; null, after a line with the reason, where it cannot be had. */
export async function provideLibjpeg(
  { root, offline, python }: LibjpegSearch,
  session: Session,
): Promise<string | null> {
  const folder = join(stateFolder(root), "libjpeg", LIBJPEG_WHEEL.replace("==", "-"));
  const there = findLibjpeg(folder);
  if (there !== undefined) return there;
  const problem = offline ? "this is offline" : pipProblem(python)?.split("; ")[0];
  if (problem !== undefined || python === undefined) return without(problem ?? "", session);
  try {
    session.log("fetching libjpeg-turbo of Pillow's wheel: 7 MB, once");
    const request = { lines: lockedLines([LIBJPEG_WHEEL]), python, anyPython: true };
    await installWheels(folder, request, session);
    const found = findLibjpeg(folder);
    if (found === undefined) {
      return without(`${LIBJPEG_WHEEL} has no pillow.libs/libjpeg-*.so.62`, session);
    }
    // The library and its licence are kept; Pillow and its other libraries are not.
    await removeTree(join(folder, "PIL"));
    for (const { name } of [...Deno.readDirSync(dirname(found))]) {
      if (name !== basename(found)) await removeTree(join(dirname(found), name));
    }
    return found;
  } catch (error) {
    session.signal.throwIfAborted();
    if (!(error instanceof UserError)) throw error;
    return without(error.message, session);
  }
}

function findLibjpeg(folder: string): string | undefined {
  const libraries = join(folder, "pillow.libs");
  if (!exists(libraries)) return undefined;
  const names = [...Deno.readDirSync(libraries)].map(({ name }) => name);
  const name = names.find((name) => /^libjpeg-.*\.so\.62/.test(name));
  return name === undefined ? undefined : join(libraries, name);
}

function without(reason: string, session: Session): null {
  session.log(
    `no libjpeg-turbo (${reason}): JPEG files are decoded by zune-jpeg, which is slower and ` +
      `differs by a few units in some pixels; with network, run: ${REPAIR}`,
  );
  return null;
}
