/**
 * The order of a recording's calls, and what follows a failure of each. No machine of the tests has a GPU: a learner that
 * writes down its calls stands in for the core's, and decides nothing that is asserted.
 */

import { deepEqual, equal, match, throws } from "node:assert/strict";
import { StepGraph } from "../../../src/byol/step_graph.ts";
import type { Dataset } from "../../../src/native/dataset.ts";
import type { Learner } from "../../../src/native/learner.ts";
import { NativeError } from "../../../src/native/native_error.ts";

const CONSTANTS = { momentum: 0.9, weightDecay: 1e-6, eta: 1e-3 };
const RATES = { learningRate: 1, tau: 0.99 };
const TORCH = 5;

/** A learner that records its calls, with views of a size, and a call that fails. */
class FakeLearner {
  readonly calls: string[] = [];
  recordedSize: number | undefined;
  #beginning: number | undefined;

  constructor(
    readonly views: { size: number },
    readonly options: { canRecord?: boolean; fails?: string } = {},
  ) {}

  #called(name: string): void {
    this.calls.push(name);
    if (this.options.fails === name) throw new NativeError(TORCH, name, "the driver refuses");
  }

  replay(): boolean {
    this.#called("replay");
    if (this.recordedSize === this.views.size) return true;
    this.recordedSize = undefined;
    return false;
  }

  beginRecording(): boolean {
    this.#called("begin");
    this.#beginning = this.views.size;
    return this.options.canRecord ?? true;
  }

  endRecording(): void {
    this.#called("end");
    this.recordedSize = this.#beginning;
  }

  dropRecording(): void {
    this.calls.push("drop");
    this.recordedSize = undefined;
  }
}

function graphOf(learner: FakeLearner, options: Partial<typeof CONSTANTS> = {}): {
  steps(count: number, body?: () => void): void;
  warnings: string[];
} {
  const warnings: string[] = [];
  const graph = new StepGraph(learner as unknown as Learner, {
    ...{ enabled: true, ...CONSTANTS, ...options },
    warn: (line) => warnings.push(line),
  });
  return {
    warnings,
    steps: (count, body = () => learner.calls.push("body")) => {
      for (let step = 0; step < count; step++) graph.run({} as Dataset, RATES, body);
    },
  };
}

Deno.test("three steps run live, the fourth is recorded, later ones are replayed", () => {
  const learner = new FakeLearner({ size: 24 });
  graphOf(learner).steps(6);
  deepEqual(learner.calls, [
    ...["replay", "body", "replay", "body", "replay", "body"],
    ...["replay", "begin", "body", "end", "replay", "replay"],
  ]);
});

Deno.test("views of another size warm up and are recorded anew", () => {
  const learner = new FakeLearner({ size: 24 });
  const { steps } = graphOf(learner);
  steps(5);
  learner.views.size = 32;
  learner.calls.length = 0;
  steps(5);
  deepEqual(learner.calls, [
    ...["replay", "body", "replay", "body", "replay", "body"],
    ...["replay", "begin", "body", "end", "replay"],
  ]);
});

Deno.test("a step that cannot be recorded runs live, and is not asked about again", () => {
  const learner = new FakeLearner({ size: 24 }, { canRecord: false });
  const { steps, warnings } = graphOf(learner);
  steps(6);
  equal(learner.calls.filter((name) => name === "begin").length, 1);
  equal(learner.calls.filter((name) => name === "body").length, 6);
  deepEqual(warnings, []);
});

Deno.test("a recording that fails is dropped with one warning, and its step runs live", () => {
  for (const fails of ["begin", "end"]) {
    const learner = new FakeLearner({ size: 24 }, { fails });
    const { steps, warnings } = graphOf(learner);
    steps(3);
    learner.calls.length = 0;
    steps(3);
    const recorded = fails === "begin" ? ["begin"] : ["begin", "body", "end"];
    deepEqual(learner.calls, ["replay", ...recorded, "drop", "body", "body", "body"]);
    equal(warnings.length, 1);
    match(warnings[0]!, /^Cannot record a step as a CUDA graph: the driver refuses; every step/);
  }
});

Deno.test("a body that fails while it is recorded alone runs live; a fault of the program is thrown", () => {
  const learner = new FakeLearner({ size: 24 });
  const { steps, warnings } = graphOf(learner);
  let isRecording = (): boolean => learner.calls.at(-1) === "begin";
  const body = (): void => {
    if (isRecording()) throw new NativeError(TORCH, "byol_learner_forward_backward", "no capture");
    learner.calls.push("body");
  };
  steps(5, body);
  equal(learner.calls.filter((name) => name === "body").length, 5);
  equal(warnings.length, 1);
  const other = new FakeLearner({ size: 24 });
  isRecording = () => other.calls.at(-1) === "begin";
  throws(() =>
    graphOf(other).steps(4, () => {
      if (isRecording()) throw new TypeError("a bug");
    }), TypeError);
  equal(other.calls.at(-1), "drop");
});

Deno.test("other constants drop a recording, the same ones keep it", () => {
  const learner = new FakeLearner({ size: 24 });
  graphOf(learner).steps(4);
  learner.calls.length = 0;
  graphOf(learner).steps(1);
  deepEqual(learner.calls, ["replay"]);
  graphOf(learner, { eta: 0.5 }).steps(1);
  deepEqual(learner.calls, ["replay", "drop", "replay", "body"]);
});
