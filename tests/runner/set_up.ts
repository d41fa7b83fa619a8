/** Set-up as a program, with the seconds of what it does. */

import { projectRoot, requireSetup } from "../../src/setup/record.ts";
import { runProgram } from "./child.ts";
import type { StampedLine } from "./counts.ts";
import { type StepResult, stepWithoutTests } from "./report.ts";

/** Messages of set-up at the beginning of long steps. */
const STEPS: readonly [begins: RegExp, name: string][] = [
  [/^set-up: fetching libtorch /, "libtorch"],
  [/^set-up: fetching libjpeg-turbo /, "libjpeg-turbo"],
  [/^set-up: building the core/, "Rust build"],
  [/^set-up: (ready|fetching .*headers)/, "the rest"],
];
/** The line that tells where libtorch is, before the core is built. */
const LIBTORCH = /^set-up: libtorch \S+ in (.+)$/;
const TIMEOUT_SECONDS = 2400;

/** Options of running set-up. */
export interface SetUpOptions {
  signal: AbortSignal;
  /** Is told the folder of libtorch, before the core is built where that is to do. */
  onLibtorch: (folder: string) => void;
}

/** Runs set-up, whose words are printed as they come, and returns the steps that took a second or more. */
export async function runSetUp({ signal, onLibtorch }: SetUpOptions): Promise<StepResult[]> {
  const lines: StampedLine[] = [];
  const { success, seconds, stopped } = await runProgram({
    words: [Deno.execPath(), "run", "--allow-all", `${projectRoot}/src/setup/main.ts`],
    timeoutSeconds: TIMEOUT_SECONDS,
    signal,
    onLine: (line) => {
      console.log(line.text);
      const folder = LIBTORCH.exec(line.text)?.[1];
      if (folder !== undefined) onLibtorch(folder);
      lines.push(line);
    },
  });
  const steps = stepsOf(lines, seconds).filter((step) => step.seconds >= 1)
    .map((step) => stepWithoutTests("set-up", step.name, step.seconds));
  if (success) {
    onLibtorch(requireSetup().libtorch);
    return steps;
  }
  const counts = { passed: 0, failed: 1, skipped: 0 };
  const problems = [stopped ?? "the messages are above"];
  return [...steps, { ...stepWithoutTests("set-up", "set-up", 0), counts, problems }];
}

/** Returns what set-up did from when to when, by what it said. */
export function stepsOf(
  lines: readonly StampedLine[],
  end: number,
): { name: string; seconds: number }[] {
  const begun = lines.flatMap(({ text, seconds }) => {
    const name = STEPS.find(([begins]) => begins.test(text))?.[1];
    return name === undefined ? [] : [{ name, begins: seconds }];
  });
  const all = [{ name: "looking", begins: 0 }, ...begun];
  return all.map(({ name, begins }, index) => ({
    name,
    seconds: (all[index + 1]?.begins ?? end) - begins,
  }));
}
