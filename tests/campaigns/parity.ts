/**
 * Everything that is compared with PyTorch and torchvision, whole, as one table of worst differences.
 *
 *   deno task bench parity [--only=PART] [--data_dir=DIR] [--seeds=1,2,3,4,5] [--images=5000] [--epochs=2] [--keep=DIR]
 *   deno task bench parity --device=cuda
 *
 * --device compares steps alone, computed there on both sides: cuda, or cpu to try that form on a processor.
 * --data_dir is CIFAR-10's binary files: without them the part that learns, and the views of its images, are left out,
 * loudly. --images and --epochs are those of the part that learns: 10000 and 13 make 2,028 steps. --keep is where the runs of the part that learns leave their results: one that is there is not repeated.
 */

import { parseArgs } from "node:util";
import { ExitCode, UserError } from "../../src/base/exit_codes.ts";
import { coreInfo } from "../../src/native/core.ts";
import { oraclePath } from "../runner/oracle.ts";
import { EVALUATION_CHECKS } from "../parity/evaluation.ts";
import { NETWORK_CHECKS } from "../parity/networks.ts";
import type { ParityCheck } from "../parity/oracle.ts";
import { deviceStepChecks, STEP_CHECKS } from "../parity/steps.ts";
import { cifarViewsCheck, hasPhotos, PHOTO_CHECKS, VIEW_CHECKS } from "../parity/views.ts";
import { rowOf } from "./parity/checks.ts";
import { learningRows } from "./parity/learning.ts";
import { type ParityRow, parityTable } from "./parity/rows.ts";

const PARTS = ["networks", "steps", "views", "evaluation", "learning"] as const;
type Part = typeof PARTS[number];

/** Runs the parts and prints the table; the exit code is 1 where something differs by more than is allowed. */
export async function bench(args: string[]): Promise<void> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args,
    strict: true,
    options: {
      ...{ only: text, data_dir: text, seeds: text, images: text, epochs: text, keep: text },
      device: text,
    },
  });
  const only = PARTS.find((part) => part === values.only);
  if (values.only !== undefined && only === undefined) {
    throw new UserError(
      `Cannot run with --only=${values.only}: expected one of ${PARTS.join(", ")}`,
      ExitCode.usage,
    );
  }
  const device = values.device;
  if (device !== undefined && (device !== "cuda" && device !== "cpu" || only !== undefined)) {
    throw new UserError(
      `Cannot run with --device=${device}: expected cpu or cuda, without --only`,
      ExitCode.usage,
    );
  }
  const oracle = oraclePath();
  if (oracle === undefined) {
    throw new UserError(
      "Cannot compare with PyTorch: it is not installed; run: deno task test --oracle=install",
      ExitCode.setup,
    );
  }
  const dataDir = values.data_dir;
  const left: string[] = [];
  if (device !== undefined) {
    // Every GPU that this libtorch has kernels for and that mixed precision is meant for has bf16, or refuses it by name.
    const hasBf16 = device === "cuda" || coreInfo().bf16;
    if (!hasBf16) left.push("bf16, which this processor does not have");
    return report(
      await rowsOf(deviceStepChecks(device === "cuda" ? "mono-gpu" : "cpu", hasBf16)),
      left,
    );
  }
  const runPart = async (part: Part): Promise<ParityRow[]> => {
    if (part !== "learning") return await rowsOf(checksOf(part, dataDir, left));
    if (dataDir === undefined) {
      left.push("learning, which needs --data_dir");
      return [];
    }
    return await learningRows({
      dataDir,
      oracle,
      seeds: (values.seeds ?? "1,2,3,4,5").split(",").map(Number),
      images: Number(values.images ?? 5000),
      epochs: Number(values.epochs ?? 2),
      keep: values.keep ?? await Deno.makeTempDir(),
    });
  };
  const rows: ParityRow[] = [];
  for (const part of only === undefined ? PARTS : [only]) rows.push(...await runPart(part));
  report(rows, left);
}

function report(rows: readonly ParityRow[], left: readonly string[]): void {
  console.log(`\n${parityTable(rows)}`);
  for (const what of left) console.log(`LEFT OUT: ${what}`);
  if (rows.length === 0 || rows.some(({ ok }) => !ok)) Deno.exitCode = 1;
}

/** The whole comparisons of a part; `left` hears of those that cannot be made here. */
function checksOf(
  part: Exclude<Part, "learning">,
  dataDir: string | undefined,
  left: string[],
): ParityCheck[] {
  switch (part) {
    case "networks":
      return NETWORK_CHECKS.long;
    case "steps":
      return STEP_CHECKS.long;
    case "evaluation":
      return EVALUATION_CHECKS.long;
    case "views": {
      const checks = [...VIEW_CHECKS.long];
      if (hasPhotos()) checks.push(...PHOTO_CHECKS.long);
      else left.push("operations on photos, which need the folder that BYOL_DATA names");
      if (dataDir !== undefined) checks.push(cifarViewsCheck(dataDir));
      else left.push("training views of CIFAR-10's images, which need --data_dir");
      return checks;
    }
  }
}

async function rowsOf(checks: readonly ParityCheck[]): Promise<ParityRow[]> {
  const rows: ParityRow[] = [];
  for (const check of checks) rows.push(await rowOf(check));
  return rows;
}
