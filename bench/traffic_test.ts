import { deepEqual, equal, match } from "node:assert/strict";
import { projectRoot } from "../src/setup/record.ts";
import { encoderOf, learnedOf, trafficOf, updateBytesOf } from "./traffic.ts";

const WIDTHS = { hiddenDim: 16, zDim: 8 };

// native/src/training/learner/tests.rs counts the same numbers at the kernels of real learners.
Deno.test("the count of traffic is that of the kernels of a step of two images of 32 pixels", () => {
  for (
    const [network, stem, launches, bytes, withRanks, update] of [
      ["resnet20", "cifar", 186, 39_609_184, 248, 10_807_200],
      ["resnet18", "cifar", 195, 127_259_488, 260, 447_018_528],
      ["resnet50", "imagenet", 492, 47_576_416, 656, 941_221_408],
    ] as const
  ) {
    const encoder = encoderOf(network, 32, stem);
    const shape = { images: 2, elementBytes: 4 };
    const alone = trafficOf(encoder, WIDTHS, { ...shape, joint: false });
    deepEqual(alone, { launches, bytes, collectives: 0, gatheredBytes: 0 });
    const joint = trafficOf(encoder, WIDTHS, { ...shape, joint: true });
    equal(updateBytesOf(learnedOf(encoder, WIDTHS)), update);
    equal(joint.launches, withRanks);
    equal(joint.bytes, bytes);
    // A fourth of the launches merges what one collective has gathered.
    equal(joint.collectives, withRanks / 4);
  }
});

Deno.test("statistics of ResNet-18's normalisations are mean, variance and rows, and two sums backward", () => {
  const encoder = encoderOf("resnet18", 32, "cifar");
  const channels = encoder.norms.reduce((sum, norm) => sum + norm.channels, 0);
  equal(channels, 4800);
  const { gatheredBytes } = trafficOf(encoder, WIDTHS, {
    ...{ images: 1, elementBytes: 2, joint: true },
  });
  const [online, target] = [channels + 32, channels + 16];
  equal(gatheredBytes, 4 * (2 * (online + target) + 43 + 2 * online));
});

Deno.test("learned numbers are torchvision's without the classifier, and those of the heads", () => {
  // torchvision: 11,689,512 and 25,557,032, with 513,000 and 2,049,000 in the classifier.
  equal(encoderOf("resnet18", 224, "imagenet").parameters, 11_176_512);
  equal(encoderOf("resnet50", 224, "imagenet").parameters, 23_508_032);
  const head = (inputs: number): number => inputs * 16 + 2 * 16 + 16 * 8 + 8;
  const encoder = encoderOf("resnet20", 32, "cifar");
  equal(learnedOf(encoder, WIDTHS).all, encoder.parameters + head(64) + head(8));
});

Deno.test("the bench prints the count, and the rate that it leads to", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "bench/run.ts", "traffic", "--gpus=4", "--rate=20000"],
    cwd: projectRoot,
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  equal(code, 0);
  match(text, /\| gatherings of statistics \| 0 \| 65 \|/);
  // 512 images in 25.6 ms and 65 times 25 µs.
  match(text, /18806 images\/s on each GPU, 94\.0 % of 20000; 75225 on 4\./);
});
