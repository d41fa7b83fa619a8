/**
 * Schedule of the views' recipes over a run: the constant published recipes, or a schedule read from a JSON file
 * (`--aug_schedule=FILE.json`). `recipesAt` of schedules.ts gives a schedule's recipes at a step.
 *
 * For view1 and view2, the file holds those fields of a ViewRecipe that differ from the recipe of the data set or
 * preset. A value is a number, or an object that describes how the number moves:
 *
 * ```json
 * {
 *   "view1": {
 *     "brightness": { "from": 0.1, "to": 0.4, "startEpoch": 0, "endEpoch": 100, "curve": "cosine" },
 *     "cropScale": [{ "from": 0.5, "to": 0.2, "startEpoch": 0, "endEpoch": 50, "curve": "linear" }, 1]
 *   },
 *   "view2": { "solarizeProbability": 0.1 }
 * }
 * ```
 *
 * Every numeric field except blurKernel, which must stay odd, may move. cropSize is rounded to whole pixels and must
 * be the same in both views at every step, because the two views are stacked into one batch.
 *
 * @module
 */

import {
  type DatasetName,
  problemOfRecipe,
  VIEW_RECIPES,
  type ViewPair,
  type ViewRecipe,
  viewsAtSize,
} from "./views.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isSystemError } from "../base/expected.ts";
import { presetViews } from "./preset_views.ts";
import { recipesAt } from "./schedules.ts";

/** Form of the curve between two values. */
export type Curve = "linear" | "cosine";

/** Movement of one value over a span of steps: `from` before the span, `to` after the span. */
export interface Ramp {
  /** Value up to and including startStep. */
  from: number;
  /** Value from endStep on. */
  to: number;
  /** First step of the span. */
  startStep: number;
  /** Last step of the span; greater than startStep. */
  endStep: number;
  /** Curve between the two values. */
  curve: Curve;
}

const PAIR_FIELDS: readonly PairField[] = ["cropScale", "cropRatio", "blurSigma"];
/** The fields of a recipe that are a range. */
export type PairField = "cropScale" | "cropRatio" | "blurSigma";
/** The fields of a recipe that are a number. */
export type NumberField = Exclude<keyof ViewRecipe, PairField>;

/** One moving number of a recipe: a field, or one end of a range (0: min, 1: max). */
export type MovingField =
  | { field: NumberField; ramp: Ramp }
  | { field: PairField; end: 0 | 1; ramp: Ramp };

/** One view's recipe over time. */
export interface RecipeSchedule {
  /** The recipe; each moving number has its first value here. */
  constant: ViewRecipe;
  /** The numbers that change over the run. */
  moving: readonly MovingField[];
}

/** Both views' recipes over time. */
export interface AugmentSchedule {
  /**
   * The schedule of the first view.
   *
   * @internal
   */
  view1: RecipeSchedule;
  /**
   * The schedule of the second view.
   *
   * @internal
   */
  view2: RecipeSchedule;
}

/** Returns a schedule whose recipes are the same at every step. */
export function constantSchedule(views: ViewPair): AugmentSchedule {
  return {
    view1: { constant: views.view1, moving: [] },
    view2: { constant: views.view2, moving: [] },
  };
}

/** The options that the views' recipes depend on. */
export interface AugmentConfig {
  /** The data set, whose published recipes are used where the preset has no recipes. */
  datasetName: DatasetName;
  /** The preset, or null. A preset's own recipes replace those of the data set. */
  preset: string | null;
  /** The file of `--aug_schedule`, or null. */
  augSchedule: string | null;
  /** Side of the views in pixels (`--image_size`); null for the side that the recipes have. */
  imageSize?: number | null;
  /** Epochs of the run. */
  epochs: number;
}

/**
 * Returns the schedule of a run: the recipes of its preset or data set, with the changes of the `--aug_schedule` file.
 *
 * @param stepsPerEpoch optimizer steps per epoch, which turns the file's epochs into steps
 * @throws UserError (usage) when the file is missing, is no JSON, or holds a value that no view can be made with
 */
