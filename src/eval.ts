/** `eval`: evaluates the encoder of a checkpoint, on one rank or on several that share the work. */

import { describeOrThrow } from "./checkpoint.ts";
import type { RunConfig } from "./config.ts";
import { openData } from "./data.ts";
import { openDevice } from "./device.ts";
import { ExitCode, UserError } from "./exit_codes.ts";
import { Interrupt, interrupted } from "./interrupt.ts";
import { evaluate } from "./linear_eval.ts";
import { setThreads } from "./native/library.ts";
import type { Place } from "./ranks.ts";
import { requireSetup } from "./setup/record.ts";
import { Team } from "./team.ts";
import { Progress, SILENT, stderrTerminal } from "./terminal.ts";
import { evaluationOptions } from "./train.ts";
import { transferred } from "./transfer.ts";
import { encoderNote } from "./weights_file.ts";

/** Evaluates what the options name; rank 0 prints the result. @returns the exit code */
export async function evaluateCheckpoint(
  config: RunConfig,
  place: Readonly<Place>,
): Promise<number> {
  using interrupt = new Interrupt();
  openDevice(config);
  setThreads(config.threads);
  const options = { config, core: requireSetup().hash, interrupted: () => interrupt.requested };
  return await Team.run(place, options, (team) => evaluateOn(team, config, interrupt));
}

async function evaluateOn(team: Team, asked: RunConfig, interrupt: Interrupt): Promise<number> {
  interrupt.watchCalls();
  const data = await team.leaderFirst(() => openData(asked, { signal: interrupt.signal }));
  using train = data.train;
  using test = data.test;
  if (test === undefined) throw new Error("openData() gave nothing to evaluate on");
  const path = asked.checkpoint ?? "";
  const weights = describeOrThrow(path);
  const { config, ...found } = transferred(asked, weights);
  using learner = found.learner;
  try {
    learner.loadEncoder(path);
  } catch (error) {
    throw new UserError((error as Error).message, ExitCode.checkpoint);
  }
  team.shareOut(train, 1);
  const note = team.leads ? encoderNote(path, weights) : undefined;
  if (note !== undefined) console.error(note);
  if (team.place.worldSize > 1) {
    await team.requireSame("weights", weights.sha256);
    await team.requireSame("training images", train.describe().digest);
    await team.requireSame("test images", test.describe().digest);
  }
  using progress = new Progress(team.leads ? stderrTerminal() : SILENT, {
    label: "evaluating",
    total: 100,
  });
  const accuracies = await evaluate(
    { learner, train, test, team },
    evaluationOptions(config),
    (done) => {
      progress.update(Math.min(100, Math.floor(100 * done)));
      return interrupt.requested;
    },
  );
  progress.close();
  if (accuracies === undefined) throw interrupted("before the evaluation was done");
  if (!team.leads) return ExitCode.ok;
  console.log(
    config.format === "json"
      ? JSON.stringify(accuracies)
      : `k-NN ${accuracies.knn_top1.toFixed(2)} %, linear probe top-1 ${
        accuracies.top1.toFixed(2)
      } %, top-5 ${accuracies.top5.toFixed(2)} %`,
  );
  return ExitCode.ok;
}
