/** Opening of the core: preloads libtorch, opens the core, refuses a core of another table. */

import type { SetupRecord } from "../setup/record.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import type { CoreSymbols } from "./symbol_types.ts";
import { SYMBOLS, TABLE } from "./symbols.gen.ts";
import { ErrorBuffer, TextBuffer } from "./text_buffer.ts";

const preloaded: Deno.DynamicLibrary<Record<string, never>>[] = [];

/**
 * Opens the core of set-up, or another file in its place.
 *
 * @throws UserError (set-up) when the core is missing or has another table
 */
export function loadCore(record: SetupRecord, file = record.core): CoreSymbols {
  preload(record);
  const stale = (why: string): UserError =>
    new UserError(`Cannot use the core ${file}: ${why}; run: deno task setup`, ExitCode.setup);
  let core: Deno.DynamicLibrary<typeof SYMBOLS>;
  try {
    core = Deno.dlopen(file, SYMBOLS);
  } catch (error) {
    throw stale((error as Error).message);
  }
  // A table that does not fit into the buffer is of another core.
  const text = new TextBuffer(TABLE.length + 1024);
  core.symbols.byol_abi_describe(text.start(), new ErrorBuffer().start());
  if (text.read() !== JSON.stringify(JSON.parse(TABLE))) {
    core.close();
    throw stale("it was built from another table of functions");
  }
  return core.symbols;
}

/** Opens libc10 and libtorch_cpu by absolute path: the core's needs resolve to loaded libraries. */
function preload(record: SetupRecord): void {
  if (preloaded.length > 0) return;
  spinBriefly();
  for (const library of record.preload) preloaded.push(Deno.dlopen(library, {}));
}

/**
 * libgomp's threads spin for milliseconds at each barrier by default: beside other programs on the
 * cores, spinning costs a factor of ten. A short spin was as fast on idle cores. Variables of the user are kept.
 */
function spinBriefly(): void {
  const chosen = ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"].some((name) => Deno.env.has(name));
  if (!chosen) Deno.env.set("GOMP_SPINCOUNT", "10000");
}
