/** Small image files for tests that must run without real photos. */

import { dirname, join } from "node:path";
import { crc32, deflateSync } from "node:zlib";

/** A PNG of the given size: three waves of colour that the seed moves. */
export function png(width: number, height: number, seed: number): Uint8Array<ArrayBuffer> {
  const rows = new Uint8Array(height * (1 + 3 * width));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const wave = Math.sin(x * (0.1 + 0.05 * channel) + seed) + Math.cos(y * 0.13 + seed * 1.7);
        rows[y * (1 + 3 * width) + 1 + 3 * x + channel] = 128 + 60 * wave;
      }
    }
  }
  return file([width, height], [8, 2], rows);
}

/** A PNG of 16-bit gray, whose values go from 0 to `brightest`. */
export function grayPng(side: number, brightest: number): Uint8Array<ArrayBuffer> {
  const rows = new DataView(new ArrayBuffer(side * (1 + 2 * side)));
  for (let pixel = 0; pixel < side * side; pixel++) {
    const at = pixel * 2 + 1 + Math.floor(pixel / side);
    rows.setUint16(at, Math.floor(pixel * brightest / (side * side - 1)));
  }
  return file([side, side], [16, 0], new Uint8Array(rows.buffer));
}

/** A PNG of a size, with bits a sample and colour type. */
function file(
  [width, height]: [number, number],
  kind: [bits: number, colors: number],
  rows: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(13);
  new DataView(head.buffer).setUint32(0, width);
  new DataView(head.buffer).setUint32(4, height);
  head.set(kind, 8);
  return joined([
    new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", new Uint8Array()),
  ]);
}

function chunk(name: string, data: Uint8Array): Uint8Array {
  const body = joined([new TextEncoder().encode(name), data]);
  const numbers = new DataView(new ArrayBuffer(8));
  numbers.setUint32(0, data.length);
  numbers.setUint32(4, crc32(body));
  const bytes = new Uint8Array(numbers.buffer);
  return joined([bytes.subarray(0, 4), body, bytes.subarray(4)]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Writes train/ and val/ with two classes of `each` images; sizes differ, names are ImageNet's, bytes PNG. */
export async function writePhotoFolder(folder: string, each: number): Promise<void> {
  for (const [split, images] of [["train", each], ["val", 4]] as const) {
    for (const [number, name] of ["n01", "n02"].entries()) {
      for (let index = 0; index < images; index++) {
        const path = join(folder, split, name, `${name}_${index}.JPEG`);
        await Deno.mkdir(dirname(path), { recursive: true });
        await Deno.writeFile(path, png(40 + index % 5, 30 + index % 7, 100 * number + index));
      }
    }
  }
}
