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

  write(text: string): void {
    this.text += text;
  }

  columns(): number {
    return this.#columns;
  }

  now(): number {
    return this.time;
  }
}
