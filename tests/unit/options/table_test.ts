import assert from "node:assert/strict";
import type { DatasetName } from "../../../src/recipes/views.ts";
import type { PresetName } from "../../../src/recipes/preset_views.ts";
import type { Recipe, RunConfig } from "../../../src/options/config.ts";
import { type Option, PER_DATASET, type WithSoundDefaults } from "../../../src/options/option.ts";
import { DATASET_DEFAULTS, PRESETS } from "../../../src/options/presets.ts";
import { FIELDS, optionOf, OPTIONS } from "../../../src/options/table.ts";
import { problemOf } from "../../../src/base/option_values.ts";

/** `true` where two types are the same, else `false`. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

Deno.test("the types of a configuration are those that its table says", () => {
  // deno check compares them; an unused @ts-expect-error is an error, too.
  const same: {
    choice: Same<RunConfig["bnViews"], "joint" | "separate">;
    integer: Same<RunConfig["epochs"], number>;
    number: Same<RunConfig["learningRate"], number>;
    flag: Same<RunConfig["syncBn"], boolean>;
    path: Same<RunConfig["runDir"], string>;
    name: Same<RunConfig["expeName"], string>;
    pathOrNone: Same<RunConfig["dataDir"], string | null>;
    integerOrNone: Same<RunConfig["maxSteps"], number | null>;
    dataSets: Same<RunConfig["datasetName"], DatasetName>;
    presets: Same<RunConfig["preset"], PresetName | null>;
    recipe: Same<Recipe["zDim"], number>;
  } = {
    choice: true,
    integer: true,
    number: true,
    flag: true,
    path: true,
    name: true,
    pathOrNone: true,
    integerOrNone: true,
    dataSets: true,
    presets: true,
    recipe: true,
  };
  assert.ok(Object.values(same).every(Boolean));
  // @ts-expect-error: resnet19 is none of the choices of --resnet_type.
  const choice: Partial<RunConfig> = { resnetType: "resnet19" };
  // @ts-expect-error: --nb_epochs is a number.
  const kind: Partial<RunConfig> = { epochs: true };
  // @ts-expect-error: --seed has a value always.
  const none: Partial<RunConfig> = { seed: null };
  // @ts-expect-error: --seed has one default for all data sets, and is no part of a recipe.
  const recipe: Partial<Recipe> = { seed: 1 };
  assert.ok(choice && kind && none && recipe);
});

Deno.test("a wrong kind, choice, default or field of an entry does not type-check", () => {
  type Entries = Readonly<Record<string, Option>>;
  const rest = { option: "it", group: "Data", commands: ["train"], help: "" } as const;
  const sound = {
    integer: { ...rest, value: { kind: "integer", least: 1 }, default: 2, before: 1 },
    choice: { ...rest, value: { kind: "choice", choices: ["a"] }, default: "a" },
    none: { ...rest, value: { kind: "path" }, default: null },
    each: { ...rest, value: { kind: "number" }, default: PER_DATASET },
  } as const satisfies Entries;
  sound satisfies WithSoundDefaults<typeof sound>;
  const wrong = {
    choice: { ...rest, value: { kind: "choice", choices: ["a"] }, default: "b" },
    flag: { ...rest, value: { kind: "flag" }, default: 1 },
    before: { ...rest, value: { kind: "flag" }, default: true, before: "no" },
  } as const satisfies Entries;
  // @ts-expect-error: b is none of the choices.
  ({ it: wrong.choice }) satisfies WithSoundDefaults<{ it: typeof wrong.choice }>;
  // @ts-expect-error: a flag is true or false.
  ({ it: wrong.flag }) satisfies WithSoundDefaults<{ it: typeof wrong.flag }>;
  // @ts-expect-error: a flag was true or false before, too.
  ({ it: wrong.before }) satisfies WithSoundDefaults<{ it: typeof wrong.before }>;
  // @ts-expect-error: there is no such kind.
  ({ ...rest, value: { kind: "flags" }, default: true }) satisfies Option;
  // @ts-expect-error: a flag has no limits.
  ({ ...rest, value: { kind: "flag", least: 1 }, default: true }) satisfies Option;
  // @ts-expect-error: the field is called changeable.
  ({ ...rest, value: { kind: "flag" }, default: true, changable: true }) satisfies Option;
});

Deno.test("each option has a name of its own and a default that it accepts itself", () => {
  const names = FIELDS.map((field) => optionOf(field).option);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(Object.keys(OPTIONS), FIELDS);
  for (const field of FIELDS) {
    const { option, value, default: fallback, defaultText }: Option = optionOf(field);
    if (fallback === PER_DATASET || fallback === null) continue;
    // A default that is derived later starts as a neutral value.
    if (defaultText !== undefined && fallback === "") continue;
    assert.equal(problemOf(value, fallback), undefined, option);
  }
});

Deno.test("each preset and data set gives every option of a recipe", () => {
  const fields = FIELDS.filter((field) => optionOf(field).default === PER_DATASET).toSorted();
  const recipes = [
    ...Object.values(DATASET_DEFAULTS),
    ...Object.values(PRESETS).map((one) => one.recipe),
  ];
  for (const recipe of recipes) assert.deepEqual(Object.keys(recipe).toSorted(), fields);
});
