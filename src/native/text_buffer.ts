/** Buffers for texts that the core writes: four bytes of length, then UTF-8. */

/** A buffer for one text. */
export class TextBuffer {
  readonly #bytes: Uint8Array<ArrayBuffer>;

  /** @param capacity bytes, head included */
  constructor(capacity = 1 << 16) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** The buffer, told its capacity: to be passed to the core. */
  start(): Uint8Array<ArrayBuffer> {
    new DataView(this.#bytes.buffer).setUint32(0, this.#bytes.length, true);
    return this.#bytes;
  }

  /** Bytes that fit. */
  get capacity(): number {
    return this.#bytes.length - 4;
  }

  /** Bytes of the text last written, which may be more than fit. */
  get needed(): number {
    return new DataView(this.#bytes.buffer).getUint32(0, true);
  }

  /** The text last written, as far as it fits. */
  read(): string {
    const length = Math.min(this.needed, this.capacity);
    return new TextDecoder().decode(this.#bytes.subarray(4, 4 + length));
  }
}

/** The buffer for error messages; longer ones are cut. */
export class ErrorBuffer extends TextBuffer {
  constructor() {
    super(1 << 13);
  }
}
