/**
 * Size of an image by the header of its file: JPEG, PNG, TIFF, WebP, BMP, PPM or PGM.
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
    const size = sizeOf(read);
    return size === undefined ? undefined : Math.min(...size) || undefined;
  } catch (error) {
    // A file that ends within its header.
    if (error instanceof RangeError || isSystemError(error)) return undefined;
    throw error;
  }
}

type Read = (at: number, length: number) => DataView;

/** Returns the sides, by the first bytes of the file. */
function sizeOf(read: Read): number[] | undefined {
  const start = read(0, 4).getUint32(0);
  if (start === 0x89504e47) return sizeOfPng(read);
  if (start === 0x52494646) return sizeOfWebp(read);
  if (start === 0x49492a00 || start === 0x4d4d002a) return sizeOfTiff(read, start === 0x49492a00);
  if (start >>> 16 === 0x424d) return sizeOfBmp(read);
  if (start >>> 16 >= 0x5031 && start >>> 16 <= 0x5036) return sizeOfPnm(read);
  return sizeOfJpeg(read);
}

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

/** Returns the sides in the header of the first chunk: with loss, without, or with more chunks. */
function sizeOfWebp(read: Read): number[] | undefined {
  const header = read(12, 18);
  switch (header.getUint32(0)) {
    case 0x56503820:
      return [header.getUint16(14, true) & 0x3fff, header.getUint16(16, true) & 0x3fff];
    case 0x5650384c: {
      const sides = header.getUint32(9, true);
      return [(sides & 0x3fff) + 1, (sides >>> 14 & 0x3fff) + 1];
    }
    case 0x56503858:
      return [(header.getUint32(11, true) >>> 8) + 1, (header.getUint32(14, true) >>> 8) + 1];
    default:
      return undefined;
  }
}

/** Returns the sides in the first directory: width is field 256, height 257. */
function sizeOfTiff(read: Read, little: boolean): number[] | undefined {
  const start = read(4, 4).getUint32(0, little);
  const count = read(start, 2).getUint16(0, little);
  const sides: number[] = [];
  for (let index = 0; index < count && sides.length < 2; index++) {
    const field = read(start + 2 + 12 * index, 12);
    if (![256, 257].includes(field.getUint16(0, little))) continue;
    const isShort = field.getUint16(2, little) === 3;
    sides.push(isShort ? field.getUint16(8, little) : field.getUint32(8, little));
  }
  return sides.length === 2 ? sides : undefined;
}

function sizeOfBmp(read: Read): number[] {
  if (read(14, 4).getUint32(0, true) === 12) {
    const sides = read(18, 4);
    return [sides.getUint16(0, true), sides.getUint16(2, true)];
  }
  const sides = read(18, 8);
  return [sides.getUint32(0, true), Math.abs(sides.getInt32(4, true))];
}

/** Returns the first two numbers of the text, where they stand near its start. */
function sizeOfPnm(read: Read): number[] | undefined {
  const view = read(2, 200);
  const text = new TextDecoder("latin1").decode(view);
  const found = /^\s(?:\s|#[^\n\r]*[\n\r])*(\d+)(?:\s|#[^\n\r]*[\n\r])+(\d+)\s/.exec(text);
  return found === null ? undefined : [Number(found[1]), Number(found[2])];
}
