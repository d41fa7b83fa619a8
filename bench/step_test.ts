import { deepEqual, equal, ok } from "node:assert/strict";
import { projectRoot } from "../src/setup/record.ts";
import { shareOfPeak } from "./step_gpu.ts";
import { oracleEnvironment, oracleFolder } from "../tests/runner/oracle.ts";
import { skip } from "../tests/support/skip.ts";

/** JSON that the bench prints with --format=json. */
interface Found {
  steps: { what: string; rate: number; ratio?: number[] }[];
  views: { rate: number }[];
  parts: Record<string, number>;
  left: Record<string, string>;
}

async function bench(args: string[]): Promise<{ found: Found; said: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", "bench/run.ts", "step", "--resnet_type=resnet20", "--batch_size=8"],
      ...["--rounds=1", "--format=json", ...args],
    ],
    cwd: projectRoot,
    stdin: "null",
  }).output();
  const said = new TextDecoder().decode(stderr);
  equal(code, 0, said);
  return { found: JSON.parse(new TextDecoder().decode(stdout)), said };
}

// The short form: that it runs and says what it left out. How fast anything is decides nothing here.
Deno.test("the bench of a step measures ours, its parts, and the peers that are installed", async () => {
  const { found, said } = await bench(["--peers=channels_last,lightly"]);
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

// What a GPU is measured with, on the processor: rounds between two waits, and views that a loader's processes make.
Deno.test("the bench by the wall's clock measures steps with and without views, and each part alone", async () => {
  const { found } = await bench([
    ...["--clock=wall", "--peers=original", "--workers=1", "--variant=deterministic", "--parts"],
  ]);
  deepEqual(Object.keys(found.parts), ["views", "forward_backward", "update", "target"]);
  const isThere = oracleFolder() !== undefined;
  deepEqual(found.steps.map(({ what }) => what), [
    ...["ours", "ours without its views", "ours, --deterministic"],
    ...(isThere ? ["the reference program's shape: PIL views in a DataLoader, contiguous"] : []),
  ]);
  equal(found.views.length, isThere ? 3 : 1);
  const measured = [...found.steps, ...found.views].map(({ rate }) => rate);
  ok(measured.every((rate) => rate > 0 && rate < Infinity), `rates of ${measured.join(", ")}`);
});

Deno.test("the peers' step for GPUs is the plain program's, in float64", async () => {
  if (oracleFolder() === undefined) {
    return skip("PyTorch is not installed (run: deno task test --oracle=install)");
  }
  const { code, stderr } = await new Deno.Command("python3", {
    args: ["bench/peers/on_gpu.py"],
    cwd: projectRoot,
    env: oracleEnvironment(),
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
});

Deno.test("a share of a GPU's peak needs both figures, and is arithmetic over it", () => {
  const h100 = { name: "NVIDIA H100 80GB HBM3", teraflops: 989 };
  // 18,000 images of ResNet-18 at 8.96 GFLOP are 161 TFLOP/s.
  equal(shareOfPeak(h100, 18_000, 8.96)?.toFixed(4), "0.1631");
  equal(shareOfPeak(h100, 18_000, undefined), undefined);
  equal(shareOfPeak({ ...h100, teraflops: undefined }, 18_000, 8.96), undefined);
});
