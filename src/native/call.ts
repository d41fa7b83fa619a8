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
import { BINDERS } from "./symbols.gen.ts";
import { ErrorBuffer, TextBuffer } from "./text_buffer.ts";
import { isExpected } from "../base/expected.ts";
import { showLine } from "../base/output.ts";

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

/** Calls a function that writes `count` numbers. @throws NativeError where its status is not Ok */
export function callNumbers<Name extends SymbolWith<"numbers">>(
  symbol: Name,
  count: number,
  ...values: ArgumentsBeforeResult<Name>
): Float64Array {
  const numbers = new Float64Array(count);
  const status = (openCore()[symbol] as Bound)(...values, numbers);
  if (status !== 0) throw failed(status, symbol);
  return numbers;
}

/**
 * Calls a function that writes a text; calls it again with a larger buffer where the text is longer than 64 KiB.
 *
 * @throws NativeError where its status is not Ok
 */
export function callText<Name extends SymbolWith<"text">>(
  symbol: Name,
  ...values: ArgumentsBeforeResult<Name>
): string {
  let text = shortText;
  for (;;) {
    const status = (openCore()[symbol] as Bound)(...values, text.start());
    if (status !== 0) throw failed(status, symbol);
    if (text.needed <= text.capacity) return text.read();
    text = new TextBuffer(text.needed + 4);
  }
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
