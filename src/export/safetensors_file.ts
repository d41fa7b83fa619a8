/** Encoder of safetensors files. */

import type { SavedTensor } from "./torch_file.ts";

const DTYPES = { Float32Array: "F32", Int32Array: "I32", BigInt64Array: "I64" } as const;

/** Returns the bytes of a file with these tensors. The result takes as much memory as the tensors do. */
export function safetensorsFile(
  tensors: ReadonlyMap<string, SavedTensor>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  // Tensors of the widest type come first, which keeps each tensor aligned in a memory map of the file.
  const sorted = [...tensors].sort(([a, one], [b, other]) =>
    other.values.BYTES_PER_ELEMENT - one.values.BYTES_PER_ELEMENT || (a < b ? -1 : 1)
  );
  const header: Record<string, unknown> = { __metadata__: metadata };
  let length = 0;
  for (const [name, { shape, values }] of sorted) {
    header[name] = {
      dtype: DTYPES[values.constructor.name as keyof typeof DTYPES],
      shape,
      data_offsets: [length, length + values.byteLength],
    };
    length += values.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(start + length).fill(0x20, 8 + text.length, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(text, 8);
  let place = start;
  for (const [, { values }] of sorted) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), place);
    place += values.byteLength;
  }
  return bytes;
}