export function loadAugmentSchedule(
  config: AugmentConfig,
  stepsPerEpoch: number,
): AugmentSchedule {
  const views = viewsOf(config);
  const path = config.augSchedule;
  if (path === null) return constantSchedule(views);
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw usage(`Cannot read --aug_schedule=${path}: expected a JSON file (${error.message})`);
  }
  return parseAugmentSchedule(text, { path, views, epochs: config.epochs, stepsPerEpoch });
}

/** Returns the recipes that a run starts from: the preset's own where there are any, the data set's otherwise. */
export function viewsOf(
  config: Pick<AugmentConfig, "preset" | "datasetName" | "imageSize">,
): ViewPair {
  const views = presetViews(config.preset) ?? VIEW_RECIPES[config.datasetName];
  return typeof config.imageSize === "number" ? viewsAtSize(views, config.imageSize) : views;
}

/** Options of parseAugmentSchedule. */
export interface ParseScheduleOptions {
  /** The file's name, for messages. */
  path: string;
  /** The recipes that the file changes. */
  views: ViewPair;
  /** Epochs of the run; every span must end within them. */
  epochs: number;
  /** Optimizer steps per epoch. */
  stepsPerEpoch: number;
}

/**
 * Reads the text of a schedule file.
 *
 * @throws UserError (usage) that names the place in the JSON, such as `view1.cropScale[0].endEpoch`
 */
export function parseAugmentSchedule(text: string, options: ParseScheduleOptions): AugmentSchedule {
  const { path, views, epochs, stepsPerEpoch } = options;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw usage(`Cannot read --aug_schedule=${path}: expected JSON (${error.message})`);
  }
  const reader = new Reader(path, epochs, stepsPerEpoch);
  const root = reader.object(json, "", ["view1", "view2"]);
  const schedule = {
    view1: reader.recipe(root.view1, "view1", views.view1),
    view2: reader.recipe(root.view2, "view2", views.view2),
  };
  requireSoundAtEveryStep(schedule, options);
  return schedule;
}

/**
 * Checks the recipes of every step: fields move independently, and a range's min may pass its max, or the two views'
 * sizes may differ, in the middle of a run.
 */
function requireSoundAtEveryStep(schedule: AugmentSchedule, options: ParseScheduleOptions): void {
  const { path, epochs, stepsPerEpoch } = options;
  const moves = schedule.view1.moving.length + schedule.view2.moving.length > 0;
  const lastStep = moves ? epochs * stepsPerEpoch - 1 : 0;
  for (let step = 0; step <= lastStep; step++) {
    const { view1, view2 } = recipesAt(schedule, step);
    const at = moves ? ` at step ${step}` : "";
    for (const [name, recipe] of [["view1", view1], ["view2", view2]] as const) {
      const problem = problemOfRecipe(recipe);
      if (problem) throw usage(`Cannot use --aug_schedule=${path}${at}: ${name}.${problem}`);
    }
    if (view1.cropSize !== view2.cropSize) {
      throw usage(
        `Cannot use --aug_schedule=${path}${at}: view1.cropSize=${view1.cropSize} and ` +
          `view2.cropSize=${view2.cropSize}, expected the same`,
      );
    }
  }
}

/** Reader of the JSON's values; a message about a value names the value's place, such as `view1.cropScale[0]`. */
class Reader {
  readonly #path: string;
  readonly #epochs: number;
  readonly #stepsPerEpoch: number;

  constructor(path: string, epochs: number, stepsPerEpoch: number) {
    this.#path = path;
    this.#epochs = epochs;
    this.#stepsPerEpoch = stepsPerEpoch;
  }

