/** The program's `train` on so few of the embedded images that an epoch and an evaluation take a second. */

import { NORMALISATION } from "../../../src/recipes/views.ts";
import { parseCommandLine } from "../../../src/options/parse.ts";
import { thisEnvironment } from "../../../src/options/environment.ts";
import type { openData } from "../../../src/data/open.ts";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import { Dataset } from "../../../src/native/dataset.ts";
import { train } from "../../../src/commands/train/main.ts";

/** With --batch_size=8, eight steps an epoch. */
const IMAGES = { train: 64, test: 32 };

function openFew(
  config: Parameters<typeof openData>[0],
): Promise<{ train: Dataset; test: Dataset }> {
  const open = (train: boolean): Dataset =>
    Dataset.open({
      source: { kind: "demo", train, count: train ? IMAGES.train : IMAGES.test },
      dtype: config.dtype,
      workers: config.nbWorkers,
      normalisation: NORMALISATION.demo,
    });
  return Promise.resolve({ train: open(true), test: open(false) });
}

try {
  const parsed = parseCommandLine("train", Deno.args.slice(1), thisEnvironment());
  Deno.exitCode = await train(parsed, { openData: openFew });
} catch (error) {
  console.error(error instanceof UserError ? error.message : error);
  Deno.exitCode = error instanceof UserError ? error.exitCode : ExitCode.unexpected;
}
