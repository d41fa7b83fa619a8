import { deepEqual, equal } from "node:assert/strict";
import { DURATION, secondsOf } from "../../../src/base/duration.ts";
import { problemOf } from "../../../src/base/option_values.ts";

Deno.test("a duration is a number with a unit", () => {
  deepEqual(["90s", "10m", "2h", "1.5h"].map(secondsOf), [90, 600, 7200, 5400]);
  for (const text of ["90s", "10m", "2h", "1.5h"]) equal(problemOf(DURATION, text), undefined);
  for (const text of ["90", "0s", "0.0m", "-5m", "2 h", "1h30m", "m", "1e3s", ""]) {
    equal(problemOf(DURATION, text), "a duration such as 90s, 10m or 2h", text);
  }
});
