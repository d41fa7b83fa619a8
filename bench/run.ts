/** `deno task bench NAME`: runs one of the benches in this folder; each prints a table. */

import { wantsHelp } from "../src/base/command_line.ts";

const BENCHES: Readonly<Record<string, string>> = {
  budget: "runs of the demo with --time_budget of 3, 6 and 12 minutes, three seeds each",
  demo: "training against the untrained encoder on the embedded images, three seeds",
  endurance: "200 kills, and the other long forms of what tests/endurance/ does in short",
  parity: "every number that is compared with PyTorch and torchvision, and the worst difference",
  baseline: "numbers, exit codes and options of a checkout, equal before and after a change",
  fuzz: "coverage-guided fuzzing of the readers and of the boundary's JSON, ten minutes each",
  ranks: "cost of collectives on one rank, and two ranks against two threads",
  traffic: "what batch normalisation moves and exchanges in a step on several GPUs, counted",
  step:
    "our step and its views beside PyTorch's, torch.compile's, lightly's and the reference program's",
  ffi: "share of a step that its calls into the core cost",
  online_probe: "share of a step that the online probe costs",
  pilots: "variants of --preset=cifar10_cpu on 10,000 CIFAR-10 images, three seeds each",
  rotation: "what the rotation auxiliary adds on CIFAR-10, at equal steps and at equal time",
  transfer:
    "linear transfer by logistic regression (BYOL, D.2) on digits and photos, beside no training",
  planted_errors: "errors planted one by one in the sources, and the tests that go red for each",
  loader:
    "photos to finished views: images a second and core, beside torchvision and libjpeg-turbo",
};

const [name, ...args] = Deno.args;
const list = Object.entries(BENCHES).map(([known, about]) => `  ${known}: ${about}`).join("\n");
if (wantsHelp(Deno.args)) {
  console.log(`Usage: deno task bench NAME [OPTIONS], where NAME is one of\n${list}`);
  Deno.exit(0);
}
if (name === undefined || !Object.hasOwn(BENCHES, name)) {
  console.error(`Cannot run the bench ${name ?? "(none)"}: expected one of\n${list}`);
  Deno.exit(2);
}
// What passes or fails stands with the tests.
const CAMPAIGNS = ["baseline", "endurance", "parity", "fuzz", "planted_errors"];
const folder = CAMPAIGNS.includes(name) ? "../tests/campaigns" : ".";
const { bench } = await import(`${folder}/${name}.ts`);
await bench(args);
