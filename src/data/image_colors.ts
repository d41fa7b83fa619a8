/**
 * Gray images, told by the headers of their files.
 *
 * @module
 */

import { frameOf, type ImageFile, inHeader, type Read, tiffFields } from "./image_header.ts";

/** Returns true for an image whose file stores gray alone; undefined where its header does not tell. */
export function isGray(file: ImageFile): boolean | undefined {
  return inHeader(file, (read) => {
    const start = read(0, 4).getUint32(0);
    if (start === 0x89504e47) return [0, 4].includes(read(25, 1).getUint8(0));
    if (start === 0x49492a00 || start === 0x4d4d002a) return isGrayTiff(read);
    // P1 to P6: P3 and P6 have colours.
    const kind = start >>> 16;
    if (kind >= 0x5031 && kind <= 0x5036) return kind !== 0x5033 && kind !== 0x5036;
    return isGrayJpeg(read);
  });
}

/** Looks at the photometric interpretation: 0 and 1 are gray. */
function isGrayTiff(read: Read): boolean | undefined {
  const [photometric] = tiffFields(read, [262]);
  return photometric === undefined ? undefined : photometric < 2;
}

/** Looks at the number of layers. */
function isGrayJpeg(read: Read): boolean | undefined {
  const frame = frameOf(read);
  return frame && frame.getUint8(9) === 1;
}
