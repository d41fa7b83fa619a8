/** Writes symbols.gen.ts from the core's own table; with --check only says whether it would change. */

import { requireSetup } from "../setup/record.ts";
import { TextBuffer } from "./text_buffer.ts";

const target = new URL("./symbols.gen.ts", import.meta.url);

/** The generated file's text. */
function render(table: string): string {
  const { symbols, statuses } = JSON.parse(table) as {
    symbols: { name: string; doc: string; arguments: [string, string][] }[];
    statuses: [string, number][];
  };
  const lines = symbols.map(({ name, doc, arguments: list }) => {
    const types = [...list.map(([, type]) => type), "buffer"].map((type) => JSON.stringify(type));
    const names = [...list.map(([argument]) => argument), "error"].join(", ");
    return `  /** (${names}) ${doc} */\n  ${name}: { parameters: [${
      types.join(", ")
    }], result: "i32" },`;
  });
  return [
    "// GENERATED from native/src/abi.rs by `deno task gen`. Do not edit.",
    "// deno-fmt-ignore-file",
    "",
    "/** Every function of the core. */",
    "export const SYMBOLS = {",
    ...lines,
    "} as const;",
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

if (import.meta.main) {
  const record = requireSetup();
  for (const library of record.preload) Deno.dlopen(library, {});
  const core = Deno.dlopen(record.core, {
    byol_abi_describe: { parameters: ["buffer", "buffer"], result: "i32" },
  });
  const text = new TextBuffer(1 << 20);
  core.symbols.byol_abi_describe(text.start(), new TextBuffer().start());
  const rendered = render(JSON.stringify(JSON.parse(text.read())));
  if (!Deno.args.includes("--check")) {
    Deno.writeTextFileSync(target, rendered);
  } else if (Deno.readTextFileSync(target) !== rendered) {
    console.error(
      "src/native/symbols.gen.ts is not what native/src/abi.rs gives; run: deno task gen",
    );
    Deno.exit(1);
  }
}
