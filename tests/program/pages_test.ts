/** The commands that README and docs/ show: each is one that the program accepts. */

import { deepEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { type CommandSpec, withOperands } from "../../src/base/command_line.ts";
import { type CommandName, COMMANDS, readCommand } from "../../src/options/commands/registry.ts";
import { parseCommandLine } from "../../src/options/parse.ts";
import { projectRoot } from "../../src/setup/record.ts";

/** Words that stand for something of the reader's, and a value that is right in their place. */
const STAND_INS: readonly [pattern: RegExp, value: string][] = [
  [/=(?:N|B)$/, "=2"],
  [/^--profile=P$/, "--profile=generic"],
  [/^--preset=NAME$/, "--preset=byol_cifar10"],
  [/=(?:…|\.\.\.)$/, "=DIR"],
];

/** A node with GPUs, on which every example runs. */
const MACHINE = { variable: () => undefined, exists: () => true, cores: 2, gpus: () => 4 };

/** A command on a page. */
interface Shown {
  page: string;
  text: string;
}

function pages(): string[] {
  const docs = [...Deno.readDirSync(join(projectRoot, "docs"))].map(({ name }) => `docs/${name}`);
  return ["README.md", "CONTRIBUTING.md", "checkpoints/README.md", ...docs]
    .filter((name) => name.endsWith(".md")).sort();
}

/** Returns the commands in code blocks and in code spans of a page, variables such as `$J` replaced by their values. */
function commandsOf(page: string): Shown[] {
  const text = Deno.readTextFileSync(join(projectRoot, page)).replaceAll(/\\\n\s*/g, "");
  const variables = [...text.matchAll(/^\s+([A-Z])="([^"]*)"$/gm)];
  const blocks = text.split("\n").filter((line) => /^ {4,}/.test(line));
  const spans = [...text.replaceAll("\n", " ").matchAll(/`([^`]*)`/g)].map(([, span = ""]) => span);
  return [...blocks, ...spans].flatMap((line) => {
    const filled = variables.reduce(
      (so, [, name, value]) => so.replaceAll(`$${name}`, value!),
      line,
    );
    const [, shown] = /\bdeno(?:@[\d.]+)? task ((?:[a-z-]+)(?: .*)?)$/.exec(filled.trim()) ?? [];
    return shown === undefined ? [] : [{ page, text: shown }];
  });
}

/** Checks the words of a command as the program does before it opens any file. */
function check(name: CommandName, words: string[]): void {
  const spec: CommandSpec = COMMANDS[name];
  // The page's mention of one option leaves out the required ones.
  const needsCheckpoint = ["eval", "embed", "export"].includes(name) ||
    words.includes("--job=eval");
  const required = [
    ...needsCheckpoint ? ["--checkpoint=FILE"] : [],
    ...name === "embed" ? ["--out=FILE.npy"] : [],
  ];
  const isGiven = (option: string): boolean => words.some((word) => word.startsWith(`${option}=`));
  const all = [...words, ...required.filter((option) => !isGiven(option.split("=")[0]!))];
  // The commands of Slurm take options of the kind of job that they are for.
  const beside = (spec.beside?.length ?? 0) > 1
    ? [all.includes("--job=eval") ? "eval" : "train"]
    : spec.beside;
  const { rest } = readCommand(spec, all, beside);
  if (name === "train") parseCommandLine("train", all, MACHINE);
  else if (beside?.join() === "train") parseCommandLine("train", rest, MACHINE);
}

/** Returns the words of a command, up to a comment, a quotation mark, or an ellipsis that leaves the rest to the reader. */
function wordsOf(text: string): string[] {
  const [command = ""] = text.split(/ +[#|>[]|["'`]| && |;/);
  const words = command.trim().split(/\s+/).filter((word) => !/^(?:…|\.\.\.)$/.test(word));
  return words.map((word) =>
    STAND_INS.reduce((so, [pattern, value]) => so.replace(pattern, value), word)
  );
}

Deno.test("each command that a page shows is one that the program accepts", () => {
  const { tasks } = JSON.parse(Deno.readTextFileSync(join(projectRoot, "deno.json")));
  const refused: string[] = [];
  let checked = 0;
  for (const { page, text } of pages().flatMap(commandsOf)) {
    const [name = "", ...options] = wordsOf(text);
    if (!Object.hasOwn(tasks, name)) refused.push(`${page}: ${text}: no such task`);
    // A command without options is a mention of its name.
    if (!Object.hasOwn(COMMANDS, name) || options.length === 0) continue;
    checked++;
    try {
      check(name as CommandName, withOperands(options, COMMANDS[name as CommandName]));
    } catch (error) {
      refused.push(`${page}: ${text}: ${(error as Error).message}`);
    }
  }
  ok(refused.length === 0, refused.join("\n"));
  ok(checked > 60, `${checked} commands were found`);
});

Deno.test("each bench that a page names exists", () => {
  const text = Deno.readTextFileSync(join(projectRoot, "bench/run.ts"));
  const benches = new Set([...text.matchAll(/^ {2}([a-z_]+):/gm)].map(([, name]) => name));
  const unknown = pages().flatMap(commandsOf).flatMap(({ page, text }) => {
    const [task, bench] = wordsOf(text);
    const isKnown = task !== "bench" || !bench || bench === "NAME" || benches.has(bench);
    return isKnown ? [] : [`${page}: ${text}`];
  });
  deepEqual(unknown, []);
});
