/** Trains ResNet-18 for two steps on 32 images and prints the most memory that this took beside the networks, in MiB. */

import { Learner } from "../../src/native/learner.ts";
import { setThreads } from "../../src/native/core.ts";
import { demoImages, NETWORK, VIEWS } from "./small_network.ts";

/** A line of this process's status, in MiB. */
function memory(name: "VmRSS" | "VmHWM"): number {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m");
  return Number(line.exec(Deno.readTextFileSync("/proc/self/status"))?.[1]) / 1024;
}

setThreads(1);
using dataset = demoImages();
dataset.setRecipes(32, VIEWS);
using learner = Learner.create({
  ...NETWORK,
  resnetType: "resnet18",
  activationCheckpointing: Deno.args[0] === "true",
});
const networks = memory("VmRSS");
for (let step = 0; step < 2; step++) {
  dataset.makeViews(7, step);
  learner.forwardBackward(dataset);
  learner.applyUpdate({ learningRate: 0.5, momentum: 0.9, weightDecay: 1e-6, eta: 0.1 });
  learner.moveTarget(0.9);
}
console.log(memory("VmHWM") - networks);
