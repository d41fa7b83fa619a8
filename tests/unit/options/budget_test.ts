import { deepEqual, equal, throws } from "node:assert/strict";
import { applyChoice, needsChoice } from "../../../src/options/budget.ts";
import { parseCommandLine, type ParsedCommandLine } from "../../../src/options/parse.ts";

function parsed(...args: string[]): ParsedCommandLine {
  return parseCommandLine("train", args, {
    variable: () => undefined,
    exists: () => false,
    cores: 1,
  });
}

/** Returns the recipe of a run whose budget has chosen so many epochs. */
function chosen(epochs: number, ...args: string[]) {
  const { config, origins } = parsed("--time_budget=2h", ...args);
  applyChoice(config, origins, { epochs, warmupEpochs: 3 });
  const { learningRate, tauBase, warmupEpochs, weightDecay } = config;
  return [config.epochs, warmupEpochs, learningRate, tauBase, weightDecay];
}

Deno.test("a budget leaves learning rate and tau as the recipe has them", () => {
  deepEqual(chosen(40, "--preset=byol_cifar10"), [40, 3, 2, 0.996, 1e-6]);
  deepEqual(chosen(7), [7, 3, 1, 0.97, 1e-6]);
});

Deno.test("DeepMind's presets take learning rate and tau of the row at or above", () => {
  const of = (epochs: number, ...args: string[]) =>
    chosen(epochs, "--preset=deepmind_300", ...args);
  deepEqual(of(12), [12, 3, 0.45 * 16, 0.97, 1e-6]);
  deepEqual(of(40), [40, 3, 0.45 * 16, 0.97, 1e-6]);
  deepEqual(of(41), [41, 3, 0.45 * 16, 0.99, 1e-6]);
  deepEqual(of(101), [101, 3, 0.3 * 16, 0.99, 1e-6]);
  deepEqual(of(301), [301, 3, 0.2 * 16, 0.996, 1e-6]);
  deepEqual(of(5000), [5000, 3, 0.2 * 16, 0.996, 1e-6]);
  // The rate is that of the batch; what the user gives stays.
  deepEqual(of(12, "--batch_size=512"), [12, 3, 0.9, 0.97, 1e-6]);
  deepEqual(of(12, "--lr_init=5", "--tau_base=0.9"), [12, 3, 5, 0.9, 1e-6]);
});

Deno.test("a chosen run needs no choice, and its options name the budget as the origin", () => {
  const { config, origins } = parsed("--time_budget=2h", "--preset=deepmind_300");
  equal(needsChoice(config, origins), true);
  applyChoice(config, origins, { epochs: 12, warmupEpochs: 1 });
  equal(needsChoice(config, origins), false);
  const { epochs, warmupEpochs, learningRate, tauBase, eta } = origins;
  deepEqual([epochs, warmupEpochs, learningRate, tauBase], Array(4).fill("--time_budget"));
  equal(eta, "preset deepmind_300");
  const plain = parsed("--nb_epochs=4");
  equal(needsChoice(plain.config, plain.origins), false);
});

Deno.test("what would decide the length beside a budget is refused", () => {
  const refused = (pattern: RegExp, ...args: string[]) =>
    throws(() => parsed("--time_budget=10m", ...args), pattern);
  refused(/--time_budget=10m with --nb_epochs=5: .*, expected one of the two/, "--nb_epochs=5");
  refused(/--time_budget=10m with --max_steps=5: .*, expected one of the two/, "--max_steps=5");
  refused(/--time_budget=10m with --resume=x\.safetensors: /, "--resume=x.safetensors");
  throws(() => parsed("--time_budget=10"), /--time_budget=10: expected a duration such as 90s/);
});
