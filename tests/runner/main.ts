/**
 * Runs the whole suite: `deno task test [--oracle=install] [--only=PART] [-- FILTER …]`. Parts, in order: set-up,
 * units (TypeScript and Rust), parity, endurance, slurm. A filter picks TypeScript tests by a part of their name.
 *
 * The last line is `N passed, N failed`; the exit code is 0 only when all passed and at least one test ran.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { ExitCode, UserError } from "../../src/base/exit_codes.ts";
import { ensureSetup, requireSetup } from "../../src/setup/main.ts";
import { exists } from "../../src/base/files.ts";
import { cargoEnvironment, cargoWords } from "../../src/setup/core.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { exclusively } from "../../src/setup/session.ts";
import { countCargo, countJunit, type Counts, sumCounts, summary } from "./counts.ts";
import { installOracle } from "./oracle.ts";

const PARTS = ["set-up", "units", "parity", "endurance", "slurm"] as const;
type Part = typeof PARTS[number];

/** What the command line asks for. */
interface Request {
  parts: readonly Part[];
  installOracle: boolean;
  filters: string[];
}

/** What tests may do: all but reach another machine, or files that need every permission. */
const TEST_PERMISSIONS = [
  // Deno opens /dev/full, which the tests of full disks write to, for nothing less.
  "--allow-all",
];

function parseRequest(args: string[]): Request {
  const text = { type: "string" } as const;
  const options = { oracle: text, only: text };
  const { values, positionals } = parseArgs({
    args,
    options,
    strict: true,
    allowPositionals: true,
  });
  if (values.oracle !== undefined && values.oracle !== "install") {
    throw new UserError(
      `Cannot run with --oracle=${values.oracle}: expected install`,
      ExitCode.usage,
    );
  }
  const only = PARTS.find((part) => part === values.only);
  if (values.only !== undefined && only === undefined) {
    throw new UserError(
      `Cannot run with --only=${values.only}: expected one of ${PARTS.join(", ")}`,
      ExitCode.usage,
    );
  }
  return {
    parts: only === undefined ? PARTS : [only],
    installOracle: values.oracle === "install",
    filters: positionals,
  };
}

async function runPart(part: Part, request: Request): Promise<Counts> {
  switch (part) {
    case "set-up":
      await ensureSetup();
      return sumCounts([]);
    case "units": {
      const counts = [
        await runDeno(["tests/layout_test.ts", "tests/words_test.ts", "tests/runner/"], request),
        await runDeno(["tests/unit/", "tests/program/", "bench/"], request),
      ];
      if (request.filters.length === 0) counts.push(await runCargo());
      return sumCounts(counts);
    }
    default:
      if (!exists(join(projectRoot, "tests", part))) return sumCounts([]);
      if (part === "parity" && request.installOracle) await installOracle();
      return await runDeno([`tests/${part}/`], request);
  }
}

/** Runs TypeScript tests in a Deno of their own. */
async function runDeno(files: string[], { filters }: Request): Promise<Counts> {
  const folder = await Deno.makeTempDir({ prefix: "byol-tests-" });
  const [report, skips] = [join(folder, "junit.xml"), join(folder, "skips.txt")];
  const args = ["test", ...TEST_PERMISSIONS, `--junit-path=${report}`, "--permit-no-files"];
  if (filters.length > 0) args.push(`--filter=/${filters.map(escaped).join("|")}/`);
  try {
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: [...args, ...files],
      cwd: projectRoot,
      env: { BYOL_TEST_SKIPS: skips },
      stdin: "null",
    }).spawn().status;
    const counts = exists(report) ? countJunit(Deno.readTextFileSync(report)) : sumCounts([]);
    const lines = exists(skips) ? Deno.readTextFileSync(skips).trim().split("\n") : [];
    skipped.push(...lines);
    // A test that skips itself ends without an error: for Deno it has passed.
    counts.passed -= lines.length;
    // What a filter left out stands in the report as skipped.
    if (filters.length > 0) counts.skipped = 0;
    counts.skipped += lines.length;
    return withStatus(counts, success);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const skipped: string[] = [];

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

/** A program may fail before or after its tests: a file that does not compile, a leak at the end. */
function withStatus(counts: Counts, success: boolean): Counts {
  return success || counts.failed > 0 ? counts : { ...counts, failed: 1 };
}

async function runCargo(): Promise<Counts> {
  const { libtorch, libjpeg } = requireSetup();
  const [program = "", ...args] = cargoWords(projectRoot, "test");
  const environment = await exclusively(
    { root: projectRoot },
    (session) => cargoEnvironment({ root: projectRoot, libtorch }, session),
  );
  const child = new Deno.Command(program, {
    args,
    cwd: projectRoot,
    // One test at a time: some count the memory of the whole process.
    env: {
      ...environment,
      LD_LIBRARY_PATH: join(libtorch, "lib"),
      RUST_TEST_THREADS: "1",
      BYOL_LIBJPEG: libjpeg ?? "",
    },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let output = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    await Deno.stdout.write(new TextEncoder().encode(text));
  }
  return withStatus(countCargo(output), (await child.status).success);
}

async function main(request: Request): Promise<ExitCode> {
  const all: Counts[] = [];
  for (const part of request.parts) {
    console.log(`== ${part}`);
    const started = performance.now();
    const counts = await runPart(part, request);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`== ${part}: ${summary(counts)} in ${seconds} s\n`);
    all.push(counts);
  }
  for (const line of skipped) console.log(line);
  const total = sumCounts(all);
  console.log(summary(total));
  const testsWanted = request.parts.some((part) => part !== "set-up");
  return total.failed > 0 || (testsWanted && total.passed === 0)
    ? ExitCode.unexpected
    : ExitCode.ok;
}

try {
  Deno.exit(await main(parseRequest(Deno.args)));
} catch (error) {
  const usage = (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS") ?? false;
  if (!usage && !(error instanceof UserError)) throw error;
  console.error((error as Error).message);
  Deno.exit(error instanceof UserError ? error.exitCode : ExitCode.usage);
}
