/** The steps of a replay, each with a copy of the state before it, of which the traced one is written. */

import { NumbersError } from "../../byol/divergence.ts";
import { pretrain } from "../../byol/pretrain.ts";
import type { TrainRow } from "../../byol/train_row.ts";
import type { Ranks } from "../../distributed/ranks.ts";
import type { Dataset } from "../../native/dataset.ts";
import type { Learner, ProbeRates } from "../../native/learner.ts";
import { StepTrace } from "../../run/trace.ts";
import { lookAtTrace, type TraceLook } from "../../run/trace_look.ts";
import { type Interrupt, interrupted } from "../../runtime/interrupt.ts";
import type { ReplaySource } from "./source.ts";

/** Parts of a replay. */
export interface ReplayParts {
  source: ReplaySource;
  ranks: Ranks;
  learner: Learner;
  dataset: Dataset;
  stepsPerEpoch: number;
  probeRates: Readonly<ProbeRates> | undefined;
  interrupt: Interrupt;
  /** Called after each step. */
  stepDone(stepsDone: number): void;
}

/** Findings of the steps of a replay. */
export interface Replayed {
  /** The traced step: the one that was asked for, or an earlier one that is not finite. */
  step: number;
  /** Path of the trace file. */
  trace: string;
  look: TraceLook;
  /** Loss of the traced step. */
  loss: number;
  /** Rows of all steps whose loss and gradient are finite. */
  rows: TrainRow[];
}

/**
 * Runs the steps again, up to the one that was asked for or to the first one with a tensor that is not finite. All ranks
 * must call this function.
 *
 * @param options.everyStep true to look for such a tensor in each step, which writes a trace of each; false (default):
 * in those whose loss, gradient or weights have no finite norm
 * @throws UserError (interrupted) on a signal; (save) where the trace cannot be written
 */
export async function replaySteps(
  parts: ReplayParts,
  { everyStep = false }: { everyStep?: boolean } = {},
): Promise<Replayed> {
  const { source, ranks, learner, dataset, stepsPerEpoch, probeRates, interrupt } = parts;
  const { config, firstStep, step: wanted, record: { augmentation } } = source;
  const rows: TrainRow[] = [];
  let current: { step: number; trace: StepTrace } | undefined;
  let found: Omit<Replayed, "rows"> | undefined;
  const look = async (isLast: boolean): Promise<void> => {
    if (current === undefined) throw new Error("no step was traced");
    const { step, trace } = current;
    const seen = await lookAt(parts, { step, trace });
    if (isLast || seen.look.notFinite !== undefined) found = seen;
    else ranks.rankZeroOnly(() => Deno.removeSync(seen.trace));
  };
  try {
    await pretrain(
      { learner, dataset },
      {
        ...{ ...config, stepsPerEpoch, augmentation, firstStep, probeRates },
        ...{ endStep: wanted + 1, logEverySteps: 1 },
      },
      {
        trace: (step, rates) => {
          const { rank } = ranks.rankInfo;
          current?.trace[Symbol.dispose]();
          current = {
            step,
            trace: new StepTrace({ learner, dataset }, config, { step, rank, ...rates }),
          };
          return undefined;
        },
        logged: (row) => rows.push(row),
        stepDone: async (stepsDone) => {
          parts.stepDone(stepsDone);
          const row = rows.at(-1)!;
          const isLast = stepsDone === wanted + 1;
          const isOdd = !Number.isFinite(row.parameter_norm);
          if (isLast || isOdd || everyStep) await look(isLast);
        },
        interrupted: () => {
          const agreed = { agreed: true };
          const isStopped = ranks.stopsAfter(interrupt.requested, agreed);
          if (isStopped) throw interrupted("before the step was replayed");
          return found !== undefined;
        },
      },
    );
  } catch (error) {
    if (!(error instanceof NumbersError)) throw error;
    // The learner is as the step has left it.
    await look(true);
  } finally {
    current?.trace[Symbol.dispose]();
  }
  if (found === undefined) throw new Error(`step ${wanted} was not reached`);
  return { ...found, rows };
}

/** Writes the trace of the step that the learner has just taken, and looks at it on rank 0. */
async function lookAt(
  { source: { config }, ranks, learner }: ReplayParts,
  { step, trace }: { step: number; trace: StepTrace },
): Promise<Omit<Replayed, "rows">> {
  const { loss } = learner.readMetrics();
  const path = trace.write();
  const passes = (config.bnViews === "joint" ? 1 : 2) * config.accumulateSteps;
  const text = await ranks.broadcast(() => textOf(lookAtTrace(path, { loss, passes })));
  return { step, trace: path, loss, look: lookOf(text) };
}

/** Returns a look as JSON, in which numbers that are not finite are texts. */
function textOf(look: TraceLook): string {
  return JSON.stringify(
    look,
    (_, value) => typeof value === "number" && !Number.isFinite(value) ? `${value}` : value,
  );
}

function lookOf(text: string): TraceLook {
  const isOdd = (value: unknown): boolean =>
    value === "NaN" || value === "Infinity" || value === "-Infinity";
  return JSON.parse(text, (_, value) => isOdd(value) ? Number(value) : value);
}
