/**
 * Size of an image by the header of its file, JPEG or PNG.
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

/** Most segments before the size of a JPEG. */
const MOST_SEGMENTS = 1000;

/** Returns the shorter side in pixels; undefined for a file that cannot be read, and for one of another format. */
export function shorterSideOf({ path, offset = 0 }: ImageFile): number | undefined {
  try {
    // The opening of a pipe would wait.
    if (!Deno.statSync(path).isFile) return undefined;
    using file = Deno.openSync(path);
    const read = (at: number, length: number): DataView => {
      const bytes = new Uint8Array(length);
      file.seekSync(offset + at, Deno.SeekMode.Start);
      return new DataView(bytes.buffer, 0, file.readSync(bytes) ?? 0);
    };
    const size = read(0, 4).getUint32(0) === 0x89504e47 ? sizeOfPng(read) : sizeOfJpeg(read);
    return size === undefined ? undefined : Math.min(...size) || undefined;
  } catch (error) {
    // A file that ends within its header.
    if (error instanceof RangeError || isSystemError(error)) return undefined;
    throw error;
  }
}

type Read = (at: number, length: number) => DataView;

function sizeOfPng(read: Read): number[] {
  const header = read(16, 8);
  return [header.getUint32(0), header.getUint32(4)];
}

/** Returns height and width in the frame header of a JPEG, which is behind segments of any length. */
function sizeOfJpeg(read: Read): number[] | undefined {
  if (read(0, 2).getUint16(0) !== 0xffd8) return undefined;
  let at = 2;
  for (let segment = 0; segment < MOST_SEGMENTS; segment++) {
    const header = read(at, 9);
    if (header.getUint8(0) !== 0xff) return undefined;
    const marker = header.getUint8(1);
    // Bytes of filling.
    if (marker === 0xff) at += 1;
    else if (isFrame(marker)) return [header.getUint16(5), header.getUint16(7)];
    else at += 2 + header.getUint16(2);
  }
  return undefined;
}

/** Returns true for the marker of a frame header: SOF0 to SOF15 without the tables DHT, JPG and DAC among them. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}
