/** Reading of a file of lines that another process appends to: each byte once, and whole lines alone. */

/** Length of a line from which on it is no row. */
const LONGEST_LINE = 1 << 20;
const LINE_FEED = 0x0a;

/** Identity and size of a file. */
export interface FileState {
  size: number;
  inode: number | null;
  /** Time of the last change, in milliseconds since 1970. */
  written: number;
}

/** Returns the state of a regular file; undefined for anything else, which may never end. */
export function stateOf(path: string): FileState | undefined {
  const { isFile, size, ino, mtime } = Deno.statSync(path);
  return isFile ? { size, inode: ino, written: mtime?.getTime() ?? 0 } : undefined;
}

/** Reader of the lines that have been appended to a file. */
export class LineTail {
  readonly #path: string;
  readonly #decoder = new TextDecoder();
  #offset = 0;
  /** The beginning of a line whose end is not written yet. */
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array();
  #isTooLong = false;

  /** @param path the file, which may be missing */
  constructor(path: string) {
    this.#path = path;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** True where the file ends, as far as it was read, within a line. */
  get isTorn(): boolean {
    return this.#rest.length > 0 || this.#isTooLong;
  }

  /** Reads at most so many bytes more, and calls `see` with each line that they complete. */
  read(most: number, see: (line: string) => void): void {
    const bytes = bytesAt(this.#path, { from: this.#offset, most });
    this.#offset += bytes.length;
    const end = bytes.lastIndexOf(LINE_FEED);
    if (end < 0) return this.#keep(joined(this.#rest, bytes));
    const whole = joined(this.#rest, bytes.subarray(0, end));
    this.#rest = bytes.slice(end + 1);
    const lines = this.#decoder.decode(whole).split("\n");
    // Of a line that was too long to keep, the end alone is here: a damaged line.
    if (this.#isTooLong) lines[0] = "";
    this.#isTooLong = false;
    lines.forEach(see);
  }

  #keep(line: Uint8Array<ArrayBuffer>): void {
    this.#isTooLong ||= line.length > LONGEST_LINE;
    this.#rest = this.#isTooLong ? new Uint8Array() : line;
  }
}

/** Returns the whole lines at the beginning and at the end of a file, without what lies between. */
export function outerLines(
  path: string,
  { size, reach }: { size: number; reach: number },
): string[] {
  const text = (from: number): string =>
    new TextDecoder().decode(bytesAt(path, { from, most: reach }));
  const head = text(0).split("\n").slice(0, 1);
  return [...head, ...text(size - reach).split("\n").slice(1, -1)];
}

function bytesAt(
  path: string,
  { from, most }: { from: number; most: number },
): Uint8Array<ArrayBuffer> {
  using file = Deno.openSync(path);
  file.seekSync(from, Deno.SeekMode.Start);
  const bytes = new Uint8Array(most);
  let length = 0;
  while (length < most) {
    const count = file.readSync(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
