/**
 * Headers of image files, read in pieces.
 *
 * @module
 */

import { isSystemError } from "../base/expected.ts";

/** An image file, or an image within a file. */
export interface ImageFile {
  path: string;
  /** First byte of the image in the file; default: 0. */
  offset?: number;
}

/** Returns so many bytes of an image from a place, or fewer at the end of its file. */
export type Read = (at: number, length: number) => DataView;

/** Most segments before the frame of a JPEG. */
const MOST_SEGMENTS = 1000;

/** Returns what `look` finds in a header; undefined for a file that cannot be read, or ends within its header. */
export function inHeader<Found>(
  { path, offset = 0 }: ImageFile,
  look: (read: Read) => Found | undefined,
): Found | undefined {
  try {
    // The opening of a pipe would wait.
    if (!Deno.statSync(path).isFile) return undefined;
    using file = Deno.openSync(path);
    return look((at, length) => {
      const bytes = new Uint8Array(length);
      file.seekSync(offset + at, Deno.SeekMode.Start);
      return new DataView(bytes.buffer, 0, file.readSync(bytes) ?? 0);
    });
  } catch (error) {
    if (error instanceof RangeError || isSystemError(error)) return undefined;
    throw error;
  }
}

/** Returns the frame header of a JPEG, from its marker on, which is behind segments of any length. */
export function frameOf(read: Read): DataView | undefined {
  if (read(0, 2).getUint16(0) !== 0xffd8) return undefined;
  let at = 2;
  for (let segment = 0; segment < MOST_SEGMENTS; segment++) {
    const header = read(at, 10);
    if (header.getUint8(0) !== 0xff) return undefined;
    const marker = header.getUint8(1);
    // Bytes of filling.
    if (marker === 0xff) at += 1;
    else if (isFrame(marker)) return header;
    else at += 2 + header.getUint16(2);
  }
  return undefined;
}

/** Returns true for the marker of a frame header: SOF0 to SOF15 without the tables DHT, JPG and DAC among them. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

/** Returns the first values of fields in the first directory of a TIFF, in their order; undefined for a missing one. */
export function tiffFields(read: Read, wanted: readonly number[]): (number | undefined)[] {
  const little = read(0, 1).getUint8(0) === 0x49;
  const start = read(4, 4).getUint32(0, little);
  const count = read(start, 2).getUint16(0, little);
  const found = new Map<number, number>();
  for (let index = 0; index < count && found.size < wanted.length; index++) {
    const field = read(start + 2 + 12 * index, 12);
    const tag = field.getUint16(0, little);
    if (!wanted.includes(tag)) continue;
    const isShort = field.getUint16(2, little) === 3;
    found.set(tag, isShort ? field.getUint16(8, little) : field.getUint32(8, little));
  }
  return wanted.map((tag) => found.get(tag));
}
