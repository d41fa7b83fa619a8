import { deepEqual, ok } from "node:assert/strict";
import { testFiles } from "./files.ts";
import { EXCLUSIVE, NEEDS_ORACLE, SECONDS } from "./schedule.ts";

Deno.test("the runner's lists name files that are there", () => {
  const paths = testFiles().map(({ path }) => path);
  ok(paths.length > 40, `${paths.length} files`);
  const listed = [EXCLUSIVE, SECONDS].flatMap(Object.keys).concat(NEEDS_ORACLE);
  deepEqual(listed.filter((path) => !paths.includes(path)), []);
});
