/**
 * `watch`: a run in the terminal, from its files alone: over ssh, on a login node, with nothing to open a port for.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, runMain, UserError } from "../base/exit_codes.ts";
import { readArguments, readRun, required } from "./run_data.ts";
import { frameOf } from "./watch_frame.ts";

const HELP =
  `Shows a run as it goes: curves, time left, last evaluation, alarms. It only reads files.

  deno task watch --run_dir=runs/demo_resnet20
  deno task watch --run_dir=runs/demo_resnet20 --once       # one frame, for scripts

  --every=SECONDS   between frames (default: 5)
  --once            one frame, then end

It ends when the run is finished, or by Ctrl-C; the run does not notice.`;

const CLEAR = "\x1b[H\x1b[2J";

async function main(args: string[]): Promise<ExitCode> {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(HELP);
    return ExitCode.ok;
  }
  const command = "watch";
  const given = readArguments(args, { command, names: ["run_dir", "every"], switches: ["once"] });
  const path = required(given, "run_dir", command);
  const every = Number(given.every?.at(-1) ?? 5);
  if (!(every > 0)) {
    throw new UserError(
      `Cannot watch with --every=${given.every?.at(-1)}: expected seconds above 0`,
      ExitCode.usage,
    );
  }
  const once = given.once?.at(-1) === "true";
  for (;;) {
    const run = readRun(path);
    const frame = frameOf(run, { columns: columns(), now: Date.now() });
    if (once || !Deno.stdout.isTerminal()) {
      console.log(frame.text);
      return ExitCode.ok;
    }
    Deno.stdout.writeSync(new TextEncoder().encode(`${CLEAR}${frame.text}\n`));
    if (frame.isFinished) return ExitCode.ok;
    await sleep(1000 * every);
  }
}

function columns(): number {
  try {
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns || 80 : 80;
  } catch {
    return 80;
  }
}

if (import.meta.main) await runMain(main);
