/** Files of weights that PyTorch writes for the tests. */

import { equal } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../src/setup/record.ts";
import { oracleFolder } from "../runner/oracle.ts";

/** Why a test of such files cannot run, for `skip()`. */
export const NEEDS_ORACLE = "PyTorch is not installed (run: deno task test --oracle=install)";

/** Lets PyTorch write files. */
export async function written<T>(what: string, ...targets: string[]): Promise<T> {
  const script = join(projectRoot, "tests/parity/oracle/torch_files.py");
  const { code, stdout, stderr } = await new Deno.Command("python3", {
    args: ["-W", "ignore", script, what, ...targets],
    env: { PYTHONPATH: oracleFolder() ?? "", PYTHONDONTWRITEBYTECODE: "1" },
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as T;
}
