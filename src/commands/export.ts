/** `export`: a checkpoint's encoder as files of other programs, with a model card. */

import { join } from "node:path";
import { replaceFile } from "../base/atomic_file.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { readForExport } from "../export/encoder.ts";
import { type ExportFormat, formatNamed, FORMATS } from "../export/formats.ts";
import { modelCard } from "../export/model_card.ts";
import { readArguments, required } from "../report/run_data.ts";

/** The text of `export --help`. */
export const EXPORT_HELP =
  `Writes a checkpoint's encoder as files that other programs load, and a model card beside them.

  deno task export --checkpoint=FILE --to=torchvision,timm --out=DIR

  --checkpoint=FILE
      A checkpoint or encoder.safetensors of a run. Required.
  --to=FORMAT[,FORMAT …]
      Which files. Required.
${Object.entries(FORMATS).map(([name, { about }]) => `      ${name.padEnd(13)}${about}`).join("\n")}
  --out=DIR
      The folder, made where it is missing; files of the same names are replaced. Default: export

Weights are written in float32. A form that this checkpoint does not have is said, the others are written, and the exit
code tells it.`;

/**
 * Exports.
 *
 * @returns the exit code: that of the first form that could not be written
 * @throws UserError for an unknown form, a missing or damaged checkpoint, a folder that cannot be written
 */
export function exportCommand(args: readonly string[]): number {
  const given = readArguments(args, { command: "export", names: ["checkpoint", "to", "out"] });
  const path = required(given, "checkpoint", "export");
  const forms = [...new Set(required(given, "to", "export").split(","))].map(
    (name): [string, ExportFormat] => {
      const form = formatNamed(name);
      if (form !== undefined) return [name, form];
      throw new UserError(
        `Cannot export --to=${name}: expected ${Object.keys(FORMATS).join(", ")}`,
        ExitCode.usage,
      );
    },
  );
  const out = given.out?.at(-1) ?? "export";
  const run = readForExport(path);
  let code: number = ExitCode.ok;
  const done: [string, ExportFormat][] = [];
  try {
    Deno.mkdirSync(out, { recursive: true });
    for (const [name, form] of forms) {
      try {
        for (const [file, bytes] of Object.entries(form.files(run))) {
          replaceFile(join(out, file), bytes);
          console.log(`Wrote ${join(out, file)}`);
        }
        done.push([name, form]);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        console.error(error.message);
        if (code === ExitCode.ok) code = error.exitCode;
      }
    }
    if (done.length > 0) {
      const card = modelCard(run, done);
      replaceFile(join(out, "README.md"), card);
      console.log(`Wrote ${join(out, "README.md")}`);
    }
  } catch (error) {
    if (!Object.values(Deno.errors).some((Type) => error instanceof Type)) throw error;
    throw new UserError(`Cannot write to ${out}: ${(error as Error).message}`, ExitCode.save);
  }
  return code;
}
