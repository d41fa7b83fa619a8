/** The first lines of a report: how far a run has come, in tiles. */

import { durationText } from "../base/terminal.ts";
import { standardError } from "../base/statistics.ts";
import { signedText } from "../run/accuracy_text.ts";
import type { EvalRow } from "../run/metrics.ts";
import { tiles } from "./page.ts";
import { chanceOf, type RunData } from "./run_data.ts";

/** Returns tiles with a run's accuracies beside chance and the untrained encoder, and with the time of its steps. */
export function story(runs: readonly RunData[]): string {
  const [run] = runs;
  if (run === undefined) return "";
  if (runs.length > 1) return tiles([[String(runs.length), "runs compared"]]);
  return tiles([...accuracyTiles(run), ...trainingTiles(run)]);
}

function accuracyTiles(run: RunData): [string, string][] {
  const untrained = run.evaluations.find((row) => row.epoch === 0);
  const last = run.evaluations.at(-1);
  if (last === undefined) return [];
  const chance = chanceOf(run);
  const tile = (name: "top1" | "knn_top1", what: string): [string, string] => [
    `${last[name].toFixed(2)} %`,
    untrained === undefined || untrained === last
      ? `${errorOf(last, name)}${what}${last.epoch === 0 ? ", untrained encoder" : ""}`
      : `${errorOf(last, name)}${what}, ${
        signedText(last[name] - untrained[name])
      } points from the untrained encoder's ` +
        untrained[name].toFixed(2),
  ];
  return [
    tile("top1", "linear probe top-1"),
    tile("knn_top1", "k-NN top-1"),
    ...chance === undefined ? [] : [[`${chance} %`, "chance"] satisfies [string, string]],
  ];
}

function trainingTiles(run: RunData): [string, string][] {
  const train = run.train.at(-1);
  if (train === undefined) return [];
  const seconds = trainingSeconds(run);
  const config = run.record?.config;
  const by = config === undefined
    ? ""
    : config.hardware === "cpu"
    ? `, ${config.ranks * config.threads} threads`
    : `, ${config.ranks} GPU${config.ranks === 1 ? "" : "s"}`;
  return [
    [String(train.step + 1), `steps, epoch ${train.epoch}`],
    ...seconds === undefined
      ? []
      : [[durationText(seconds), `time of the steps${by}`] satisfies [string, string]],
    [train.loss.toFixed(3), "last loss"],
  ];
}

/** Returns the seconds that the logged steps took, by their rates; undefined where a rate or the batch is unknown. */
function trainingSeconds({ train, record }: RunData): number | undefined {
  const batch = record?.config.batchSize;
  if (batch === undefined) return undefined;
  let [seconds, before] = [0, -1];
  for (const { step, images_per_second: rate } of train) {
    if (rate > 0) seconds += Math.max(0, step - before) * batch / rate;
    before = step;
  }
  return seconds > 0 ? seconds : undefined;
}

function errorOf(row: EvalRow, name: "top1" | "knn_top1"): string {
  return row.tested === undefined ? "" : `± ${standardError(row[name], row.tested).toFixed(2)} · `;
}
