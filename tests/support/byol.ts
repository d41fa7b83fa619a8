/** Runs the program as a user does. */

import { RANK_PERMISSIONS } from "../../src/base/permissions.ts";
import { projectRoot } from "../../src/setup/record.ts";

/** Result of a run of the program. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs `byol COMMAND …` to its end, with the permissions of a rank. */
export async function byol(...args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", ...RANK_PERMISSIONS, "src/cli.ts", ...args],
    ],
    cwd: projectRoot,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
