/** Writes symbols.gen.ts from the core's own table; with --check fails where the file would change. */

import type { CommandSpec, Values } from "../base/command_line.ts";
import { ExitCode } from "../base/exit_codes.ts";
import { runProgram } from "../base/program.ts";
import { showLine } from "../base/output.ts";
import { requireSetup } from "../setup/record.ts";
import { TextBuffer } from "./text_buffer.ts";

const GEN = {
  name: "gen",
  summary: "Writes src/native/symbols.gen.ts from the core's own table of functions",
  options: {
    check: {
      option: "check",
      value: { kind: "flag" },
      help: "Write nothing; fail where the file would change",
      default: false,
    },
  },
} as const satisfies CommandSpec;

/** Short entries in a line of the file. */
const ENTRIES_OF_LINE = 3;

const target = new URL("./symbols.gen.ts", import.meta.url);

/** One function of the table. */
interface TableEntry {
  name: string;
  doc: string;
  /** Name and type of each argument, without the error buffer, which is the last argument. */
  arguments: [name: string, type: string][];
  /** Count of numbers that the function returns; 0 where its result is none or another. */
  numbers: number;
}

/** Returns a function's entry in SYMBOLS. */
function symbolEntry({ name, doc, arguments: list }: TableEntry): string {
  const types = [...list.map(([, type]) => type), "buffer"].map((type) => JSON.stringify(type));
  const names = [...list.map(([argument]) => argument), "error"].join(", ");
  return `  /** (${names}) ${doc} */\n  ${name}: { parameters: [${
    types.join(", ")
  }], result: "i32" },`;
}

/** Returns a function's entry in BINDERS. */
function binder({ name, arguments: list }: TableEntry): string {
  const values = list.map(([argument]) => argument);
  const bound = `(${values.join(", ")}) => core.${name}(${[...values, "error"].join(", ")})`;
  return `  ${name}: (core, error) => ${bound},`;
}

/** Names of the results (native/src/abi/results.rs), which stand last in a table's entry. */
const RESULTS: readonly string[] = ["text", "numbers", "count", "flag", "handle"];

/** Returns a function's entry in Results; none where the function has no result. */
function resultEntry({ name, arguments: list }: TableEntry): string[] {
  const [result = "", type] = list.at(-1) ?? [];
  return type === "buffer" && RESULTS.includes(result) ? [`${name}: "${result}";`] : [];
}

/** Returns short entries, several in a line. */
function inLines(entries: readonly string[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at < entries.length; at += ENTRIES_OF_LINE) {
    lines.push(`  ${entries.slice(at, at + ENTRIES_OF_LINE).join(" ")}`);
  }
  return lines;
}

/** Returns the generated file's text. */
function render(table: string): string {
  const { symbols, statuses } = JSON.parse(table) as {
    symbols: TableEntry[];
    statuses: [string, number][];
  };
  return [
    "// GENERATED from native/src/abi/ by `deno task gen`. Do not edit.",
    "// deno-fmt-ignore-file",
    "",
    'import type { Binders } from "./symbol_types.ts";',
    "",
    "/** Every function of the core. */",
    "export const SYMBOLS = {",
    ...symbols.map(symbolEntry),
    "} as const;",
    "",
    "/** Kind of result of each function that has one. */",
    "export interface Results {",
    ...inLines(symbols.flatMap(resultEntry)),
    "}",
    "",
    "/** Count of numbers that each function returns which returns numbers. */",
    "export const NUMBERS = {",
    ...inLines(
      symbols.filter(({ numbers }) => numbers > 0).map(({ name, numbers }) =>
        `${name}: ${numbers},`
      ),
    ),
    "} as const;",
    "",
    "/**",
    " * A binder of the error buffer for every function. Each bound function has code of its own, because V8 calls native",
    " * code directly only from code that always calls the same function.",
    " */",
    "export const BINDERS: Binders = {",
    ...symbols.map(binder),
    "};",
    "",
    "/** Names of the statuses, by number. */",
    `export const STATUS_NAMES: readonly string[] = ${
      JSON.stringify(statuses.map(([name]) => name))
    };`,
    "",
    "/** The table as the core describes it: another core is refused. */",
    `export const TABLE = ${JSON.stringify(table)};`,
    "",
  ].join("\n");
}

function main({ check }: Values<typeof GEN.options>): ExitCode {
  const record = requireSetup();
  for (const library of record.preload) Deno.dlopen(library, {});
  const core = Deno.dlopen(record.core, {
    byol_abi_describe: { parameters: ["buffer", "buffer"], result: "i32" },
  });
  const text = new TextBuffer(1 << 20);
  core.symbols.byol_abi_describe(text.start(), new TextBuffer().start());
  const rendered = render(JSON.stringify(JSON.parse(text.read())));
  if (!check) {
    Deno.writeTextFileSync(target, rendered);
  } else if (Deno.readTextFileSync(target) !== rendered) {
    showLine(
      "src/native/symbols.gen.ts is not what native/src/abi/ gives; run: deno task gen",
    );
    return ExitCode.unexpected;
  }
  return ExitCode.ok;
}

if (import.meta.main) await runProgram(GEN, main);
