/** Files of CIFAR-10's binary layout with made-up content, for tests of what the reader refuses. */
import { join } from "node:path";

/** Images of a batch file. */
const IMAGES_PER_BATCH = 10_000;
/** A label and 3 x 32 x 32 values. */
const RECORD_BYTES = 1 + 3 * 32 * 32;

/** The six batch files of the binary layout, the training batches first. */
export const BATCH_NAMES: readonly string[] = [
  "data_batch_1.bin",
  "data_batch_2.bin",
  "data_batch_3.bin",
  "data_batch_4.bin",
  "data_batch_5.bin",
  "test_batch.bin",
];

/**
 * Writes `dir`/cifar-10-batches-bin with six batch files of the official size (30,730,000 bytes), valid
 * labels and pseudo-random values, so none has the official MD5. The same `seed` gives the same bytes.
 * Returns the path of the folder.
 */
export async function writeRandomCifarBinary(dir: string, seed: number): Promise<string> {
  const folder = join(dir, "cifar-10-batches-bin");
  await Deno.mkdir(folder, { recursive: true });
  // One buffer for all: each file is the first one with another label in every record.
  const bytes = randomBytes(IMAGES_PER_BATCH * RECORD_BYTES, seed);
  for (const [batch, name] of BATCH_NAMES.entries()) {
    for (let image = 0; image < IMAGES_PER_BATCH; image++) {
      bytes[image * RECORD_BYTES] = (image + batch + seed) % 10;
    }
    await Deno.writeFile(join(folder, name), bytes);
  }
  return folder;
}

/** xorshift32, four bytes a step. */
function randomBytes(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = (seed * 0x9e3779b9 + 1) >>> 0 || 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}
