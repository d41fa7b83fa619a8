import { STATUS_NAMES } from "./symbols.gen.ts";

/** A function of the core refused or failed. */
export class NativeError extends Error {
  /** Always "NativeError". */
  override readonly name = "NativeError";
  /** The status's name, for example "InvalidArgument". */
  readonly code: string;
  /** The function of the core. */
  readonly symbol: string;

  /**
   * Names what failed.
   *
   * @param status what the function returned
   * @param symbol the function
   * @param message what could not be done, and what was expected
   */
  constructor(status: number, symbol: string, message: string) {
    super(message);
    this.code = STATUS_NAMES[status] ?? `Status${status}`;
    this.symbol = symbol;
  }
}
