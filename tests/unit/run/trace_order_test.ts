import { deepEqual, equal } from "node:assert/strict";
import { inOrder, meaningOf } from "../../../src/run/trace_order.ts";

/** Names of a trace in the order of a step. */
const IN_ORDER = [
  "view1",
  "view2",
  "online.before.encoder.conv1.weight",
  "online.before.predictor.3.weight",
  "target.before.encoder.conv1.weight",
  "momentum.before.encoder.conv1.weight",
  "target.after.encoder.layer1.0.bn1.running_mean",
  "target.after.projector.1.running_var",
  "online.after.encoder.bn1.running_mean",
  "online.after.encoder.layer1.0.bn1.running_var",
  "online.after.encoder.layer1.0.bn2.running_mean",
  "online.after.encoder.layer1.0.downsample.1.running_mean",
  "online.after.encoder.layer1.1.bn1.running_mean",
  "online.after.encoder.layer1.10.bn1.running_mean",
  "online.after.projector.1.running_mean",
  "online.after.predictor.1.running_mean",
  "loss",
  "grad.predictor.3.weight",
  "grad.projector.0.weight",
  "grad.encoder.layer1.0.bn1.weight",
  "grad.encoder.layer1.0.conv1.weight",
  "grad.encoder.bn1.weight",
  "grad.encoder.conv1.weight",
  "momentum.after.encoder.conv1.weight",
  "online.after.encoder.conv1.weight",
  "online.after.encoder.bn1.weight",
  "target.after.encoder.conv1.weight",
];

Deno.test("tensors stand in the order in which a step computes them", () => {
  deepEqual([...IN_ORDER].sort().sort(inOrder), IN_ORDER);
  deepEqual([...IN_ORDER].reverse().sort(inOrder), IN_ORDER);
});

Deno.test("names are told in words", () => {
  equal(
    meaningOf("online.after.encoder.layer1.0.bn1.running_var"),
    "the batch variance in front of encoder.layer1.0.bn1, online network",
  );
  equal(meaningOf("grad.encoder.conv1.weight"), "the gradient of encoder.conv1.weight");
  equal(meaningOf("view2"), "view 2");
  equal(meaningOf("rotation_logits"), "the rotation logits");
  equal(
    meaningOf("momentum.after.projector.0.weight"),
    "the momentum of projector.0.weight after the step",
  );
});
