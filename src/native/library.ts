/** The only place that opens native code: preloads libtorch, opens the core, refuses a core of another table. */

import { requireSetup } from "../setup/record.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { NativeError } from "./native_error.ts";
import { SYMBOLS, TABLE } from "./symbols.gen.ts";
import { ErrorBuffer, TextBuffer } from "./text_buffer.ts";

type Core = Deno.DynamicLibrary<typeof SYMBOLS>;
/** The core's functions, typed by the generated table. */
export type CoreSymbols = Core["symbols"];

let core: Core | undefined;
const preloaded: Deno.DynamicLibrary<Record<string, never>>[] = [];
const failure = new ErrorBuffer();

/** Opens the core on first use. @throws UserError (set-up) when it is missing or of another table */
export function openCore(path?: string): CoreSymbols {
  if (core !== undefined && path === undefined) return core.symbols;
  const record = requireSetup();
  // libc10 and libtorch_cpu by absolute path: the core's needs resolve to what is loaded.
  if (preloaded.length === 0) {
    spinBriefly();
    for (const library of record.preload) preloaded.push(Deno.dlopen(library, {}));
  }
  const file = path ?? record.core;
  const stale = (why: string): UserError =>
    new UserError(`Cannot use the core ${file}: ${why}; run: deno task setup`, ExitCode.setup);
  let opened: Core;
  try {
    opened = Deno.dlopen(file, SYMBOLS);
  } catch (error) {
    throw stale((error as Error).message);
  }
  const text = new TextBuffer();
  opened.symbols.byol_abi_describe(text.start(), failure.start());
  if (text.needed > text.capacity) {
    text.grow(text.needed);
    opened.symbols.byol_abi_describe(text.start(), failure.start());
  }
  if (text.read() !== JSON.stringify(JSON.parse(TABLE))) {
    opened.close();
    throw stale("it was built from another table of functions");
  }
  const lack = record.libjpeg === null ? undefined : useLibjpeg(opened.symbols, record.libjpeg);
  if (lack !== undefined) console.error(`Warning: ${lack}`);
  if (path === undefined) core = opened;
  return opened.symbols;
}

/**
 * Makes the core decode JPEG files with this libjpeg-turbo. One that cannot be opened, on a node where the file is gone
 * or of another system, is no reason to stop: the core decodes by itself.
 *
 * @returns why it does not, and the repair; undefined where it does
 */
export function useLibjpeg(symbols: CoreSymbols, path: string): string | undefined {
  const status = symbols.byol_core_use_libjpeg(json(path), failure.start());
  if (status === 0) return undefined;
  return `${failure.read()}: JPEG files are decoded by zune-jpeg, which is slower and differs by a few units in some ` +
    "pixels; run: deno task setup";
}

/**
 * libgomp's threads spin for milliseconds at each barrier by default: where anything else runs on the cores, that
 * costs a factor of ten. A short spin was as fast on idle cores. What the user set is left alone.
 */
function spinBriefly(): void {
  const chosen = ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"].some((name) => Deno.env.has(name));
  if (!chosen) Deno.env.set("GOMP_SPINCOUNT", "10000");
}

/** The buffer that the next call of the core is to write its error message to. */
export function errorBuffer(): Uint8Array<ArrayBuffer> {
  return failure.start();
}

/** Turns a status other than Ok into a NativeError. */
export function check(status: number, symbol: string): void {
  if (status !== 0) throw new NativeError(status, symbol, failure.read());
}

/** A JSON text as the core takes it: UTF-8, ended by a zero byte. */
export function json(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(
    JSON.stringify(value, (_key, item) => {
      if (typeof item === "number" && !Number.isFinite(item)) {
        throw new NativeError(
          1,
          "json",
          `Cannot pass ${item} to the core: expected a finite number`,
        );
      }
      return item;
    }) + "\0",
  );
}

/** Calls a function that writes a text, again with a larger buffer when the first was too small. */
export function readText(
  symbol: string,
  call: (text: Uint8Array<ArrayBuffer>, error: Uint8Array<ArrayBuffer>) => number,
): string {
  const text = new TextBuffer();
  check(call(text.start(), errorBuffer()), symbol);
  if (text.needed > text.capacity) {
    text.grow(text.needed);
    check(call(text.start(), errorBuffer()), symbol);
  }
  return text.read();
}

/** Calls a function that writes one u32, such as a handle. */
export function readU32(
  symbol: string,
  call: (out: Uint32Array<ArrayBuffer>, error: Uint8Array<ArrayBuffer>) => number,
): number {
  const out = new Uint32Array(1);
  check(call(out, errorBuffer()), symbol);
  return out[0] ?? 0;
}
