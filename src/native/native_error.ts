import { STATUS_NAMES } from "./symbols.gen.ts";

/** Statuses that a file, an option or the machine may cause. */
const EXPECTED: readonly string[] = [
  "InvalidArgument",
  "Io",
  "OutOfMemory",
  "Distributed",
  "NotFinite",
];

/** Error of a function of the core. */
export class NativeError extends Error {
  /** Always "NativeError". */
  override readonly name = "NativeError";
  /** The status's name, for example "InvalidArgument". */
  readonly code: string;
  /** The function of the core. */
  readonly symbol: string;

  /**
   * Makes the error of a function.
   *
   * @param status the status that the function returned
   * @param symbol the function
   * @param message the failure and the expectation
   */
  constructor(status: number, symbol: string, message: string) {
    super(message);
    this.code = STATUS_NAMES[status] ?? `Status${status}`;
    this.symbol = symbol;
  }

  /** True where a file, an option or the machine may be at fault; false for a bug, such as a handle that was closed. */
  get isExpected(): boolean {
    return EXPECTED.includes(this.code);
  }
}
