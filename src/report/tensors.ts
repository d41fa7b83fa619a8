/** Reads tensors of a safetensors file that this program has written, one by one. */

/** Numbers, whatever their type. */
export type Numbers = Float32Array | Float64Array | BigInt64Array;

/** One tensor. */
export interface HostTensor {
  shape: number[];
  values: number[];
}

/**
 * The named tensors of a file, as far as it has them.
 *
 * @param names all, where it is left out
 */
export function readTensors(path: string, names?: readonly string[]): Map<string, HostTensor> {
  using file = Deno.openSync(path);
  const read = (from: number, length: number): ArrayBuffer => {
    const bytes = new Uint8Array(length);
    file.seekSync(from, Deno.SeekMode.Start);
    for (let done = 0; done < length;) {
      const count = file.readSync(bytes.subarray(done));
      if (count === null) throw new Error(`Cannot read ${path}: it ends too early`);
      done += count;
    }
    return bytes.buffer;
  };
  const length = Number(new DataView(read(0, 8)).getBigUint64(0, true));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> =
    JSON.parse(new TextDecoder().decode(read(8, length)));
  delete header.__metadata__;
  const found = new Map<string, HostTensor>();
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    if (names !== undefined && !names.includes(name)) continue;
    const Type = { F32: Float32Array, F64: Float64Array, I64: BigInt64Array }[dtype];
    if (Type === undefined) throw new Error(`Cannot read ${name} of type ${dtype} in ${path}`);
    const values: Numbers = new Type(read(8 + length + from, to - from));
    found.set(name, { shape, values: Array.from(values as Float32Array, Number) });
  }
  return found;
}
