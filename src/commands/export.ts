/** `export`: writes a checkpoint's encoder as files for other programs, with a model card. */

import { join } from "node:path";
import { replaceFile } from "../base/atomic_file.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import { printLine, showLine } from "../base/output.ts";
import { readForExport } from "../export/encoder.ts";
import { type ExportFormat, formatNamed } from "../export/formats.ts";
import { modelCard } from "../export/model_card.ts";
import { weightsFileOf } from "../run/checkpoint.ts";
import { EXPORT } from "../options/commands/export.ts";
import { readCommand } from "../options/commands/registry.ts";

/**
 * Exports a checkpoint.
 *
 * @returns the exit code: that of the first format that could not be written, or 0
 * @throws UserError for an unknown format, a missing or damaged checkpoint, and a folder that cannot be written
 */
export function main(args: readonly string[]): number {
  const { checkpoint, to, out } = readCommand(EXPORT, args).own;
  const forms = [...new Set(to)].map((name) => [name, formatNamed(name)] as const);
  const run = readForExport(weightsFileOf(checkpoint));
  let code: number = ExitCode.ok;
  const done: [string, ExportFormat][] = [];
  try {
    for (const [name, form] of forms) {
      try {
        const files = form.files(run);
        // Not before there is something to write.
        Deno.mkdirSync(out, { recursive: true });
        for (const [file, bytes] of Object.entries(files)) {
          replaceFile(join(out, file), bytes);
          printLine(`Wrote ${join(out, file)}`);
        }
        done.push([name, form]);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        showLine(error.message);
        if (code === ExitCode.ok) code = error.exitCode;
      }
    }
    if (done.length > 0) {
      const card = modelCard(run, done);
      replaceFile(join(out, "README.md"), card);
      printLine(`Wrote ${join(out, "README.md")}`);
    }
  } catch (error) {
    throw asUserError(error, ExitCode.save, { task: `write to ${out}` });
  }
  return code;
}
