import { deepEqual, equal, ok } from "node:assert/strict";
import { projectRoot } from "../../src/setup/record.ts";
import { oracleFolder } from "../oracle.ts";

// The short form: that it runs and says what it left out. How fast anything is decides nothing here.
Deno.test("the bench of a step measures ours, its parts, and the peers that are installed", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", "bench/run.ts", "step", "--resnet_type=resnet20", "--batch_size=8"],
      ...["--rounds=1", "--peers=channels_last,lightly", "--format=json"],
    ],
    cwd: projectRoot,
    stdin: "null",
  }).output();
  const said = new TextDecoder().decode(stderr);
  equal(code, 0, said);
  const found: {
    steps: { what: string; rate: number; ratio?: number[] }[];
    views: { rate: number }[];
    parts: Record<string, number>;
    left: Record<string, string>;
  } = JSON.parse(new TextDecoder().decode(stdout));
  deepEqual(Object.keys(found.parts), ["views", "forward_backward", "update", "target"]);
  const shares = Object.values(found.parts).reduce((sum, share) => sum + share, 0);
  ok(Math.abs(shares - 1) < 1e-9, `the parts sum up to ${shares}`);
  const measured = [...found.steps, ...found.views].map(({ rate }) => rate);
  ok(measured.every((rate) => rate > 0), `rates of ${measured.join(", ")}`);
  for (const name of Object.keys(found.left)) ok(said.includes(`NOT MEASURED: ${name}`), said);
  // PyTorch is there or not; lightly is no part of what the tests install.
  const isThere = oracleFolder() !== undefined;
  equal("channels_last" in found.left, !isThere);
  equal(found.steps.length, isThere ? ("lightly" in found.left ? 3 : 4) : 2);
});
