/** The files of tests, each with the part of the suite that it belongs to. */

import { join } from "node:path";
import { UserError } from "../../src/base/exit_codes.ts";
import { projectRoot } from "../../src/setup/record.ts";

/** A part of the suite that holds TypeScript tests. */
export type TestPart = "units" | "parity" | "endurance" | "slurm";

/** A file of tests. */
export interface TestFile {
  /** Relative to the checkout, with slashes. */
  path: string;
  part: TestPart;
}

/** Which paths belong to which part. */
const PARTS: readonly [RegExp, TestPart][] = [
  [/^tests\/([^/]+|unit\/.+|program\/[^/]+|runner\/[^/]+)$/, "units"],
  [/^bench\/[^/]+$/, "units"],
  [/^tests\/parity\/[^/]+$/, "parity"],
  [/^tests\/endurance\/[^/]+$/, "endurance"],
  [/^tests\/slurm\/[^/]+$/, "slurm"],
];

/**
 * Returns every `*_test.ts` of tests/ and bench/, sorted by path.
 *
 * @throws {UserError} naming the files that belong to no part: nobody would run them.
 */
export function testFiles(root: string = projectRoot): TestFile[] {
  const paths = ["bench", "tests"].flatMap((folder) => walk(root, folder)).sort();
  const files = paths.map((path) => ({
    path,
    part: PARTS.find(([pattern]) => pattern.test(path))?.[1],
  }));
  const strays = files.filter(({ part }) => part === undefined).map(({ path }) => path);
  if (strays.length > 0) {
    throw new UserError(
      `Cannot run ${
        strays.join(", ")
      }: expected each *_test.ts in a part that tests/runner/files.ts lists`,
      1,
    );
  }
  return files as TestFile[];
}

function walk(root: string, folder: string): string[] {
  return [...Deno.readDirSync(join(root, folder))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return walk(root, path);
    return name.endsWith("_test.ts") ? [path] : [];
  });
}
