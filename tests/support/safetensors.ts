/** Comparison of tensors in safetensors files, number by number. */

import { type Numbers, readTensors } from "../../src/base/safetensors.ts";

export type { Numbers };

/** A file's tensors by name, without their shapes. */
export function readSafetensors(path: string): Map<string, Numbers> {
  return new Map([...readTensors(path)].map(([name, { values }]) => [name, values]));
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
