import type { Terminal } from "../../src/base/terminal.ts";

/** A screen that keeps what it is shown, and a clock that is set by hand. */
export class Screen implements Terminal {
  text = "";
  time = 0;
  readonly isTerminal: boolean;
  readonly #columns: number;

  constructor(isTerminal: boolean, columns = 80) {
    this.isTerminal = isTerminal;
    this.#columns = columns;
  }

  #hasOpenLine = false;

  write(text: string): void {
    this.text += this.#hasOpenLine ? `\r\x1b[2K${text}` : text;
    this.#hasOpenLine = false;
  }

  rewrite(line: string): void {
    this.write(line);
    this.#hasOpenLine = true;
  }

  endLine(): void {
    if (this.#hasOpenLine) this.text += "\n";
    this.#hasOpenLine = false;
  }

  columns(): number {
    return this.#columns;
  }

  now(): number {
    return this.time;
  }
}
