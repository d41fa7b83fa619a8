import { call } from "./call.ts";

/** An object of the core, to be closed by close() or `using`. */
export abstract class NativeObject implements Disposable {
  /** The core's number of the object, which is never reused. */
  readonly handle: number;
  #closed = false;

  /**
   * Wraps an object of the core; to be called by the subclasses only.
   *
   * @param handle the core's number of the object
   */
  constructor(handle: number) {
    this.handle = handle;
  }

  /** Drops the object in the core; a second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    call("byol_handle_close", this.handle);
  }

  /** Closes the object. */
  [Symbol.dispose](): void {
    this.close();
  }
}
