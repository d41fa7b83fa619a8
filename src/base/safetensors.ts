/** Reader of safetensors files of this program. */

/** Array of numbers of any type. */
export type Numbers = Float32Array | Float64Array | Int32Array | BigInt64Array;

/** A contiguous tensor in row-major order. */
export interface HostTensor {
  shape: number[];
  values: Numbers;
}

/** Description of a tensor in the header of a file. */
interface StoredTensor {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Returns the names of the tensors of a file, in the order of its header. @throws as readTensors does */
export function tensorNames(path: string): string[] {
  using file = Deno.openSync(path);
  return Object.keys(headerOf(file, path).tensors);
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
  const { start, tensors } = headerOf(file, path);
  const found = new Map<string, HostTensor>();
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(tensors)) {
    if (!wanted(name)) continue;
    const data = bytesAt(file, path, { start: start + from, size: to - from }).buffer;
    const Type =
      { F32: Float32Array, F64: Float64Array, I32: Int32Array, I64: BigInt64Array }[dtype];
    if (Type === undefined) throw new Error(`Cannot read ${name} of type ${dtype} in ${path}`);
    found.set(name, { shape, values: new Type(data) });
  }
  return found;
}

/** Returns the header of an open file, and the place of the first tensor's bytes. */
function headerOf(
  file: Deno.FsFile,
  path: string,
): { start: number; tensors: Record<string, StoredTensor> } {
  const size = bytesAt(file, path, { start: 0, size: 8 });
  const length = Number(new DataView(size.buffer).getBigUint64(0, true));
  const text = new TextDecoder().decode(bytesAt(file, path, { start: 8, size: length }));
  const tensors: Record<string, StoredTensor> = JSON.parse(text);
  delete tensors.__metadata__;
  return { start: 8 + length, tensors };
}

function bytesAt(
  file: Deno.FsFile,
  path: string,
  { start, size }: { start: number; size: number },
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  file.seekSync(start, Deno.SeekMode.Start);
  for (let filled = 0; filled < size;) {
    const read = file.readSync(bytes.subarray(filled));
    if (read === null) throw new Error(`Cannot read ${path}: it ends too early`);
    filled += read;
  }
  return bytes;
}
