/**
 * Rules of a cluster's disks that a long training meets: files that are purged, and quotas that only the site's own
 * command tells.
 *
 * @module
 */

import { dirname, relative, resolve } from "node:path";
import { exists } from "../base/files.ts";
import { ask } from "../base/processes.ts";
import type { Finding } from "./doctor.ts";
import type { Request } from "./request.ts";

/** Days after which Jean Zay removes a file below $SCRATCH that nobody has read. */
const PURGE_DAYS = 30;

/** Commands of Jean Zay that tell the quotas of bytes and inodes. */
const QUOTA_COMMANDS = ["idr_quota_user", "idr_quota_project"];

/** Returns a warning for the run folder and for the images where they lie on a disk that is purged. */
export function purged({ config, profile }: Pick<Request, "config" | "profile">): Finding[] {
  const scratch = Deno.env.get("SCRATCH") ?? "";
  const onJeanZay = profile.computer === "jeanzay" || config.computer === "jeanzay";
  if (!onJeanZay || scratch === "") return [];
  const folders = [config.runDir, config.dataDir].filter((folder) => folder !== null)
    .map((folder) => resolve(folder));
  return folders.filter((folder) => isBelow(realPathOf(scratch), realPathOf(folder))).map((
    folder,
  ) => ({
    what: "purge",
    status: "warn",
    text:
      `${folder} is below $SCRATCH, where files that nobody has read for ${PURGE_DAYS} days are removed: copy ` +
      "a paused run to $WORK or $STORE, and pack the shards again when they are gone",
  }));
}

/** Returns the path without links; of a folder that is missing, by the folders that exist. */
function realPathOf(path: string): string {
  let folder = resolve(path);
  while (!exists(folder)) folder = dirname(folder);
  return resolve(Deno.realPathSync(folder), relative(folder, resolve(path)));
}

function isBelow(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** Returns the answers of the site's own quota commands; none where the site has none. */
export async function siteQuotas(): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const command of QUOTA_COMMANDS) {
    const answer = await ask(command, []);
    if (answer?.code !== 0) continue;
    for (const line of answer.stdout.split("\n").filter((line) => line.trim() !== "")) {
      findings.push({ what: "quota", status: "ok", text: `${command}: ${line.trim()}` });
    }
  }
  return findings;
}
