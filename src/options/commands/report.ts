/** The options of the commands that read a run's folder, as data. */

import type { CommandSpec } from "../../base/command_line.ts";
import { LARGEST_COUNT } from "../../base/option_values.ts";

/** `deno task report`. */
export const REPORT = {
  name: "report",
  summary: "Writes a report on a run, or on several runs compared, as one HTML file",
  examples: [
    ["--run_dir=runs/demo_resnet20", "runs/demo_resnet20/report.html"],
    ["--run_dir=runs/seeds --out=seeds.html", "its folders compared, mean ± std"],
    ["--run_dir=runs/a --run_dir=runs/b --out=a_b.html"],
    ["--page=docs/replication.md --out=replication.html --pdf"],
  ],
  options: {
    runDirs: {
      option: "run_dir",
      value: { kind: "path" },
      placeholder: "DIR",
      repeats: true,
      help: "Folder or a file of a run, or folder of several runs",
      default: [],
      defaultText: "none: needed except with --page",
    },
    page: {
      option: "page",
      value: { kind: "path" },
      placeholder: "FILE",
      help: "Markdown file to convert, in place of a run",
      default: null,
    },
    out: {
      option: "out",
      value: { kind: "path", endings: [".html", ".htm"] },
      placeholder: "FILE",
      help: "The HTML file to write",
      default: null,
      defaultText: "<run_dir>/report.html; needed with --page",
    },
    pdf: {
      option: "pdf",
      value: { kind: "flag" },
      help: "Write FILE.pdf as well, by the Chromium of this machine",
      default: false,
    },
    images: {
      option: "images",
      value: { kind: "integer", least: 0, most: LARGEST_COUNT },
      help:
        "Number of test images to analyse with the encoder of the newest checkpoint, with twice as many " +
        "training images. 0: no analysis, as always for several runs",
      default: null,
      defaultText: "500; 0 for several runs",
    },
    dataDir: {
      option: "data_dir",
      value: { kind: "path" },
      placeholder: "DIR",
      help: "Folder of the images, if they have moved since the run",
      default: null,
      defaultText: "the run's",
    },
    threads: {
      option: "threads",
      value: { kind: "integer", least: 1, most: 1024 },
      help: "Threads of tensor operations",
      default: null,
      defaultText: "the cores this process may use",
    },
  },
  remarks: [
    "A report shows curves, evaluations, views, maps of the embeddings, options and environment.",
  ],
} as const satisfies CommandSpec;

/** `deno task metrics`. */
export const METRICS = {
  name: "metrics",
  summary: "Writes a run's metrics as CSV: one line per row, one column per key",
  examples: [
    ["--run_dir=runs/demo_resnet20 --out=metrics.csv"],
    ["--run_dir=runs/demo_resnet20", "to stdout"],
  ],
  options: {
    runDir: {
      option: "run_dir",
      value: { kind: "path" },
      placeholder: "DIR",
      help: "The folder of a run",
      required: true,
    },
    out: {
      option: "out",
      value: { kind: "path" },
      placeholder: "FILE",
      help: "The CSV file to write",
      default: null,
      defaultText: "stdout",
    },
  },
  remarks: [
    "Held-out accuracies (--hold_out) have columns of their own, such as held_out.top1, and so have the details of an " +
    "evaluation, such as details.held_out_top1, of the probe's own tenth with --clsf_lr_sweep. Lists are JSON.",
  ],
} as const satisfies CommandSpec;

/** `deno task watch`. */
export const WATCH = {
  name: "watch",
  summary: "Shows a run in the terminal: curves, time left, last evaluation, alarms",
  examples: [
    ["--run_dir=runs/demo_resnet20"],
    ["--run_dir=runs/demo_resnet20 --once", "one frame, for scripts"],
  ],
  options: {
    runDir: {
      option: "run_dir",
      value: { kind: "path" },
      placeholder: "DIR",
      help: "The folder of a run",
      required: true,
    },
    every: {
      option: "every",
      value: { kind: "number", above: 0 },
      placeholder: "SECONDS",
      help: "Seconds between frames",
      default: 5,
    },
    once: {
      option: "once",
      value: { kind: "flag" },
      help: "Show one frame, then end",
      default: false,
    },
  },
  remarks: [
    "The command only reads files and has no effect on the run. It ends with the run, or by Ctrl-C.",
  ],
} as const satisfies CommandSpec;
