/** Reader of safetensors files of this program. */

/** Array of numbers of any type. */
export type Numbers = Float32Array | Float64Array | Int32Array | BigInt64Array;

/** A contiguous tensor in row-major order. */
export interface HostTensor {
  shape: number[];
  values: Numbers;
}

/**
 * Returns the tensors of a file by name, without reading those that are not wanted.
 *
 * @throws the error of Deno for a file that cannot be read; Error for a type of numbers that this program never writes
 */
export function readTensors(
  path: string,
  wanted: (name: string) => boolean = () => true,
): Map<string, HostTensor> {
  using file = Deno.openSync(path);
  const at = (start: number, size: number): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(size);
    file.seekSync(start, Deno.SeekMode.Start);
    for (let filled = 0; filled < size;) {
      const read = file.readSync(bytes.subarray(filled));
      if (read === null) throw new Error(`Cannot read ${path}: it ends too early`);
      filled += read;
    }
    return bytes;
  };
  const length = Number(new DataView(at(0, 8).buffer).getBigUint64(0, true));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> =
    JSON.parse(new TextDecoder().decode(at(8, length)));
  delete header.__metadata__;
  const found = new Map<string, HostTensor>();
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    if (!wanted(name)) continue;
    const data = at(8 + length + from, to - from).buffer;
    const Type =
      { F32: Float32Array, F64: Float64Array, I32: Int32Array, I64: BigInt64Array }[dtype];
    if (Type === undefined) throw new Error(`Cannot read ${name} of type ${dtype} in ${path}`);
    found.set(name, { shape, values: new Type(data) });
  }
  return found;
}
