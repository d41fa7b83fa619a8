import { call } from "./call.ts";

/** An object of the core. Close it, or let `using` do so. */
export abstract class NativeObject implements Disposable {
  /** The core's number for it; never used again after close(). */
  readonly handle: number;
  #closed = false;

  /**
   * For the classes of each kind of object.
   *
   * @param handle from the core
   */
  constructor(handle: number) {
    this.handle = handle;
  }

  /** Lets the core drop it; harmless when repeated. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    call("byol_handle_close", this.handle);
  }

  /** Closes. */
  [Symbol.dispose](): void {
    this.close();
  }
}
