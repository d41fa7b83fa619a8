/**
 * Coverage-guided fuzzing of the readers and of the boundary's JSON (native/fuzz/): `deno task bench fuzz
 * [--only=NAME,…] [--seconds=600]`. Needs cargo-fuzz (`cargo install cargo-fuzz`); any compiler will do. What is found
 * lands in .byol/fuzz-findings/, inputs that reach new code in .byol/fuzz-corpus/; the seeds of native/fuzz/
 * are the first inputs.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { cargoEnvironment } from "../../src/setup/core.ts";
import { projectRoot, requireSetup } from "../../src/setup/record.ts";
import { exclusively } from "../../src/setup/session.ts";

const TARGETS = [
  "safetensors",
  "pt",
  "cifar_binary",
  "cifar_python",
  "cifar_archive",
  "shards",
  "images",
  "json",
] as const;
/** Limits of memory other than a gigabyte: an image may claim half of that, and a TIFF twice as much. */
const MEGABYTES: Readonly<Record<string, number>> = { images: 2048 };
/** The only one that needs libtorch. */
const WITH_CORE = "json";

interface Row {
  target: string;
  runs: string;
  coverage: string;
  /** Peak of resident memory, MB. */
  peak: string;
  found: number;
}

/** Prints runs, coverage and findings of each target; the exit code is 1 where anything was found. */
export async function bench(args: string[]): Promise<void> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ args, options: { only: text, seconds: text } });
  const names = values.only?.split(",") ?? [...TARGETS];
  const seconds = Number(values.seconds ?? 600);
  const rows: Row[] = [];
  for (const target of names) rows.push(await fuzz(target, seconds));
  console.log(
    "| target | runs | edges covered | peak memory, MB | findings |\n| --- | --- | --- | --- | --- |",
  );
  for (const { target, runs, coverage, peak, found } of rows) {
    console.log(`| ${target} | ${runs} | ${coverage} | ${peak} | ${found} |`);
    if (found > 0) Deno.exitCode = 1;
  }
}

async function fuzz(target: string, seconds: number): Promise<Row> {
  const { libtorch } = requireSetup();
  const environment = {
    ...await exclusively(
      { root: projectRoot },
      (session) => cargoEnvironment({ root: projectRoot, libtorch }, session),
    ),
    LD_LIBRARY_PATH: join(libtorch, "lib"),
    CARGO_TARGET_DIR: join(projectRoot, ".byol", "fuzz"),
    // The stable compiler has the coverage that cargo-fuzz asks for, but not under its own name.
    RUSTC_BOOTSTRAP: "1",
  };
  const source = join(projectRoot, "native", "fuzz");
  const build = ["fuzz", "build", `--fuzz-dir=${source}`, "--sanitizer=none", target];
  if (target === WITH_CORE) build.push("--features=core");
  await run("cargo", build, environment);
  const corpus = join(projectRoot, ".byol", "fuzz-corpus", target);
  const findings = join(projectRoot, ".byol", "fuzz-findings", target);
  for (const folder of [corpus, findings]) await Deno.mkdir(folder, { recursive: true });
  const program = join(environment.CARGO_TARGET_DIR, TRIPLE, "release", target);
  // By a shell, which forks it: the peak of memory that Linux counts for a process, and that the fuzzer holds against
  // its limit, begins with the peak of the one that started it, and this one's grows with what the fuzzers print.
  const { stderr } = await run("sh", [
    "-c",
    '"$0" "$@"; exit $?',
    program,
    `-max_total_time=${seconds}`,
    "-max_len=8192",
    "-timeout=20",
    `-rss_limit_mb=${MEGABYTES[target] ?? 1024}`,
    `-artifact_prefix=${findings}/`,
    corpus,
    join(source, "seeds", target),
  ], environment);
  const last = (pattern: RegExp): string => [...stderr.matchAll(pattern)].at(-1)?.[1] ?? "?";
  return {
    target,
    runs: last(/^Done (\d+) runs/gm),
    coverage: last(/ cov: (\d+) /g),
    peak: last(/ rss: (\d+)Mb/g),
    found: [...Deno.readDirSync(findings)].length,
  };
}

const TRIPLE = "x86_64-unknown-linux-gnu";

/** Runs to the end; a build that fails ends the bench, a fuzzer that found something does not. */
async function run(
  program: string,
  args: string[],
  env: Record<string, string>,
): Promise<{ stderr: string }> {
  const { success, stderr } = await new Deno.Command(program, {
    args,
    env,
    cwd: projectRoot,
    stdin: "null",
    stdout: "null",
    stderr: program === "cargo" ? "inherit" : "piped",
  }).output().then((output) => ({
    success: output.success,
    stderr: program === "cargo" ? "" : new TextDecoder().decode(output.stderr),
  }));
  if (program === "cargo" && !success) {
    console.error("Cannot build the fuzz target: expected cargo-fuzz (cargo install cargo-fuzz)");
    Deno.exit(1);
  }
  return { stderr };
}
