/** Files of weights that PyTorch writes for the tests. */

import { askPython } from "./oracle.ts";

/** Why a test of such files cannot run, for `skip()`. */
export const NEEDS_ORACLE = "PyTorch is not installed (run: deno task test --oracle=install)";

/** Lets PyTorch write files. */
export function written<T>(what: string, ...targets: string[]): Promise<T> {
  return askPython<T>("torch_files.py", [what, ...targets]);
}
