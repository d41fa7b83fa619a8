/** The static checks: those that need no set-up, and those that need the core. */

import { join } from "node:path";
import { exists } from "../../src/base/files.ts";
import { cargoWords, manifestOf } from "../../src/setup/core.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { coreEnvironment } from "./cargo_tests.ts";
import { runProgram } from "./child.ts";
import type { StepResult } from "./report.ts";
import { TIMEOUT_SECONDS } from "./schedule.ts";

/** A static check. */
export interface Check {
  name: string;
  words: readonly string[];
  /** True where the check builds the core's sources, with the variables of set-up. */
  buildsCore?: boolean;
  /** A tool that some machines lack, and how to get it: the check is skipped loudly there. */
  tool?: { words: readonly string[]; missing: string };
}

/** Folders and files whose types are checked. */
const TYPED = ["mod.ts", "src", "tests", "bench", "examples"];

/** Returns the checks that need no set-up. */
export function earlyChecks(): Check[] {
  return [
    { name: "deno fmt", words: deno("fmt", "--check") },
    { name: "deno lint", words: deno("lint") },
    {
      name: "cargo fmt",
      words: ["cargo", "fmt", `--manifest-path=${manifestOf(projectRoot)}`, "--check"],
      tool: {
        words: ["cargo", "fmt", "--version"],
        missing: "cargo has no fmt here (rustup component add rustfmt)",
      },
    },
    { name: "docs are fresh", words: deno("task", "--quiet", "docs", "--check") },
  ];
}

/** Files of tests that are static checks and need no set-up. */
export const EARLY_TESTS = ["tests/layout_test.ts", "tests/words_test.ts"].filter((path) =>
  exists(join(projectRoot, path))
);

/** Returns the checks that need what set-up brings. */
export function lateChecks(): Check[] {
  return [
    {
      name: "cargo clippy",
      words: [...cargoWords(projectRoot, "clippy"), "--all-targets", "--", "-D", "warnings"],
      buildsCore: true,
      tool: {
        words: ["cargo", "clippy", "--version"],
        missing: "cargo has no clippy here (rustup component add clippy)",
      },
    },
    typesOf(TYPED),
    { name: "deno doc --lint", words: deno("doc", "--lint", "mod.ts") },
    { name: "generated symbols are fresh", words: deno("task", "--quiet", "gen", "--check") },
  ];
}

/** Returns the check of the types of some files, and of all that they import. */
export function typesOf(paths: readonly string[]): Check {
  return { name: "deno check", words: deno("check", ...paths) };
}

function deno(...words: string[]): string[] {
  return [Deno.execPath(), ...words];
}

/** Runs a check and prints what it wrote, in one piece. */
export async function runCheck(check: Check, signal: AbortSignal): Promise<StepResult> {
  const result = { part: "checks", name: check.name, tests: [], skipped: [], problems: [] };
  if (check.tool !== undefined && !await answers(check.tool.words, signal)) {
    const line = `SKIPPED: ${check.name} because ${check.tool.missing}`;
    console.log(`${line}\n`);
    const counts = { passed: 0, failed: 0, skipped: 1 };
    return { ...result, seconds: 0, counts, skipped: [line] };
  }
  const { success, output, seconds, cpuSeconds, stopped } = await runProgram({
    words: check.words,
    env: check.buildsCore ? await coreEnvironment() : {},
    timeoutSeconds: TIMEOUT_SECONDS.check,
    signal,
  });
  const end = `-- ${check.name}: ${success ? "passed" : "failed"} in ${seconds.toFixed(1)} s\n`;
  console.log(success ? end : `${output.trimEnd()}\n${end}`);
  const problems = success ? [] : [stopped ?? check.words.join(" ")];
  const counts = { passed: Number(success), failed: Number(!success), skipped: 0 };
  return { ...result, seconds, cpuSeconds, counts, problems };
}

async function answers(words: readonly string[], signal: AbortSignal): Promise<boolean> {
  return (await runProgram({ words, timeoutSeconds: 60, signal })).success;
}