  recipe(json: unknown, at: string, base: ViewRecipe): RecipeSchedule {
    const constant = structuredClone(base);
    const moving: MovingField[] = [];
    if (json === undefined) return { constant, moving };
    const fields = this.object(json, at, Object.keys(base));
    for (const [name, value] of Object.entries(fields)) {
      const place = `${at}.${name}`;
      if (isPairField(name)) {
        const ends = this.#pair(value, place);
        for (const end of [0, 1] as const) {
          const read = this.#value(ends[end], `${place}[${end}]`);
          constant[name][end] = read.from;
          if (read.ramp) moving.push({ field: name, end, ramp: read.ramp });
        }
      } else {
        const field = name as NumberField;
        const read = this.#value(value, place);
        constant[field] = read.from;
        if (!read.ramp) continue;
        if (field === "blurKernel") {
          this.#refuse(place, value, "a constant odd number: this field cannot move");
        }
        moving.push({ field, ramp: read.ramp });
      }
    }
    return { constant, moving };
  }

  object(json: unknown, at: string, allowed: readonly string[]): Record<string, unknown> {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      this.#refuse(at, json, `an object with ${allowed.join(", ")}`);
    }
    for (const name of Object.keys(json)) {
      if (!allowed.includes(name)) {
        const place = at === "" ? name : `${at}.${name}`;
        throw usage(
          `Cannot use --aug_schedule=${this.#path}: unknown field ${place}, expected one of ` +
            allowed.join(", "),
        );
      }
    }
    return json as Record<string, unknown>;
  }

  #pair(json: unknown, at: string): [unknown, unknown] {
    if (!Array.isArray(json) || json.length !== 2) {
      this.#refuse(at, json, "an array of two: min and max");
    }
    return json as [unknown, unknown];
  }

  #value(json: unknown, at: string): { from: number; ramp?: Ramp } {
    if (typeof json === "number") return { from: json };
    if (typeof json !== "object" || json === null) {
      this.#refuse(at, json, "a number, or an object with from, to, startEpoch, endEpoch, curve");
    }
    const names = ["from", "to", "startEpoch", "endEpoch", "curve"] as const;
    const fields = this.object(json, at, names);
    for (const name of names) {
      if (!(name in fields)) this.#refuse(`${at}.${name}`, undefined, "a value");
    }
    const { curve } = fields;
    if (curve !== "linear" && curve !== "cosine") {
      this.#refuse(`${at}.curve`, curve, '"linear" or "cosine"');
    }
    const number = (name: typeof names[number]): number => {
      const value = fields[name];
      if (typeof value !== "number" || !Number.isFinite(value)) {
        this.#refuse(`${at}.${name}`, value, "a finite number");
      }
      return value;
    };
    const [from, to] = [number("from"), number("to")];
    const [startEpoch, endEpoch] = [number("startEpoch"), number("endEpoch")];
    if (startEpoch < 0) this.#refuse(`${at}.startEpoch`, startEpoch, "at least 0");
    if (endEpoch <= startEpoch) {
      this.#refuse(`${at}.endEpoch`, endEpoch, `more than startEpoch=${startEpoch}`);
    }
    if (endEpoch > this.#epochs) {
      this.#refuse(`${at}.endEpoch`, endEpoch, `at most --nb_epochs=${this.#epochs}`);
    }
    const startStep = startEpoch * this.#stepsPerEpoch;
    const endStep = endEpoch * this.#stepsPerEpoch;
    return { from, ramp: { from, to, startStep, endStep, curve } };
  }

  #refuse(at: string, value: unknown, expected: string): never {
    const shown = value === undefined ? "missing" : JSON.stringify(value);
    const place = at === "" ? "the whole file" : at;
    throw usage(
      `Cannot use --aug_schedule=${this.#path}: ${place} is ${shown}, expected ${expected}`,
    );
  }
}

function isPairField(name: string): name is PairField {
  return (PAIR_FIELDS as readonly string[]).includes(name);
}

function usage(message: string): UserError {
  return new UserError(message, ExitCode.usage);
}
