/** Reads safetensors files, so that tests can compare them number by number. */

/** One tensor's numbers, whatever their type. */
export type Numbers = Float32Array | Float64Array | BigInt64Array;

/** A file's tensors by name. */
export function readSafetensors(path: string): Map<string, Numbers> {
  const bytes = Deno.readFileSync(path);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header: Record<string, { dtype: string; data_offsets: [number, number] }> = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, 8 + length)),
  );
  const found = new Map<string, Numbers>();
  delete header.__metadata__;
  for (const [name, { dtype, data_offsets: [from, to] }] of Object.entries(header)) {
    const data = bytes.slice(8 + length + from, 8 + length + to).buffer;
    const Type = { F32: Float32Array, F64: Float64Array, I64: BigInt64Array }[dtype];
    if (Type === undefined) throw new Error(`Cannot read ${name} of type ${dtype}`);
    found.set(name, new Type(data));
  }
  return found;
}

/** Numbers as doubles. */
export function doubles(numbers: Numbers): Float64Array {
  return numbers instanceof BigInt64Array
    ? Float64Array.from(numbers, Number)
    : Float64Array.from(numbers);
}

/** The largest difference between two sets of tensors of the same names, and where it is. */
export function largestDifference(
  one: Map<string, Numbers>,
  other: Map<string, Numbers>,
): { name: string; difference: number } {
  if ([...one.keys()].sort().join() !== [...other.keys()].sort().join()) {
    throw new Error("Cannot compare tensors of different names");
  }
  let [name, difference] = ["", 0];
  for (const [key, numbers] of one) {
    const [left, right] = [doubles(numbers), doubles(other.get(key)!)];
    if (left.length !== right.length) throw new Error(`Cannot compare ${key}: different lengths`);
    for (let index = 0; index < left.length; index++) {
      const found = Math.abs(left[index]! - right[index]!);
      if (!(found <= difference)) [name, difference] = [key, found];
    }
  }
  return { name, difference };
}

/** The euclidean norm. */
export function norm(numbers: Numbers): number {
  return Math.sqrt(doubles(numbers).reduce((sum, value) => sum + value * value, 0));
}
