/** The first lines of a report: how far a run has come, in tiles. */

import { counted } from "../base/counted.ts";
import { durationText } from "../base/terminal.ts";
import { standardError } from "../base/statistics.ts";
import { signedText } from "../run/accuracy_text.ts";
import { type SetRow, setsOf } from "../run/metrics.ts";
import { type Tile, tiles } from "./page.ts";
import { chanceOf, type RunData } from "./run_data.ts";

/** Returns tiles with a run's accuracies beside chance and the untrained encoder, and with the cost of its steps. */
export function story(runs: readonly RunData[]): string {
  const [run] = runs;
  if (run === undefined) return "";
  if (runs.length > 1) return tiles([{ value: String(runs.length), lines: ["runs compared"] }]);
  return tiles([...accuracyTiles(run), ...trainingTiles(run)]);
}

function accuracyTiles(run: RunData): Tile[] {
  const untrained = run.evaluations.find((row) => row.epoch === 0);
  const last = run.evaluations.at(-1);
  if (last === undefined) return [];
  const chance = chanceOf(run);
  const isUntrained = untrained === last;
  const before = untrained === undefined || isUntrained ? [] : setsOf(untrained);
  const accuracies = setsOf(last).flatMap((set): Tile[] => {
    const first = before.find(({ name }) => name === set.name)?.accuracies;
    const on = last.held_out === undefined ? [] : [`${set.name} images`];
    const about = { on, first, isUntrained };
    return [
      accuracyTile(set.accuracies, "top1", { what: "linear probe, top-1", ...about }),
      accuracyTile(set.accuracies, "knn_top1", { what: "k-NN, top-1", ...about }),
    ];
  });
  return [
    ...accuracies,
    ...chance === undefined ? [] : [{ value: `${chance} %`, lines: ["chance, top-1"] }],
  ];
}

/** Returns an accuracy with its standard error, and the gain over the untrained encoder's `first`. */
function accuracyTile(
  row: SetRow,
  name: "top1" | "knn_top1",
  { what, on, first, isUntrained }: {
    what: string;
    on: string[];
    first: SetRow | undefined;
    isUntrained: boolean;
  },
): Tile {
  return {
    value: `${row[name].toFixed(2)} %`,
    aside: row.tested === undefined
      ? undefined
      : `± ${standardError(row[name], row.tested).toFixed(2)}`,
    lines: [
      what,
      ...on,
      ...isUntrained ? ["untrained encoder"] : first === undefined ? [] : [
        `untrained ${first[name].toFixed(2)}`,
        `gain ${signedText(row[name] - first[name])} points`,
      ],
    ],
  };
}

function trainingTiles(run: RunData): Tile[] {
  const train = run.train.at(-1);
  if (train === undefined) return [];
  const seconds = trainingSeconds(run);
  return [
    {
      value: String(train.step + 1),
      lines: [train.step === 0 ? "step" : "steps", `epoch ${train.epoch}`],
    },
    ...seconds === undefined ? [] : [{
      value: durationText(seconds),
      lines: ["time of the steps", ...costLines(run, seconds)],
    }],
    { value: train.loss.toFixed(3), lines: ["loss, last logged", "of 0 to 8"] },
  ];
}

/** Returns the cost of so many seconds, in core-hours or GPU-hours. */
function costLines({ record }: RunData, seconds: number): string[] {
  if (record === null) return [];
  const { hardware, ranks, threads } = record.config;
  const units = hardware === "cpu" ? ranks * threads : ranks;
  const hours = (seconds * units / 3600).toPrecision(2);
  const unit = hardware === "cpu" ? "thread" : "GPU";
  return [`${counted(units, unit)}, ${Number(hours)} ${unit}-hours`];
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
