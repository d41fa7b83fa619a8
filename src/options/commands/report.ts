/** The options of the commands that read a run's folder, as data. */

import type { CommandSpec } from "../../base/command_line.ts";
import { LARGEST_COUNT } from "../../base/option_values.ts";

/** `deno task report`. */
export const REPORT = {
  name: "report",
  summary: "Writes a report of a run, or of several compared, as one HTML file",
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
      help: "A run, or a folder of runs",
      default: [],
      defaultText: "none: needed except with --page",
    },
    page: {
      option: "page",
      value: { kind: "path" },
      placeholder: "FILE",
      help: "A Markdown file instead of a run",
      default: null,
    },
    out: {
      option: "out",
      value: { kind: "path" },
      placeholder: "FILE",
      help: "The HTML file to write",
      default: null,
      defaultText: "<run_dir>/report.html; needed with --page",
    },
    pdf: {
      option: "pdf",
      value: { kind: "flag" },
      help: "Also FILE.pdf, by a Chromium of this machine",
      default: false,
    },
    images: {
      option: "images",
      value: { kind: "integer", least: 0, most: LARGEST_COUNT },
      help: "Test images to look at with the encoder of the newest checkpoint, and twice as many " +
        "training images; 0: none. Several runs take 0 only",
      default: null,
      defaultText: "500; 0 for several runs",
    },
    dataDir: {
      option: "data_dir",
      value: { kind: "path" },
      placeholder: "DIR",
      help: "Where the images are now, if not where the run found them",
      default: null,
      defaultText: "the run's",
    },
    threads: {
      option: "threads",
      value: { kind: "integer", least: 1, most: 1024 },
      help: "Threads that compute",
      default: null,
      defaultText: "the cores this process may use",
    },
  },
  remarks: [
    "It shows curves, evaluations, views, what the encoder sees, options and environment.",
  ],
} as const satisfies CommandSpec;

/** `deno task metrics`. */
export const METRICS = {
  name: "metrics",
  summary: "Writes a run's rows as CSV: one line a row, one column for each name that occurs",
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
    "An evaluation's details are columns of their own, such as details.held_out_top1; lists are JSON.",
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
      help: "One frame, then end",
      default: false,
    },
  },
  remarks: [
    "It only reads files, and ends when the run is finished, or by Ctrl-C; the run does not notice.",
  ],
} as const satisfies CommandSpec;
