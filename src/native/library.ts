/** Opening of the core: preloads libtorch, opens the core, refuses a core of another table. */

import type { SetupRecord } from "../setup/record.ts";
import { REPAIR } from "../setup/setup_error.ts";
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
export function loadCore(
  record: Pick<SetupRecord, "core" | "preload">,
  file = record.core,
): CoreSymbols {
  preload(record);
  const core = open(file, { symbols: SYMBOLS, name: "the core" });
  // A table that does not fit into the buffer is of another core.
  const text = new TextBuffer(TABLE.length + 1024);
  core.symbols.byol_abi_describe(text.start(), new ErrorBuffer().start());
  if (text.read() !== JSON.stringify(JSON.parse(TABLE))) {
    core.close();
    throw new UserError(
      `Cannot use the core ${file}: it was built from another table of functions; run: ${REPAIR}`,
      ExitCode.setup,
    );
  }
  return core.symbols;
}

/** Opens libc10 and libtorch_cpu by absolute path: the core's needs resolve to loaded libraries. */
function preload(record: Pick<SetupRecord, "preload">): void {
  if (preloaded.length > 0) return;
  spinBriefly();
  for (const library of record.preload) {
    preloaded.push(open(library, { symbols: {}, name: "libtorch" }));
  }
}

/** Message of the dynamic linker for a file that it may not execute, or for which no addresses are left. */
const NOT_MAPPED = "failed to map segment from shared object";

/** Opens a library. @throws UserError (set-up) with what helps: another set-up puts no library on another disk */
function open<Symbols extends Deno.ForeignLibraryInterface>(
  file: string,
  { symbols, name }: { symbols: Symbols; name: string },
): Deno.DynamicLibrary<Symbols> {
  try {
    return Deno.dlopen(file, symbols);
  } catch (error) {
    const { message } = error as Error;
    const repair = message.includes(NOT_MAPPED)
      ? "its disk is mounted noexec, or ulimit -v is too low; expected a disk that programs may be run from, which " +
        `this command shows: findmnt -T ${file}`
      : `run: ${REPAIR}`;
    throw new UserError(`Cannot use ${name} ${file}: ${message}; ${repair}`, ExitCode.setup);
  }
}

/**
 * libgomp's threads spin for milliseconds at each barrier by default: beside other programs on the
 * cores, spinning costs a factor of ten. A short spin was as fast on idle cores. Variables of the user are kept.
 */
function spinBriefly(): void {
  const chosen = ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"].some((name) => Deno.env.has(name));
  if (!chosen) Deno.env.set("GOMP_SPINCOUNT", "10000");
}
