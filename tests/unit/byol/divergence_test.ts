import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { CollapseWatch, FiniteCheck } from "../../../src/byol/divergence.ts";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import type { TrainRow } from "../../../src/byol/train_row.ts";
import { Learner } from "../../../src/native/learner.ts";
import { liveHandles } from "../../../src/native/core.ts";
import { NativeError } from "../../../src/native/native_error.ts";
import { demoImages, NETWORK, VIEWS } from "../../support/small_network.ts";

function row(step: number, changes: Partial<TrainRow> = {}): TrainRow {
  return {
    kind: "train",
    step,
    epoch: 1,
    loss: 4,
    learning_rate: 0.5,
    tau: 0.99,
    images_per_second: 1,
    embedding_std: 0.3,
    gradient_norm: 2,
    parameter_norm: 3,
    ...changes,
  };
}

Deno.test("a loss or a gradient that is not finite stops with step, rate, tau and the rows before", () => {
  for (const bad of [{ loss: NaN }, { gradient_norm: Infinity }]) {
    const check = new FiniteCheck();
    for (let step = 0; step < 9; step++) check.see(row(step));
    throws(() => check.see(row(9, bad)), (error: unknown) => {
      ok(error instanceof UserError);
      equal(error.exitCode, ExitCode.numbers);
      match(
        error.message,
        /after step 9: loss (NaN|4), gradient norm (2|Infinity) at learning rate 0.5/,
      );
      match(error.message, /tau 0.99/);
      deepEqual(
        error.message.match(/^ {2}step \d/gm),
        [4, 5, 6, 7, 8].map((step) => `  step ${step}`),
      );
      return true;
    });
  }
});

Deno.test("a collapse is said once, after so many rows in a row, and again after a recovery", () => {
  const watch = new CollapseWatch({ zDim: 16, collapseBelow: 0.1, collapseRows: 3 });
  const seen = (stds: number[]): boolean[] =>
    stds.map((embedding_std, step) => watch.see({ step, embedding_std }) !== undefined);
  // 0.1 / √16 = 0.025.
  deepEqual(seen([0.02, 0.02, 0.03, 0.02, 0.02]), [false, false, false, false, false]);
  deepEqual(seen([0.02, 0.02, 0.3, 0.01, 0, 0]), [true, false, false, false, false, true]);
});

Deno.test("a state with NaN in any of its tensors is not saved, and what was there stays", () => {
  const folder = Deno.makeTempDirSync();
  const path = join(folder, "state.safetensors");
  {
    using dataset = demoImages({ count: 16 });
    dataset.setRecipes(8, VIEWS);
    using learner = Learner.create(NETWORK);
    learner.save(path, { step: 0 });
    const before = Deno.readFileSync(path);
    dataset.makeViews(0, 0);
    learner.forwardBackward(dataset);
    learner.applyUpdate({ learningRate: 1e300, momentum: 0.9, weightDecay: 0, eta: 1e300 });
    const refused = (save: () => void): void =>
      throws(save, (error: unknown) => {
        ok(error instanceof NativeError);
        equal(error.code, "NotFinite", error.message);
        match(error.message, /Cannot save \S+\.\S+: it holds NaN or infinity/);
        return true;
      });
    refused(() => learner.save(path, {}));
    refused(() => learner.saveEncoder(path, {}));
    refused(() => learner.beginSave(path, { metadata: {}, syncFirst: [] }).close());
    deepEqual(Deno.readFileSync(path), before);
    deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["state.safetensors"]);
  }
  equal(liveHandles(), 0);
  Deno.removeSync(folder, { recursive: true });
});
