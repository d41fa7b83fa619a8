/** The options of set-up, as data. */

import type { CommandSpec } from "../base/command_line.ts";

/** `deno task setup`. */
export const SETUP = {
  name: "setup",
  summary:
    "Finds or installs libtorch and builds the core, once; the other tasks do it by themselves",
  examples: [
    ["", "prints the path of a Deno binary that needs no npx"],
    ["--cuda", "on the login node of a cluster with GPUs"],
    ["--bundle=DIR", "the built core, to be shared"],
    ["--from=DIR", "a set-up with a core that somebody has built"],
    ["--bundle=DIR --whole", "a folder to be copied to compute nodes without network"],
  ],
  options: {
    offline: {
      option: "offline",
      value: { kind: "flag" },
      help: "Never touch the network",
      default: false,
    },
    quiet: {
      option: "quiet",
      value: { kind: "flag" },
      help: "No progress; errors are printed all the same",
      default: false,
    },
    cuda: {
      option: "cuda",
      value: { kind: "flag" },
      help: "Install the libraries of CUDA also where there is no GPU (a login node)",
      default: false,
    },
    print: {
      option: "print",
      value: { kind: "flag" },
      help:
        "Keep a copy of Deno in .byol/bin and print its path; try again to fetch what an earlier set-up could not",
      default: false,
      defaultText: "off; deno task setup gives it",
    },
    bundle: {
      option: "bundle",
      value: { kind: "path" },
      placeholder: "DIR",
      help:
        "Write a folder of about ten megabytes with the core, for --from on machines without a compiler",
      default: null,
    },
    whole: {
      option: "whole",
      value: { kind: "flag" },
      help:
        "With --bundle: write all that a compute node without network needs, about 600 MB, to be copied or moved anywhere",
      default: false,
    },
    from: {
      option: "from",
      value: { kind: "path" },
      placeholder: "DIR",
      help: "Take the core from a bundle, and compile nothing",
      default: null,
    },
  },
  remarks: [
    "All messages go to stderr; stdout gets the path that --print prints, and nothing else.",
  ],
} as const satisfies CommandSpec;
