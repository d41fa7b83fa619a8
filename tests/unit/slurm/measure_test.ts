import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { UserError } from "../../../src/base/exit_codes.ts";
import { PLAN } from "../../../src/options/commands/slurm.ts";
import { environmentOfOne } from "../../../src/options/environment.ts";
import { measureRank, speedOf } from "../../../src/slurm/measure.ts";
import { readRequest, type Request } from "../../../src/slurm/request.ts";

function requestOf(...args: string[]): Request {
  const small = ["--hidden_dim=16", "--z_dim=8", "--threads=1", "--batch_size=16"];
  const environment = environmentOfOne();
  return readRequest([...small, ...args], { spec: PLAN, environment }).request;
}

Deno.test("a rank's speed is that of the steps after the first", async () => {
  const { rate, steps } = await measureRank(requestOf(), 2);
  equal(steps, 2);
  ok(rate > 1 && rate < 100_000, `${rate} images/s`);
});

Deno.test("a speed is that of the warm steps, or of the first where there is no other", () => {
  deepEqual(speedOf([1, 9, 5, 7]), { rate: 7, steps: 3, isFirst: false });
  deepEqual(speedOf([1, 9]), { rate: 9, steps: 1, isFirst: false });
  deepEqual(speedOf([4]), { rate: 4, steps: 1, isFirst: true });
  equal(speedOf([]), undefined);
});

Deno.test("a short run that ends no step in time is ended at once, and names the way out", async () => {
  const before = performance.now();
  // One step of these takes minutes.
  const slow = ["--batch_size=4096", "--resnet_type=resnet50", "--dataset_name=demo"];
  await rejects(measureRank(requestOf(...slow), 3, 3), (error) => {
    ok(error instanceof UserError);
    match(error.message, /in 3 s the short run did 0 steps, expected 1 or more; --images_per_s/);
    return true;
  });
  ok(performance.now() - before < 15_000);
});

Deno.test("a short run that fails is an error with its own message", async () => {
  await rejects(
    measureRank(
      requestOf("--dataset_name=folder", "--resnet_type=resnet18", "--data_dir=/none"),
      1,
    ),
    /ended with exit code 3, expected 0; [\s\S]*Cannot find the images/,
  );
});
