import { deepEqual, equal } from "node:assert/strict";
import { UserError } from "../../../src/base/exit_codes.ts";
import { parseAugmentSchedule } from "../../../src/recipes/view_schedule.ts";
import { VIEW_FIELDS } from "../../../src/recipes/view_fields.ts";
import { VIEW_RECIPES } from "../../../src/recipes/views.ts";
import { fits } from "../../support/json_schema.ts";

const schema = JSON.parse(
  Deno.readTextFileSync(new URL("../../../docs/augmentation.schema.json", import.meta.url)),
);

const VIEW = { ...VIEW_RECIPES.imagenet.view1, blurKernel: 1 };

/** Returns true for a file that the program takes, whose blur fits any size of the views. */
function isTaken(file: unknown): boolean {
  const options = {
    path: "FILE",
    views: { view1: VIEW, view2: VIEW },
    epochs: 10,
    stepsPerEpoch: 100,
  };
  try {
    parseAugmentSchedule(JSON.stringify(file), options);
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return false;
  }
}

/** Returns values to try of a field that takes `fit`, beside those that no field takes. */
function valuesAround(fit: number): unknown[] {
  const ramp = { from: fit, to: fit, startEpoch: 0, endEpoch: 5, curve: "linear" };
  return [
    ...[0, 0.0001, 0.5, 1, 2, 3, 5, 5.5, -1, 225, 1001, 4097, "a", null, true, {}],
    ...[[], [1], [1, 1], [0.3, 0.9], [0, 1], [1, 2], [1, 1, 1], [0.002, 1001]],
    ramp,
    { ...ramp, endEpoch: "60%" },
    { ...ramp, endEpoch: "60 %" },
    { ...ramp, endEpoch: "sixty" },
    { ...ramp, startEpoch: -1 },
    { ...ramp, curve: "step" },
    { ...ramp, more: 1 },
    { ...ramp, to: -1 },
    { from: fit, to: fit },
    [[0, fit], [3, fit]],
    [[0, fit], ["60%", fit]],
    [[0, fit], [3]],
    [[0, "x"]],
    [ramp, fit],
    [ramp, ramp],
    [[[0, fit]], fit],
  ];
}

/** Returns true where a file is refused because of two of its numbers, which a schema does not compare. */
function comparesNumbers(name: string, value: unknown): boolean {
  if (name === "blurKernel") return Number(value) >= 2 * VIEW.cropSize;
  return Array.isArray(value) && typeof value[0] === "number" && value[0] > Number(value[1]);
}

Deno.test("the schema of augmentations takes a field's value where the program does", () => {
  let taken = 0;
  for (const [name, { least, most = 1 }] of Object.entries(VIEW_FIELDS)) {
    for (const value of [...valuesAround(Math.min(1, most)), least, most, most + 0.01]) {
      if (comparesNumbers(name, value)) continue;
      // The side of the views is the same in both.
      const view = { [name]: value };
      const file = name === "cropSize" ? { view1: view, view2: view } : { view1: view };
      const expected = isTaken(file);
      equal(fits(schema, file), expected, `${name}: ${JSON.stringify(value)}`);
      taken += expected ? 1 : 0;
    }
  }
  equal(taken > 100, true, `${taken} were taken`);
});

Deno.test("the schema of augmentations knows both views and no other field", () => {
  deepEqual(
    [{}, { view1: {} }, { view2: {} }, { $schema: "x" }].map((file) => fits(schema, file)),
    [
      true,
      true,
      true,
      true,
    ],
  );
  for (const file of [{ view3: {} }, { view1: { huge: 1 } }, [], { view1: 1 }, null]) {
    equal(fits(schema, file), false, JSON.stringify(file));
    equal(isTaken(file), false, JSON.stringify(file));
  }
  equal(isTaken({ $schema: "docs/augmentation.schema.json", view1: { hue: 0 } }), true);
});

Deno.test("the examples of recipes.md fit the schema, and are taken", () => {
  const page = Deno.readTextFileSync(new URL("../../../docs/recipes.md", import.meta.url));
  const examples = [...page.matchAll(/^```json\n(\{\n {2}"view1".*?)^```$/gms)];
  equal(examples.length, 2);
  for (const [, text] of examples) {
    equal(fits(schema, JSON.parse(text!)), true, text);
    const options = { path: "FILE", views: VIEW_RECIPES.cifar10, epochs: 200, stepsPerEpoch: 10 };
    parseAugmentSchedule(text!, options);
  }
});
