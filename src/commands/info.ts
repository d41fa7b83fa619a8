/** `info`: describes a checkpoint, in a few lines or as JSON. */

import { ExitCode } from "../base/exit_codes.ts";
import { printLine } from "../base/output.ts";
import { INFO } from "../options/commands/info.ts";
import { readCommand } from "../options/commands/registry.ts";
import { describeOrThrow, metadataOf } from "../run/checkpoint.ts";

/**
 * Describes the checkpoint that `--checkpoint` names.
 *
 * @returns the exit code
 * @throws UserError for wrong options, and for a checkpoint that is missing or damaged
 */
export function main(args: readonly string[]): number {
  const { checkpoint, format } = readCommand(INFO, args).own;
  const found = describeOrThrow(checkpoint);
  const { step, epoch, config } = metadataOf(checkpoint, found);
  const { tensors, sha256 } = found;
  printLine(
    format === "json"
      ? JSON.stringify({ step, epoch, config, tensors, sha256 })
      : `step ${step}\nepoch ${epoch}\ntensors ${tensors}\nsha256 ${sha256}`,
  );
  return ExitCode.ok;
}
