/** The options of `info`, as data. */

import type { CommandSpec } from "../../base/command_line.ts";

/** `deno task info`. */
export const INFO = {
  name: "info",
  summary: "Describes a checkpoint: network, data, recipe, accuracy, SHA-256 over the tensors",
  examples: [["--checkpoint=runs/demo_resnet20/encoder.safetensors"]],
  options: {
    checkpoint: {
      option: "checkpoint",
      value: { kind: "path" },
      placeholder: "FILE",
      help:
        "A checkpoint or encoder.safetensors of a run, or the folder of a run for its newest checkpoint",
      required: true,
    },
    format: {
      option: "format",
      value: { kind: "choice", choices: ["text", "json"] },
      help: "Form of the description on stdout. JSON includes the configuration",
      default: "text",
    },
  },
} as const satisfies CommandSpec;
