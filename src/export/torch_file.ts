/**
 * Encoder of files in the format of torch.save: a zip archive without compression, which holds a pickle and the bytes
 * of each tensor. The pickle holds what torch.load(weights_only=True) accepts: dictionaries, numbers, strings, tensors.
 *
 * @module
 */

import { zipSync } from "fflate";

/** A contiguous tensor in row-major order. */
export interface SavedTensor {
  shape: readonly number[];
  values: Float32Array | Int32Array | BigInt64Array;
}

/** Values that a file may hold. */
export type Saved =
  | SavedTensor
  | Map<string, Saved>
  | string
  | number
  | null;

/** PyTorch's storage class of each type of numbers. */
const STORAGES = {
  Float32Array: "FloatStorage",
  Int32Array: "IntStorage",
  BigInt64Array: "LongStorage",
} as const;

/** Returns the bytes of a `.pt` file. The result takes as much memory as the tensors do. */
export function torchFile(content: Map<string, Saved>): Uint8Array {
  const pickler = new Pickler();
  const pickle = pickler.dump(content);
  const text = new TextEncoder();
  const entries: Record<string, Uint8Array> = {
    "archive/data.pkl": pickle,
    "archive/byteorder": text.encode("little"),
  };
  for (const [index, { values }] of pickler.tensors.entries()) {
    entries[`archive/data/${index}`] = new Uint8Array(
      values.buffer,
      values.byteOffset,
      values.byteLength,
    );
  }
  entries["archive/version"] = text.encode("3\n");
  // With a fixed date, the same weights give the same bytes.
  return zipSync(entries, { level: 0, mtime: new Date(1980, 0, 1) });
}

/** Opcodes of pickle's protocol 2. */
const Op = {
  proto: 0x80,
  global: 0x63,
  emptyTuple: 0x29,
  mark: 0x28,
  tuple: 0x74,
  reduce: 0x52,
  binPersId: 0x51,
  binUnicode: 0x58,
  binInt: 0x4a,
  long1: 0x8a,
  binFloat: 0x47,
  none: 0x4e,
  newFalse: 0x89,
  setItems: 0x75,
  stop: 0x2e,
} as const;

class Pickler {
  readonly tensors: SavedTensor[] = [];
  readonly #bytes: number[] = [];

  dump(content: Map<string, Saved>): Uint8Array {
    this.#bytes.push(Op.proto, 2);
    this.#dictionary(content);
    this.#bytes.push(Op.stop);
    return Uint8Array.from(this.#bytes);
  }

  #value(value: Saved): void {
    if (value === null) this.#bytes.push(Op.none);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "number") this.#number(value);
    else if (value instanceof Map) this.#dictionary(value);
    else this.#tensor(value);
  }

  #dictionary(content: Map<string, Saved>): void {
    this.#global("collections", "OrderedDict");
    this.#bytes.push(Op.emptyTuple, Op.reduce, Op.mark);
    for (const [name, value] of content) {
      this.#text(name);
      this.#value(value);
    }
    this.#bytes.push(Op.setItems);
  }

  /** Pickles a call of torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks). */
  #tensor(tensor: SavedTensor): void {
    const { shape, values } = tensor;
    const index = this.tensors.push(tensor) - 1;
    this.#global("torch._utils", "_rebuild_tensor_v2");
    this.#bytes.push(Op.mark, Op.mark);
    this.#text("storage");
    this.#global("torch", STORAGES[values.constructor.name as keyof typeof STORAGES]);
    this.#text(String(index));
    this.#text("cpu");
    this.#number(values.length);
    this.#bytes.push(Op.tuple, Op.binPersId);
    this.#number(0);
    this.#numbers(shape);
    this.#numbers(stridesOf(shape));
    this.#bytes.push(Op.newFalse);
    this.#global("collections", "OrderedDict");
    this.#bytes.push(Op.emptyTuple, Op.reduce, Op.tuple, Op.reduce);
  }

  #numbers(numbers: readonly number[]): void {
    this.#bytes.push(Op.mark);
    numbers.forEach((number) => this.#number(number));
    this.#bytes.push(Op.tuple);
  }

  #number(number: number): void {
    const view = new DataView(new ArrayBuffer(8));
    if (Number.isInteger(number) && Math.abs(number) < 2 ** 31) {
      view.setInt32(0, number, true);
      this.#bytes.push(Op.binInt, ...new Uint8Array(view.buffer, 0, 4));
    } else if (Number.isSafeInteger(number)) {
      view.setBigInt64(0, BigInt(number), true);
      this.#bytes.push(Op.long1, 8, ...new Uint8Array(view.buffer));
    } else {
      view.setFloat64(0, number, false);
      this.#bytes.push(Op.binFloat, ...new Uint8Array(view.buffer));
    }
  }

  #text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    const length = new Uint8Array(new Uint32Array([bytes.length]).buffer);
    this.#bytes.push(Op.binUnicode, ...length, ...bytes);
  }

  #global(module: string, name: string): void {
    this.#bytes.push(Op.global, ...new TextEncoder().encode(`${module}\n${name}\n`));
  }
}

/** Returns the strides of a contiguous tensor, in elements. */
function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const size of shape.toReversed()) {
    strides.unshift(stride);
    stride *= size;
  }
  return strides;
}
