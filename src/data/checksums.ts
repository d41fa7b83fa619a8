/** Checksums of a file that was downloaded. */

import { createHash } from "node:crypto";

/** Checksums in lower-case hexadecimal. */
export interface Checksums {
  /** MD5, as the authors publish it. */
  readonly md5: string;
  /** SHA-256: other bytes of the same MD5 can be made. */
  readonly sha256: string;
}

/** Returns the first checksum that differs: "the MD5 …, expected …"; undefined where both are right. */
export async function differenceOf(path: string, expected: Checksums): Promise<string | undefined> {
  const [md5, sha256] = [createHash("md5"), createHash("sha256")];
  const file = await Deno.open(path);
  for await (const piece of file.readable) {
    md5.update(piece);
    sha256.update(piece);
  }
  const sums = [
    { name: "MD5", found: md5.digest("hex"), expected: expected.md5 },
    { name: "SHA-256", found: sha256.digest("hex"), expected: expected.sha256 },
  ];
  const other = sums.find((sum) => sum.found !== sum.expected);
  return other && `the ${other.name} ${other.found}, expected ${other.expected}`;
}
