/** Typed calls of the core's functions. Each call adds the error buffer, and throws where the status is not Ok. */

import { requireSetup } from "../setup/record.ts";
import { loadCore } from "./library.ts";
import { NativeError } from "./native_error.ts";
import type {
  Arguments,
  ArgumentsBeforeResult,
  BoundSymbols,
  SymbolName,
  SymbolWith,
  SymbolWithoutResult,
} from "./symbol_types.ts";
import { BINDERS, NUMBERS } from "./symbols.gen.ts";
import { ErrorBuffer, TextBuffer } from "./text_buffer.ts";
import { isExpected } from "../base/expected.ts";
import { showLine } from "../base/output.ts";

/** Function that gives the last text that did not fit its buffer. */
const LONG_TEXT = "byol_core_long_text";

type Bound = (...values: unknown[]) => number;

let core: BoundSymbols | undefined;
// All calls share these buffers: a call ends before the next one begins.
const failure = new ErrorBuffer();
const errorBytes = failure.start();
const word = new Uint32Array(1);
const shortText = new TextBuffer();

/** Returns the core, which is opened at the first call. @throws UserError (set-up) when it is missing or outdated */
export function openCore(): BoundSymbols {
  if (core !== undefined) return core;
  const record = requireSetup();
  const symbols = loadCore(record);
  const bound = Object.entries(BINDERS).map(([name, bind]) => [name, bind(symbols, errorBytes)]);
  core = Object.fromEntries(bound) as BoundSymbols;
  const lack = record.libjpeg === null ? undefined : useLibjpeg(record.libjpeg);
  if (lack !== undefined) showLine(`Warning: ${lack}`);
  return core;
}

/** Calls a function. @throws NativeError where its status is not Ok */
export function call<Name extends SymbolWithoutResult>(
  symbol: Name,
  ...values: Arguments<Name>
): void {
  const status = openCore()[symbol](...values);
  if (status !== 0) throw failed(status, symbol);
}

/** Calls a function that writes one u32, such as a handle. @throws NativeError where its status is not Ok */
export function callU32<Name extends SymbolWith<"count" | "flag" | "handle">>(
  symbol: Name,
  ...values: ArgumentsBeforeResult<Name>
): number {
  const status = (openCore()[symbol] as Bound)(...values, word);
  if (status !== 0) throw failed(status, symbol);
  return word[0] ?? 0;
}

/** Calls a function that writes numbers, as many as the table says. @throws NativeError where its status is not Ok */
export function callNumbers<Name extends SymbolWith<"numbers">>(
  symbol: Name,
  ...values: ArgumentsBeforeResult<Name>
): Float64Array {
  const numbers = new Float64Array(NUMBERS[symbol]);
  const status = (openCore()[symbol] as Bound)(...values, numbers);
  if (status !== 0) throw failed(status, symbol);
  return numbers;
}

/**
 * Calls a function that writes a text. The core keeps a text of more than 64 KiB, which a second call then fetches: the
 * function itself is called once.
 *
 * @throws NativeError where its status is not Ok
 */
export function callText<Name extends SymbolWith<"text">>(
  symbol: Name,
  ...values: ArgumentsBeforeResult<Name>
): string {
  const status = (openCore()[symbol] as Bound)(...values, shortText.start());
  if (status !== 0) throw failed(status, symbol);
  if (shortText.needed <= shortText.capacity) return shortText.read();
  const text = new TextBuffer(shortText.needed + 4);
  const fetched = openCore()[LONG_TEXT](text.start());
  if (fetched !== 0) throw failed(fetched, LONG_TEXT);
  return text.read();
}

/** Returns the error of a failed call, and clears the error buffer. */
function failed(status: number, symbol: SymbolName): NativeError {
  const message = failure.read();
  failure.start();
  return new NativeError(status, symbol, message);
}

/** Encodes a value for the core: JSON in UTF-8, ended by a zero byte. */
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

/**
 * Makes the core decode JPEG files with a libjpeg-turbo. Where the library cannot be opened, as on a node of another
 * system, the core decodes by itself.
 *
 * @returns a warning with the repair where the library cannot be opened; undefined otherwise
 */
export function useLibjpeg(path: string): string | undefined {
  try {
    call("byol_core_use_libjpeg", json(path));
    return undefined;
  } catch (error) {
    if (!isExpected(error)) throw error;
    return `${error.message}: JPEG files are decoded by zune-jpeg, which is slower and differs by a few units in some ` +
      "pixels; run: deno task setup";
  }
}
