/** The tests of the Rust core. */

import { join } from "node:path";
import { cargoEnvironment, cargoWords } from "../../src/setup/core.ts";
import { projectRoot, requireSetup } from "../../src/setup/record.ts";
import { exclusively } from "../../src/setup/session.ts";
import { runProgram } from "./child.ts";
import { countCargo, readCargo, type StampedLine, summary } from "./counts.ts";
import type { StepResult } from "./report.ts";
import { TIMEOUT_SECONDS } from "./schedule.ts";

/** Returns the variables under which cargo builds as set-up does, so that nothing is built twice. */
export async function coreEnvironment(): Promise<Record<string, string>> {
  const { libtorch } = requireSetup();
  return await exclusively(
    { root: projectRoot, quiet: true },
    (session) => cargoEnvironment({ root: projectRoot, libtorch }, session),
  );
}

/** Builds and runs the Rust tests, prints what they wrote in one piece, and returns two steps: build and tests. */
export async function runCargoTests(
  environment: Record<string, string>,
  signal: AbortSignal,
): Promise<StepResult[]> {
  const { libtorch, libjpeg } = requireSetup();
  const lines: StampedLine[] = [];
  const { success, output, seconds, cpuSeconds, stopped } = await runProgram({
    words: cargoWords(projectRoot, "test"),
    env: {
      ...environment,
      LD_LIBRARY_PATH: join(libtorch, "lib"),
      // One test at a time: some count the memory of the whole process.
      RUST_TEST_THREADS: "1",
      // The other core belongs to the tests beside.
      CARGO_BUILD_JOBS: "1",
      OMP_NUM_THREADS: "1",
      BYOL_LIBJPEG: libjpeg ?? "",
    },
    timeoutSeconds: TIMEOUT_SECONDS.cargo,
    signal,
    onLine: (line) => lines.push(line),
  });
  const counts = countCargo(output);
  const problems: string[] = [];
  if (!success && (counts.failed === 0 || stopped !== undefined)) {
    counts.failed += 1;
    problems.push(stopped ?? "cargo failed beside its tests");
  }
  const built = lines.find(({ text }) => /^running \d+ tests?$/.test(text))?.seconds ?? seconds;
  console.log(`${output.trimEnd()}\n-- Rust: ${summary(counts)} in ${seconds.toFixed(1)} s\n`);
  const none = { passed: 0, failed: 0, skipped: 0 };
  const build = { counts: none, tests: [], skipped: [], problems: [] };
  return [
    { part: "units", name: "Rust tests: build", seconds: built, ...build },
    {
      part: "units",
      name: "Rust tests, and processors of the build",
      seconds: seconds - built,
      cpuSeconds,
      counts,
      tests: readCargo(lines),
      skipped: [...ignoredOf(lines), ...withoutLibjpeg(libjpeg)],
      problems,
    },
  ];
}

/** Returns a line on the part of the tests of decoders that runs with libjpeg-turbo alone. */
function withoutLibjpeg(libjpeg: string | null | undefined): string[] {
  if (libjpeg) return [];
  return ["SKIPPED: Rust tests of libjpeg-turbo's decoder because set-up found no libjpeg-turbo"];
}

function ignoredOf(lines: readonly StampedLine[]): string[] {
  return lines.flatMap(({ text }) => {
    const [, name, reason] = /^test (.+) \.\.\. ignored(?:, (.+))?$/.exec(text) ?? [];
    return name === undefined ? [] : [`SKIPPED: ${name} because ${reason ?? "it is ignored"}`];
  });
}
