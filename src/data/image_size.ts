/**
 * Size of an image by the header of its file: JPEG, PNG, TIFF, WebP, BMP, PPM or PGM.
 *
 * @module
 */

import { frameOf, type ImageFile, inHeader, type Read, tiffFields } from "./image_header.ts";

/** Returns the shorter side in pixels; undefined for a file that cannot be read, and for one of another format. */
export function shorterSideOf(file: ImageFile): number | undefined {
  return inHeader(file, (read) => {
    const size = sizeOf(read);
    return size === undefined ? undefined : Math.min(...size) || undefined;
  });
}

/** Returns the sides, by the first bytes of the file. */
function sizeOf(read: Read): number[] | undefined {
  const start = read(0, 4).getUint32(0);
  if (start === 0x89504e47) return sizeOfPng(read);
  if (start === 0x52494646) return sizeOfWebp(read);
  if (start === 0x49492a00 || start === 0x4d4d002a) return sizeOfTiff(read);
  if (start >>> 16 === 0x424d) return sizeOfBmp(read);
  if (start >>> 16 >= 0x5031 && start >>> 16 <= 0x5036) return sizeOfPnm(read);
  return sizeOfJpeg(read);
}

function sizeOfPng(read: Read): number[] {
  const header = read(16, 8);
  return [header.getUint32(0), header.getUint32(4)];
}

/** Returns height and width. */
function sizeOfJpeg(read: Read): number[] | undefined {
  const frame = frameOf(read);
  return frame && [frame.getUint16(5), frame.getUint16(7)];
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

function sizeOfTiff(read: Read): number[] | undefined {
  const sides = tiffFields(read, [256, 257]).filter((side) => side !== undefined);
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
