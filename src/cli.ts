/** train | eval | views | info | pack: reads the command line, calls what does the work, turns errors into exit codes. */

import { describeOrThrow, metadataOf } from "./checkpoint.ts";
import { type Environment, parseCommandLine, thisEnvironment, wantsHelp } from "./config.ts";
import { openData } from "./data.ts";
import { ExitCode, UserError } from "./exit_codes.ts";
import { helpText } from "./help.ts";
import { Interrupt, interrupted, unlessInterrupted } from "./interrupt.ts";
import { launch } from "./launch.ts";
import { evaluate } from "./linear_eval.ts";
import { setThreads } from "./native/library.ts";
import { packCommand } from "./pack.ts";
import { ALONE } from "./ranks.ts";
import { Progress, stderrTerminal } from "./terminal.ts";
import { createLearner, evaluationOptions, train } from "./train.ts";
import { VIEWS_HELP, viewsCommand } from "./views_command.ts";

async function evalCommand(args: string[]): Promise<number> {
  const environment: Environment = {
    ...thisEnvironment(),
    checkpointConfig: (path) => metadataOf(path, describeOrThrow(path)).config,
  };
  const { config, notes } = parseCommandLine("eval", args, environment);
  notes.forEach((note) => console.error(note));
  using interrupt = new Interrupt();
  setThreads(config.threads);
  interrupt.watchCalls();
  const { train, test } = await openData(config, { signal: interrupt.signal });
  using _train = train;
  using _test = test;
  if (test === undefined) throw new Error("openData() gave nothing to evaluate on");
  using learner = createLearner(config);
  try {
    learner.loadEncoder(config.checkpoint ?? "");
  } catch (error) {
    throw new UserError((error as Error).message, ExitCode.checkpoint);
  }
  using progress = new Progress(stderrTerminal(), { label: "evaluating", total: 100 });
  const evaluation = evaluate({ learner, train, test }, evaluationOptions(config), (done) => {
    progress.update(Math.min(100, Math.floor(100 * done)));
    return interrupt.requested;
  });
  const found = await unlessInterrupted(evaluation);
  progress.close();
  if (found === undefined) throw interrupted("before the evaluation was done");
  console.log(
    config.format === "json"
      ? JSON.stringify(found)
      : `k-NN ${found.knn_top1.toFixed(2)} %, linear probe top-1 ${
        found.top1.toFixed(2)
      } %, top-5 ${found.top5.toFixed(2)} %`,
  );
  return ExitCode.ok;
}

function infoCommand(args: string[]): number {
  const path = args.map((arg) => /^--checkpoint=(.+)$/.exec(arg)?.[1]).find(Boolean);
  const known = args.every((arg) => /^--(checkpoint|format)=./.test(arg));
  if (path === undefined || !known) {
    throw new UserError(
      `Cannot describe a checkpoint with ${
        args.join(" ") || "no options"
      }: expected --checkpoint=FILE [--format=json]`,
      ExitCode.usage,
    );
  }
  const found = describeOrThrow(path);
  const { step, epoch, config } = metadataOf(path, found);
  const { tensors, sha256 } = found;
  if (args.includes("--format=json")) {
    console.log(JSON.stringify({ step, epoch, config, tensors, sha256 }));
  } else {
    console.log(`step ${step}\nepoch ${epoch}\ntensors ${tensors}\nsha256 ${sha256}`);
  }
  return ExitCode.ok;
}

async function main([command, ...args]: string[]): Promise<number> {
  switch (command) {
    case "train":
    case "eval": {
      if (wantsHelp(args)) {
        console.log(helpText(command));
        return ExitCode.ok;
      }
      if (command === "eval") return await evalCommand(args);
      const environment = thisEnvironment();
      const parsed = parseCommandLine("train", args, environment);
      const { place = ALONE } = environment;
      const { ranks } = parsed.config;
      if (place.launcher === "none" && ranks > 1) return await launch(ranks, args);
      if (place.rank === 0) parsed.notes.forEach((note) => console.error(note));
      return await train(parsed, { openData, place });
    }
    case "views":
      if (!wantsHelp(args)) return await viewsCommand(args);
      console.log(VIEWS_HELP);
      return ExitCode.ok;
    case "info":
      return infoCommand(args);
    case "pack":
      return await packCommand(args);
    default:
      throw new UserError(
        `Cannot run ${command ?? "no command"}: expected train, eval, views, info or pack`,
        ExitCode.usage,
      );
  }
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    if (error instanceof UserError) console.error(error.message);
    else console.error(error);
    Deno.exitCode = error instanceof UserError ? error.exitCode : ExitCode.unexpected;
  }
}
