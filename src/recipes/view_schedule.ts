/**
 * Schedule of the views' recipes over a run: the constant published recipes, or a schedule read from a JSON file
 * (`--aug_schedule=FILE.json`). `recipesAt` of schedules.ts gives a schedule's recipes at a step.
 *
 * docs/recipes.md describes the file.
 *
 * @module
 */

import {
  type DatasetName,
  VIEW_RECIPES,
  type ViewPair,
  type ViewRecipe,
  viewsAtSize,
} from "./views.ts";
import { problemOfRecipe } from "./view_fields.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isSystemError } from "../base/expected.ts";
import { presetGrowth, presetViews } from "./preset_views.ts";
import { type RotationView, rotationView } from "./rotation.ts";
import { recipesAt } from "./schedules.ts";

/** Form of the curve between two values. */
export type Curve = "linear" | "cosine";

/** Ramp of one value over a span of steps: `from` before the span, `to` after the span. */
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

/** A value that holds from a step on. */
export interface Step {
  /** First step with the value. */
  step: number;
  value: number;
}

/** Movement of one value over a run: a ramp, or steps of which the first is at step 0. */
export type Movement = { ramp: Ramp } | { steps: readonly Step[] };

const PAIR_FIELDS: readonly PairField[] = ["cropScale", "cropRatio", "blurSigma"];
/** The fields of a recipe that are a range. */
export type PairField = "cropScale" | "cropRatio" | "blurSigma";
/** The fields of a recipe that are a number. */
export type NumberField = Exclude<keyof ViewRecipe, PairField>;

/** One moving number of a recipe: a field, or one end of a range (0: min, 1: max). */
export type MovingField =
  & ({ field: NumberField } | { field: PairField; end: 0 | 1 })
  & Movement;

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
  /**
   * The view of the rotation auxiliary; absent without the auxiliary.
   *
   * @internal
   */
  rotation?: RotationView;
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
  /** Weight of the rotation auxiliary; 0 (default) for none, and no third view. */
  rotationWeight?: number;
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
  const schedule = scheduleOfPair(config, { views, stepsPerEpoch });
  const { rotationWeight = 0 } = config;
  return rotationWeight > 0 ? { ...schedule, rotation: rotationView(views) } : schedule;
}

function scheduleOfPair(
  config: AugmentConfig,
  { views, stepsPerEpoch }: { views: ViewPair; stepsPerEpoch: number },
): AugmentSchedule {
  const path = config.augSchedule;
  const preset = growthOf(config.preset, views);
  const options = { views, epochs: config.epochs, stepsPerEpoch, preset };
  if (path === null) {
    return preset === undefined
      ? constantSchedule(views)
      : parseAugmentSchedule("{}", { ...options, path: `the views of --preset=${config.preset}` });
  }
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw usage(`Cannot read --aug_schedule=${path}: expected a JSON file (${error.message})`);
  }
  return parseAugmentSchedule(text, { ...options, path });
}

/** Returns the part of a schedule file that would let both views grow as a preset's do; undefined for constant sizes. */
function growthOf(preset: string | null, { view1 }: ViewPair): PresetMovement | undefined {
  const growth = presetGrowth(preset);
  if (growth === undefined) return undefined;
  const sizes = [[0, Math.round(growth.from * view1.cropSize)], [growth.until, view1.cropSize]];
  return { view1: { cropSize: sizes }, view2: { cropSize: sizes } };
}

/** Returns the recipes that a run starts from: the preset's own where there are any, the data set's otherwise. */
export function viewsOf(
  config: Pick<AugmentConfig, "preset" | "datasetName" | "imageSize">,
): ViewPair {
  const views = presetViews(config.preset) ?? VIEW_RECIPES[config.datasetName];
  return typeof config.imageSize === "number" ? viewsAtSize(views, config.imageSize) : views;
}

/** Fields of both views as a schedule file has them. */
type PresetMovement = Readonly<Record<"view1" | "view2", Readonly<Record<string, unknown>>>>;

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
  /** Fields that the preset moves, which the fields of the file replace; by default none. */
  preset?: PresetMovement | undefined;
}

/**
 * Reads the text of a schedule file.
 *
 * @throws UserError (usage) that names the place in the JSON, such as `view1.cropScale[0].endEpoch`
 */
