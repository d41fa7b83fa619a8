/** train | eval | embed | export | views | info | pack: reads the command line, calls what does the work, turns errors into exit codes. */

import { describeOrThrow, metadataOf } from "./run/checkpoint.ts";
import { wantsHelp } from "./base/command_line.ts";
import { type Environment, thisEnvironment } from "./options/environment.ts";
import { parseCommandLine } from "./options/parse.ts";
import { openData } from "./data/open.ts";
import { evaluateCheckpoint } from "./commands/eval.ts";
import { ExitCode, UserError } from "./base/exit_codes.ts";
import { reportStop } from "./runtime/interrupt.ts";
import { helpText } from "./options/help.ts";
import { launch } from "./distributed/launch.ts";
import type { CheckpointDescription } from "./native/checkpoint.ts";
import { packCommand } from "./commands/pack.ts";
import { SINGLE_PROCESS } from "./runtime/rank.ts";
import { train } from "./commands/train/main.ts";
import { VIEWS_HELP, viewsCommand } from "./commands/views.ts";
import { configurationOf } from "./encoder/weights_file.ts";

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
      // Described once: that reads the whole file.
      let weights: CheckpointDescription | undefined;
      const environment: Environment = {
        ...thisEnvironment(),
        checkpointConfig: (path) => configurationOf(path, weights = describeOrThrow(path)),
      };
      const parsed = parseCommandLine(command, args, environment);
      const { rankInfo = SINGLE_PROCESS } = environment;
      const { ranks } = parsed.config;
      if (rankInfo.launcher === "none" && ranks > 1) return await launch(ranks, [command, ...args]);
      if (rankInfo.rank === 0) parsed.notes.forEach((note) => console.error(note));
      return weights === undefined
        ? await train(parsed, { openData, rankInfo })
        : await evaluateCheckpoint(parsed.config, { rankInfo, weights });
    }
    case "embed": {
      // Here alone: it needs an npm package, without which the others go on.
      const { EMBED_HELP, embedCommand } = await import("./commands/embed.ts").catch(
        (error: Error) => {
          throw new UserError(
            `Cannot embed: ${error.message}; run: deno task setup, with network, which fetches what is missing`,
            ExitCode.setup,
          );
        },
      );
      if (!wantsHelp(args)) return await embedCommand(args);
      console.log(EMBED_HELP);
      return ExitCode.ok;
    }
    case "export": {
      const { EXPORT_HELP, exportCommand } = await import("./commands/export.ts").catch(
        (error: Error) => {
          throw new UserError(
            `Cannot export: ${error.message}; run: deno task setup, with network, which fetches what is missing`,
            ExitCode.setup,
          );
        },
      );
      if (!wantsHelp(args)) return exportCommand(args);
      console.log(EXPORT_HELP);
      return ExitCode.ok;
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
        `Cannot run ${
          command ?? "no command"
        }: expected train, eval, embed, export, views, info or pack`,
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
  if (Deno.exitCode === ExitCode.interrupted) reportStop();
}
