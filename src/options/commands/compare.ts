/** The options of `deno task compare`, as data. */

import type { CommandSpec } from "../../base/command_line.ts";

/** `deno task compare`. */
export const COMPARE = {
  name: "compare",
  summary: "Compares two recipes over several seeds each: difference, interval, exact test",
  examples: [
    ["runs/a runs/b"],
    ["runs/a runs/b --format=json"],
  ],
  operands: "run_dir",
  options: {
    runDirs: {
      option: "run_dir",
      value: { kind: "path" },
      placeholder: "DIR",
      repeats: true,
      help:
        "Folder of the runs of one recipe, which differ in the seed alone. Given twice: A, then B",
      required: true,
    },
    format: {
      option: "format",
      value: { kind: "choice", choices: ["text", "json"] },
      help: "Format of the result on stdout",
      default: "text",
    },
  },
  remarks: [
    "Runs are paired by their seeds. The last evaluation of each run counts. docs/compare.md explains each line.",
  ],
} as const satisfies CommandSpec;
