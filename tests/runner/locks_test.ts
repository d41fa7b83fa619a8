import assert from "node:assert/strict";
import { lockedLines } from "../../src/setup/wheel_lock.ts";
import { OLDER_LOCK, olderWheels, requirementsOf } from "./older_onnxruntime.ts";
import { IMPORTED, ON_TORCH, ORACLE_LOCK, OTHERS } from "./oracle.ts";

Deno.test("the lock files pin what the tests fetch, each wheel with its hashes", () => {
  const oracle = lockedLines(undefined, ORACLE_LOCK);
  for (const name of [...ON_TORCH, ...OTHERS, ...IMPORTED].map((one) => one.split(/[=<]/)[0])) {
    assert.ok(oracle.some((line) => line.startsWith(`${name}==`)), name);
  }
  for (const minor of [10, 11, 12, 13, 14]) {
    const wanted = requirementsOf(olderWheels([3, minor]));
    assert.equal(lockedLines(wanted, OLDER_LOCK).length, wanted.length);
  }
});
