/** The options of `deno task replay`, as data. */

import type { CommandSpec } from "../../base/command_line.ts";
import { LARGEST_COUNT } from "../../base/option_values.ts";

const count = { kind: "integer", least: 1, most: LARGEST_COUNT } as const;

/** `deno task replay`. */
export const REPLAY = {
  name: "replay",
  summary: "Runs any step of a run again: trace, views, norms, first tensor that is not finite",
  examples: [
    ["--run_dir=runs/demo_resnet20 --step=120"],
    ["--run_dir=DIR --step=4000 --data_dir=DIR --hardware=cpu", "a GPU's run on a laptop"],
  ],
  options: {
    runDir: {
      option: "run_dir",
      value: { kind: "path" },
      placeholder: "DIR",
      help: "Folder of the run, to which nothing is written",
      required: true,
    },
    step: {
      option: "step",
      value: { kind: "integer", least: 0, most: LARGEST_COUNT },
      help: "The step to run again, from 0, as the rows of metrics.jsonl count",
      required: true,
    },
    out: {
      option: "out",
      value: { kind: "path" },
      placeholder: "DIR",
      help: "Folder for trace, views and tables",
      default: null,
      defaultText: "replays/<run>-step-<step>",
    },
    dataDir: {
      option: "data_dir",
      value: { kind: "path" },
      placeholder: "DIR",
      help: "Folder of the images, where it has moved",
      default: null,
      defaultText: "the run's",
    },
    threads: {
      option: "threads",
      value: count,
      help: "CPU threads per rank; with other ones than the run's, the replay is not exact",
      default: null,
      defaultText: "the run's",
    },
    ranks: {
      option: "ranks",
      value: count,
      help: "Number of ranks; with another one than the run's, the replay is not exact",
      default: null,
      defaultText: "the run's; under srun and torchrun, theirs",
    },
    hardware: {
      option: "hardware",
      value: { kind: "choice", choices: ["cpu", "mono-gpu", "multi-gpu"] },
      help: "Device; on another one than the run's, the replay is not exact",
      default: null,
      defaultText: "the run's",
    },
    format: {
      option: "format",
      value: { kind: "choice", choices: ["text", "json"] },
      help: "Format of the result on stdout",
      default: "text",
    },
  },
  remarks: [
    "The replay begins at the newest checkpoint at or before the step, or at the first step of the run. It prints the " +
    "number of steps and the expected time first. docs/replay.md explains what it finds.",
  ],
} as const satisfies CommandSpec;
