/** confusion.json, whole or damaged. */

import { deepEqual, equal } from "node:assert/strict";
import { confusionFile, readConfusion, writeConfusion } from "../../../src/run/confusion_file.ts";
import { runFolderAt } from "../../../src/run/folder.ts";
import { inFolder } from "../../support/in_folder.ts";

Deno.test("confusion.json is read as it was written, and a damaged one as none", () =>
  inFolder((path) => {
    const folder = runFolderAt(path);
    equal(readConfusion(folder), undefined);
    const found = {
      ...{ step: 7, classes: ["a", "b"], confusion: [[3, 1], [0, 2]] },
      ...{ held_out: [[1, 0], [0, 1]], tested_on: "held-out" as const },
    };
    writeConfusion(folder, found);
    deepEqual(readConfusion(folder), found);
    for (
      const damaged of [
        "",
        "null",
        '{"step":7}',
        JSON.stringify({ ...found, classes: ["a"] }),
        JSON.stringify({ ...found, confusion: [[3, 1], [0]] }),
        JSON.stringify({ ...found, held_out: [["x", 0], [0, 1]] }),
        JSON.stringify(found).slice(0, -2),
      ]
    ) {
      Deno.writeTextFileSync(confusionFile(folder), damaged);
      equal(readConfusion(folder), undefined, damaged);
    }
  }));
