/** Buffers for texts that the core writes: four bytes of length, then UTF-8. */

/** A buffer for one text. */
export class TextBuffer {
  readonly #bytes: Uint8Array<ArrayBuffer>;

  /** @param capacity bytes, head included */
  constructor(capacity = 1 << 16) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Returns the buffer with its capacity written, for a call into the core. */
  start(): Uint8Array<ArrayBuffer> {
    new DataView(this.#bytes.buffer).setUint32(0, this.#bytes.length, true);
    return this.#bytes;
  }

  /** Capacity in bytes. */
  get capacity(): number {
    return this.#bytes.length - 4;
  }

  /** Length in bytes of the text last written, which may exceed the capacity. */
  get needed(): number {
    return new DataView(this.#bytes.buffer).getUint32(0, true);
  }

  /** Returns the text last written, cut to the capacity. */
  read(): string {
    const length = Math.min(this.needed, this.capacity);
    return new TextDecoder().decode(this.#bytes.subarray(4, 4 + length));
  }
}

/** Buffer for error messages; longer messages are cut. */
export class ErrorBuffer extends TextBuffer {
  constructor() {
    super(1 << 13);
  }
}
