/** The options of `deno task serve`, as data. */

import type { CommandSpec } from "../../base/command_line.ts";
import { SERVE_PORT } from "../../base/permissions.ts";

/** `deno task serve`. */
export const SERVE = {
  name: "serve",
  summary: "Serves a live page of all runs below a folder, to this machine alone",
  examples: [
    ["--run_dir=runs/seeds"],
  ],
  options: {
    runDir: {
      option: "run_dir",
      value: { kind: "path" },
      placeholder: "DIR",
      help: "Folder with the runs; one outside runs/ needs the command that is then printed",
      default: "runs",
    },
    port: {
      option: "port",
      value: { kind: "integer", least: 1024, most: 65_535 },
      help: "Port on 127.0.0.1; another one needs the command that is then printed",
      default: SERVE_PORT,
    },
  },
  remarks: [
    "The page opens only by the printed address, whose first part is random. docs/serve.md tells how to reach it by ssh.",
  ],
} as const satisfies CommandSpec;
