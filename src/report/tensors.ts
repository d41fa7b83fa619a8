/** Reads safetensors files that this program has written. */

/** Numbers, whatever their type. */
export type Numbers = Float32Array | Float64Array | Int32Array | BigInt64Array;

/** One tensor, its last dimension innermost. */
export interface HostTensor {
  shape: number[];
  values: Numbers;
}

/**
 * A file's tensors by name.
 *
 * @throws what Deno throws for a file that cannot be read; Error for a type of numbers that the program does not write
 */
export function readTensors(path: string): Map<string, HostTensor> {
  const bytes = Deno.readFileSync(path);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> =
    JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  delete header.__metadata__;
  const found = new Map<string, HostTensor>();
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    const data = bytes.slice(8 + length + from, 8 + length + to).buffer;
    const Type =
      { F32: Float32Array, F64: Float64Array, I32: Int32Array, I64: BigInt64Array }[dtype];
    if (Type === undefined) throw new Error(`Cannot read ${name} of type ${dtype} in ${path}`);
    found.set(name, { shape, values: new Type(data) });
  }
  return found;
}
