import { deepEqual, ok } from "node:assert/strict";
import { testFiles } from "./files.ts";
import { EXCLUSIVE, NEEDS_ORACLE, SECONDS } from "./schedule.ts";

Deno.test("the runner's lists name files that are there", () => {
  const paths = testFiles().map(({ path }) => path);
  ok(paths.length > 40, `${paths.length} files`);
  const listed = [...Object.keys(EXCLUSIVE), ...Object.keys(SECONDS), ...NEEDS_ORACLE];
  deepEqual(listed.filter((path) => !paths.includes(path)), []);
});
