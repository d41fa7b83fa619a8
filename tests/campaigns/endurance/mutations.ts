/**
 * Damaged files and options, read through the functions that the program calls: the long form of
 * native/tests/hostile/, which cargo builds and runs.
 */

import { join } from "node:path";
import { cargoEnvironment, cargoWords } from "../../../src/setup/core.ts";
import { projectRoot, requireSetup } from "../../../src/setup/record.ts";
import { exclusively } from "../../../src/setup/session.ts";
import type { EnduranceRow } from "./row.ts";

/** Line of JSON that native/tests/hostile/main.rs writes for one form. */
interface Tally {
  form: string;
  times: number;
  /** Runs whose damage left a valid file. */
  accepted: number;
  /** The most memory that one run held beside the file, in bytes. */
  peakBytes: number;
  /** Bytes that were not freed at the end. */
  leftBytes: number;
  /** By how much the process's resident set has grown. */
  grownBytes: number;
  failures: string[];
}

/** Reads so many damaged files; each form has its share of them. */
export async function mutations(times: number): Promise<EnduranceRow[]> {
  const { libtorch } = requireSetup();
  const [program = "", ...args] = cargoWords(projectRoot, "test");
  const environment = await exclusively(
    { root: projectRoot },
    (session) => cargoEnvironment({ root: projectRoot, libtorch }, session),
  );
  const folder = await Deno.makeTempDir();
  const file = join(folder, "rows");
  try {
    const { success } = await new Deno.Command(program, {
      args: [...args, "--test=hostile", "damaged_files"],
      cwd: projectRoot,
      env: {
        ...environment,
        LD_LIBRARY_PATH: join(libtorch, "lib"),
        BYOL_MUTATIONS: `${times}`,
        BYOL_MUTATION_ROWS: file,
      },
      stdin: "null",
      stdout: "null",
    }).spawn().status;
    const rows = (await Deno.readTextFile(file)).trim().split("\n").map(rowOf);
    const failed = rows.some(({ failures }) => failures.length > 0);
    if (!success && !failed) rows[0]!.failures.push("cargo's test failed: its output is above");
    return rows;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function rowOf(line: string): EnduranceRow {
  const tally: Tally = JSON.parse(line);
  const kilobytes = (bytes: number): string => `${Math.ceil(bytes / 1000)} kB`;
  const found = [
    `${tally.times - tally.accepted} refused`,
    `at most ${kilobytes(tally.peakBytes)} held for one`,
    `${kilobytes(tally.leftBytes)} left at the end`,
  ];
  const { form, times, failures } = tally;
  return { form: `damaged: ${form}`, times, found: found.join(", "), failures };
}