export function parseAugmentSchedule(text: string, options: ParseScheduleOptions): AugmentSchedule {
  const { path, views, epochs, stepsPerEpoch, preset } = options;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw usage(`Cannot read --aug_schedule=${path}: expected JSON (${error.message})`);
  }
  const reader = new Reader(path, epochs, stepsPerEpoch);
  // An editor finds docs/augmentation.schema.json by the last field.
  const root = reader.object(json, "", ["view1", "view2", "$schema"]);
  const recipe = (view: "view1" | "view2"): RecipeSchedule => {
    const fields = root[view] === undefined
      ? {}
      : reader.object(root[view], view, Object.keys(views[view]));
    return reader.recipe({ ...preset?.[view], ...fields }, view, views[view]);
  };
  const schedule = { view1: recipe("view1"), view2: recipe("view2") };
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

  recipe(fields: Record<string, unknown>, at: string, base: ViewRecipe): RecipeSchedule {
    const constant = structuredClone(base);
    const moving: MovingField[] = [];
    for (const [name, value] of Object.entries(fields)) {
      const place = `${at}.${name}`;
      if (isPairField(name)) {
        const ends = this.#pair(value, place);
        for (const end of [0, 1] as const) {
          const read = this.#value(ends[end], `${place}[${end}]`);
          constant[name][end] = read.first;
          if (read.movement) moving.push({ field: name, end, ...read.movement });
        }
      } else {
        const field = name as NumberField;
        const read = this.#value(value, place);
        constant[field] = read.first;
        if (!read.movement) continue;
        if (field === "blurKernel") {
          this.#refuse(place, value, "a constant odd number: this field cannot move");
        }
        moving.push({ field, ...read.movement });
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

  /** Reads a number, a ramp or steps; `first` is the value at the run's first step. */
  #value(json: unknown, at: string): { first: number; movement?: Movement } {
    if (typeof json === "number") return { first: json };
    if (Array.isArray(json)) {
      const steps = this.#steps(json, at);
      return { first: steps[0]!.value, movement: { steps } };
    }
    if (typeof json !== "object" || json === null) {
      const ramp = "an object with from, to, startEpoch, endEpoch, curve";
      this.#refuse(at, json, `a number, ${ramp}, or a list of [position, value]`);
    }
    const ramp = this.#ramp(json, at);
    return { first: ramp.from, movement: { ramp } };
  }

  #ramp(json: unknown, at: string): Ramp {
    const names = ["from", "to", "startEpoch", "endEpoch", "curve"] as const;
    const fields = this.object(json, at, names);
    for (const name of names) {
      if (!(name in fields)) this.#refuse(`${at}.${name}`, undefined, "a value");
    }
    const { curve } = fields;
    if (curve !== "linear" && curve !== "cosine") {
      this.#refuse(`${at}.curve`, curve, '"linear" or "cosine"');
    }
    const [from, to] = [fields.from, fields.to].map((value, index) =>
      this.#number(value, `${at}.${index === 0 ? "from" : "to"}`)
    );
    const startEpoch = this.#epoch(fields.startEpoch, `${at}.startEpoch`);
    const endEpoch = this.#epoch(fields.endEpoch, `${at}.endEpoch`);
    if (endEpoch <= startEpoch) {
      this.#refuse(`${at}.endEpoch`, fields.endEpoch, `more than startEpoch=${fields.startEpoch}`);
    }
    const [startStep, endStep] = [startEpoch, endEpoch].map((epoch) => epoch * this.#stepsPerEpoch);
    return { from: from!, to: to!, startStep: startStep!, endStep: endStep!, curve };
  }

  /** Reads a list of [position, value] from position 0 on. */
  #steps(json: readonly unknown[], at: string): Step[] {
    const steps = json.map((pair, index) => {
      const place = `${at}[${index}]`;
      if (!Array.isArray(pair) || pair.length !== 2) this.#refuse(place, pair, "[position, value]");
      const epoch = this.#epoch(pair[0], `${place}[0]`);
      const step = Math.round(epoch * this.#stepsPerEpoch);
      return { step, value: this.#number(pair[1], `${place}[1]`) };
    });
    if (steps[0]?.step !== 0) this.#refuse(at, json, "a first position of 0");
    steps.slice(1).forEach(({ step }, index) => {
      if (step > steps[index]!.step) return;
      this.#refuse(
        `${at}[${index + 1}][0]`,
        json[index + 1],
        "a later position than the one before",
      );
    });
    return steps;
  }

  /** Reads a position in a run, in epochs or as a share such as "60%". @returns epochs */
  #epoch(json: unknown, at: string): number {
    const share = typeof json === "string" ? /^(\d+(?:\.\d+)?) ?%$/.exec(json)?.[1] : undefined;
    if (typeof json === "string" && share === undefined) {
      this.#refuse(at, json, 'epochs, or a share of the run such as "60%"');
    }
    const epoch = share === undefined ? this.#number(json, at) : Number(share) / 100 * this.#epochs;
    if (epoch < 0) this.#refuse(at, json, "at least 0");
    if (epoch > this.#epochs) this.#refuse(at, json, `at most --nb_epochs=${this.#epochs}`);
    return epoch;
  }

  #number(json: unknown, at: string): number {
    if (typeof json !== "number" || !Number.isFinite(json)) {
      this.#refuse(at, json, "a finite number");
    }
    return json;
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
