import { join } from "node:path";
import { exists } from "../../src/base/files.ts";
import { projectRoot } from "../../src/setup/record.ts";

/**
 * A folder with real data for tests, or undefined where there is none: below the folder that the variable BYOL_DATA
 * names, else below ../shared/data beside the checkout.
 *
 * @param part The part that is needed, for example "cifar10".
 */
export function realData(part: string = ""): string | undefined {
  const folders = [Deno.env.get("BYOL_DATA") ?? "", join(projectRoot, "..", "shared", "data")];
  return folders.filter((folder) => folder !== "")
    .map((folder) => join(folder, part)).find(exists);
}
