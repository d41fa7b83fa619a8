/**
 * Text on stderr and stdout, whose reader may have ended, whose disk may be full, whose terminal may have hung up. No
 * work ends by that: a note that cannot be shown is dropped, and a result that cannot be printed gives exit code 8 in
 * the end.
 *
 * @module
 */

/** Wait for a slow reader whose end of a pipe blocks no writer, in milliseconds, and its intervals. */
const PATIENCE_MILLISECONDS = { note: 100, result: 5000 };
const INTERVAL_MILLISECONDS = 20;

/** Deno.stdout, Deno.stderr or a file. */
interface Writer {
  writeSync(bytes: Uint8Array): number;
}

const encoder = new TextEncoder();
/** Failure of the note before; undefined where that was shown. */
let lostNote: string | undefined;
let isLost = false;
/** True while stderr's last line waits to be rewritten: no line break follows it. */
let hasOpenLine = false;

/** Sequence that erases a terminal's line and returns to its beginning. */
const ERASE_LINE = "\r\x1b[2K";

/** Shows a line on stderr, a terminal, in the place of the one that was shown so before. Any other text erases it. */
export function showOpenLine(line: string): void {
  show(line);
  hasOpenLine = true;
}

/** Leaves the line of `showOpenLine()` as it is and goes to the next one; without such a line, does nothing. */
export function endOpenLine(): void {
  if (!hasOpenLine) return;
  hasOpenLine = false;
  show("\n");
}

/** Shows a text on stderr as it is. Notes are dropped while none can be shown; the first one after them names the gap. */
export function show(text: string): void {
  const before = lostNote;
  if (before !== undefined) {
    lostNote = write(Deno.stderr, `\n(what was to be shown before this is lost: ${before})\n`, 0);
    if (lostNote !== undefined) return;
  }
  const erasing = hasOpenLine ? ERASE_LINE : "";
  hasOpenLine = false;
  lostNote = write(Deno.stderr, `${erasing}${text}`, PATIENCE_MILLISECONDS.note);
}

/** Shows a line on stderr. */
export function showLine(line: string): void {
  show(`${line}\n`);
}

/**
 * Prints a result on stdout as it is.
 *
 * @returns false where it could not be printed; `isResultLost()` remembers it
 */
export function print(result: string | Uint8Array): boolean {
  // The result may go to the terminal that shows the open line.
  if (hasOpenLine) show("");
  const failure = write(Deno.stdout, result, PATIENCE_MILLISECONDS.result);
  if (failure === undefined) return true;
  if (!isLost) showLine(`Cannot print the result: ${failure}`);
  isLost = true;
  return false;
}

/** Prints a line on stdout; see `print()`. */
export function printLine(line: string): boolean {
  return print(`${line}\n`);
}

/** Returns true where a part of the result could not be printed. */
export function isResultLost(): boolean {
  return isLost;
}

/** Writes all of it. @returns the failure of the system, in words */
function write(to: Writer, text: string | Uint8Array, patience: number): string | undefined {
  const bytes = typeof text === "string" ? encoder.encode(text) : text;
  const until = performance.now() + patience;
  for (let done = 0; done < bytes.length;) {
    try {
      done += to.writeSync(bytes.subarray(done));
    } catch (error) {
      if (error instanceof Deno.errors.Interrupted) continue;
      const isBusy = error instanceof Deno.errors.WouldBlock && performance.now() < until;
      if (!isBusy) return (error as Error).message;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, INTERVAL_MILLISECONDS);
    }
  }
  return undefined;
}
