/** Reads and writes safetensors files of float32, float64, int64 and uint8 tensors: what the oracle is handed. */

const TYPES = {
  F32: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  U8: Uint8Array,
} as const;

/** The values of a tensor. */
export type Values =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** A tensor, its values in row-major order. */
export interface HostTensor {
  shape: number[];
  values: Values;
}

interface Header {
  [name: string]: { dtype: keyof typeof TYPES; shape: number[]; data_offsets: [number, number] };
}

/** Writes tensors, and an object under the metadata key that the oracle reads. */
export function writeTensors(
  path: string,
  tensors: Record<string, HostTensor>,
  metadata: Record<string, unknown> = {},
): void {
  const header: Record<string, unknown> = { __metadata__: { byol: JSON.stringify(metadata) } };
  let offset = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    const dtype = Object.entries(TYPES).find(([, type]) => values instanceof type)?.[0];
    header[name] = { dtype, shape, data_offsets: [offset, offset += values.byteLength] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + text.length;
  const bytes = new Uint8Array(start + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  offset = start;
  for (const { values } of Object.values(tensors)) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
    offset += values.byteLength;
  }
  Deno.writeFileSync(path, bytes);
}

/** Reads all tensors of a file. */
export function readTensors(path: string): Record<string, HostTensor> {
  const bytes = Deno.readFileSync(path);
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const { __metadata__: _, ...header } = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, start)),
  ) as Header;
  return Object.fromEntries(
    Object.entries(header).map(([name, { dtype, shape, data_offsets: [from, to] }]) => {
      // A copy: a typed array must start at a multiple of its element's size.
      const { buffer } = bytes.slice(start + from, start + to);
      return [name, { shape, values: new TYPES[dtype](buffer) }];
    }),
  );
}

/** Tensors of the same trailing shape, one after another along the first dimension. */
export function concatenate(tensors: readonly HostTensor[]): HostTensor {
  const [first] = tensors;
  if (first === undefined) throw new RangeError("Cannot concatenate no tensors");
  const rows = tensors.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const bytes = new Uint8Array(tensors.reduce((sum, { values }) => sum + values.byteLength, 0));
  let offset = 0;
  for (const { values } of tensors) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
    offset += values.byteLength;
  }
  const type = Object.values(TYPES).find((one) => first.values instanceof one) ?? Uint8Array;
  return { shape: [rows, ...first.shape.slice(1)], values: new type(bytes.buffer) };
}
