/** Typed calls of the core's functions: each adds the error buffer, and throws where the status is not Ok. */

import { requireSetup } from "../setup/record.ts";
import { loadCore } from "./library.ts";
import { NativeError } from "./native_error.ts";
import type {
  Arguments,
  ArgumentsBeforeResult,
  BoundSymbols,
  SymbolName,
  SymbolWithResult,
} from "./symbol_types.ts";
import { BINDERS } from "./symbols.gen.ts";
import { ErrorBuffer, TextBuffer } from "./text_buffer.ts";
import { isExpected } from "../base/expected.ts";
import { showLine } from "../base/output.ts";

type Bound = (...values: unknown[]) => number;

let core: BoundSymbols | undefined;
// Every call ends before the next one begins, so all share these.
const failure = new ErrorBuffer();
const errorBytes = failure.start();
const word = new Uint32Array(1);
const shortText = new TextBuffer();

/** Opens the core on first use. @throws UserError (set-up) when it is missing or of another table */
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
export function call<Name extends SymbolName>(symbol: Name, ...values: Arguments<Name>): void {
  const status = openCore()[symbol](...values);
  if (status !== 0) throw failed(status, symbol);
}

/** Calls a function that writes one u32, such as a handle. @throws NativeError where its status is not Ok */
export function callU32<Name extends SymbolWithResult>(
  symbol: Name,
  ...values: ArgumentsBeforeResult<Name>
): number {
  const status = (openCore()[symbol] as Bound)(...values, word);
  if (status !== 0) throw failed(status, symbol);
  return word[0] ?? 0;
}

/** Calls a function that writes so many numbers. @throws NativeError where its status is not Ok */
export function callNumbers<Name extends SymbolWithResult>(
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
export function callText<Name extends SymbolWithResult>(
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

/** Returns the error that a function has written, and makes the buffer ready for the next one. */
function failed(status: number, symbol: SymbolName): NativeError {
  const message = failure.read();
  failure.start();
  return new NativeError(status, symbol, message);
}

/** Encodes a value as the core takes it: JSON in UTF-8, ended by a zero byte. */
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
 * Makes the core decode JPEG files with this libjpeg-turbo. One that cannot be opened, on a node where the file is gone
 * or of another system, is no reason to stop: the core decodes by itself.
 *
 * @returns the reason and the repair where it cannot be opened; else undefined
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
