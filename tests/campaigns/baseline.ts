/**
 * The numbers of short trainings, exit codes and options of a checkout, to compare before and after a change.
 *
 *   deno task bench baseline --save=FILE [--root=DIR]
 *   deno task bench baseline --compare=FILE [--root=DIR] [--planned=NAME] …
 *
 * --root is the checkout that is measured; default: this one. The values hold on one kind of machine and stay outside
 * git: .byol/baseline.json is a good place. --compare prints what differs and exits with 1 for anything that is not
 * named by --planned (a name, or the beginning of one).
 */

import { cpus } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { ExitCode, UserError } from "../../src/base/exit_codes.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { differencesBetween, differencesTable } from "./baseline/differences.ts";
import { measureEndings } from "./baseline/endings.ts";
import { readOptions } from "./baseline/options.ts";
import { measureTrainings, type Values } from "./baseline/trainings.ts";

/** The content of a file of values. */
interface Baseline {
  /** The processor's model: sums on another one are other bits. */
  processor: string;
  values: Values;
}

/** Measures, saves and compares as the command line says; the exit code is 1 where something differs. */
export async function bench(args: string[]): Promise<void> {
  const text = { type: "string" } as const;
  const { values: given } = parseArgs({
    args,
    strict: true,
    options: { root: text, save: text, compare: text, planned: { ...text, multiple: true } },
  });
  if (given.save === undefined && given.compare === undefined) {
    throw new UserError(
      "Cannot measure without a purpose: expected --save=FILE or --compare=FILE",
      ExitCode.usage,
    );
  }
  const processor = cpus()[0]?.model ?? "unknown";
  const before = given.compare === undefined ? undefined : readBaseline(given.compare, processor);
  const values = await measure(resolve(given.root ?? projectRoot));
  if (given.save !== undefined) {
    Deno.writeTextFileSync(given.save, JSON.stringify({ processor, values }, null, 1) + "\n");
    console.log(`${Object.keys(values).length} values saved in ${given.save}`);
  }
  if (before === undefined) return;
  const differences = differencesBetween(before.values, values, given.planned ?? []);
  console.log(differencesTable(differences, values));
  if (differences.some(({ planned }) => !planned)) Deno.exitCode = ExitCode.unexpected;
}

async function measure(root: string): Promise<Values> {
  const folder = await Deno.makeTempDir({ prefix: "byol-baseline-" });
  const started = performance.now();
  const log = (line: string): void => {
    const seconds = Math.round((performance.now() - started) / 1000);
    console.error(`${String(seconds).padStart(4)} s  ${line}`);
  };
  try {
    return {
      ...await readOptions(root),
      ...await measureTrainings(root, folder, log),
      ...await measureEndings(root, folder, log),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Reads values. @throws UserError (usage) where they are of another processor */
function readBaseline(path: string, processor: string): Baseline {
  const baseline: Baseline = JSON.parse(Deno.readTextFileSync(path));
  if (baseline.processor === processor) return baseline;
  throw new UserError(
    `Cannot compare with ${path}: it was measured on ${baseline.processor}, expected ${processor}`,
    ExitCode.usage,
  );
}
