/**
 * Hand-over of a training state between two sittings, in fewer bytes: matrices and filters as float16, without the
 * optimizer's momentum, in parts of 15 MiB. A ResNet-18 with heads of 4096 has 59 MiB, in place of 183.
 *
 *   deno run -A bench/gpu/state.ts pack CHECKPOINT FOLDER      writes FOLDER/state.part-0, …
 *   deno run -A bench/gpu/state.ts adopt FOLDER RUN_DIR        makes the checkpoint again, in the folder of its run
 *
 * The metadata of the state and config.json of the run say what was rounded and left out: what follows is another run
 * than an unbroken one.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { readTensors } from "../../src/base/safetensors.ts";
import { below } from "../../src/export/encoder.ts";
import { safetensorsFile } from "../../src/export/safetensors_file.ts";
import type { SavedTensor } from "../../src/export/torch_file.ts";
import { checkpointPath } from "../../src/run/checkpoint.ts";
import { runFolderAt } from "../../src/run/folder.ts";

/** Sentence in the metadata of a state, and in config.json of the run that adopts it. */
export const HANDED_OVER = "matrices rounded to float16, momentum left out and zero from here on";

const PART = "state.part-";
const PART_BYTES = 15 << 20;
/** Metadata with the SHA-256 of the whole file, computed with zeros in its place (docs/files.md). */
const HASH = "file_sha256";
/** Ends of the names of tensors that no optimizer moves. */
const BUFFER = /\.(running_mean|running_var|num_batches_tracked)$/;

/** Returns the bytes of a checkpoint's state for the journey. @throws Error for values beyond the range of float16 */
export function packed(checkpoint: string): Uint8Array {
  const { byol } = metadataOf(checkpoint);
  const shapes: Record<string, readonly number[]> = {};
  const kept = tensorsOf(checkpoint).filter(([name]) => !name.startsWith("momentum."));
  const tensors = kept.map(([name, tensor]): [string, SavedTensor] => {
    const { shape, values } = tensor;
    if (!(values instanceof Float32Array) || shape.length < 2) return [name, tensor];
    const half = Float16Array.from(values);
    if (!half.every(Number.isFinite)) throw new Error(`Cannot round ${name} to float16`);
    shapes[name] = shape;
    // Two halves to a word.
    const words = new Int32Array(Math.ceil(half.length / 2));
    new Uint8Array(words.buffer).set(new Uint8Array(half.buffer));
    return [name, { shape: [words.length], values: words }];
  });
  const text = JSON.stringify({ ...JSON.parse(byol!), handed_over: HANDED_OVER });
  return safetensorsFile(new Map(tensors), { byol: text, halves: JSON.stringify(shapes) });
}

/** Returns the bytes of a checkpoint from the file of packed(): float32, momentum zero, with its own SHA-256. */
export function unpacked(state: string): Uint8Array {
  const { byol, halves } = metadataOf(state);
  const shapes: Record<string, number[] | undefined> = JSON.parse(halves!);
  const tensors = new Map(
    tensorsOf(state).map(([name, tensor]) => {
      const shape = shapes[name];
      if (shape === undefined) return [name, tensor];
      const count = shape.reduce((product, side) => product * side, 1);
      const half = new Float16Array(tensor.values.buffer as ArrayBuffer, 0, count);
      return [name, { shape, values: Float32Array.from(half) }];
    }),
  );
  for (const [name, { shape, values }] of below(tensors, "online.")) {
    if (BUFFER.test(name)) continue;
    tensors.set(`momentum.${name}`, { shape, values: new Float32Array(values.length) });
  }
  const bytes = safetensorsFile(tensors, { byol: byol!, [HASH]: "0".repeat(64) });
  const key = `"${HASH}":"`;
  const place = Buffer.from(bytes.buffer).indexOf(key) + key.length;
  const hash = createHash("sha256").update(bytes).digest("hex");
  bytes.set(new TextEncoder().encode(hash), place);
  return bytes;
}

function tensorsOf(path: string): [string, SavedTensor][] {
  return [...readTensors(path) as ReadonlyMap<string, SavedTensor>];
}

/** Returns the metadata of a safetensors file. */
function metadataOf(path: string): Record<string, string | undefined> {
  using file = Deno.openSync(path);
  const length = new Uint8Array(8);
  file.readSync(length);
  const header = new Uint8Array(Number(new DataView(length.buffer).getBigUint64(0, true)));
  for (let at = 0; at < header.length;) at += file.readSync(header.subarray(at)) ?? header.length;
  return JSON.parse(new TextDecoder().decode(header)).__metadata__;
}

/** Writes the parts of a checkpoint's state. */
export function pack(checkpoint: string, folder: string): void {
  const bytes = packed(checkpoint);
  for (let part = 0; part * PART_BYTES < bytes.length; part++) {
    const slice = bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
    Deno.writeFileSync(join(folder, `${PART}${part}`), slice);
  }
  console.log(`${(bytes.length / 2 ** 20).toFixed(1)} MiB of state: ${HANDED_OVER}`);
}

/** Makes the checkpoint of some parts again, and notes the hand-over in config.json of its run. */
export function adopt(folder: string, runDir: string): void {
  const run = runFolderAt(runDir);
  Deno.mkdirSync(run.checkpointsDir, { recursive: true });
  const whole = join(run.checkpointsDir, "state");
  const parts = [...Deno.readDirSync(folder)].filter(({ name }) => name.startsWith(PART)).length;
  for (let part = 0; part < parts; part++) {
    Deno.writeFileSync(whole, Deno.readFileSync(join(folder, `${PART}${part}`)), {
      append: part > 0,
    });
  }
  const { step } = JSON.parse(metadataOf(whole).byol!);
  Deno.writeFileSync(checkpointPath(run.checkpointsDir, step), unpacked(whole));
  Deno.removeSync(whole);
  const record = JSON.parse(Deno.readTextFileSync(run.configFile));
  record.handedOver = [...record.handedOver ?? [], { step, what: HANDED_OVER }];
  Deno.writeTextFileSync(run.configFile, `${JSON.stringify(record, null, 2)}\n`);
  console.log(`The run in ${runDir} continues from step ${step}: ${HANDED_OVER}`);
}

if (import.meta.main) {
  const [what, from = "", to = ""] = Deno.args;
  if (what === "pack") pack(from, to);
  else adopt(from, to);
}
