/** Programs that benches measure side by side: processes that do work when they are asked to. */

import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { projectRoot } from "../src/setup/record.ts";

/** Cost of a round of work. */
export interface Answer {
  /** By part. */
  seconds: Record<string, number>;
  /** So many were worked on. */
  images: number;
  /** The most memory that the process held so far. */
  peak_mib: number;
}

/** A process that does work when it is asked to. */
export class Worker {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array>;
  /** Answers of the worker, round by round. */
  readonly answers: Answer[] = [];
  /** The most memory of the device that it held, where there is one. */
  gpuMebibytes = 0;

  constructor(command: string, args: string[], env: Record<string, string> = {}) {
    this.#child = new Deno.Command(command, {
      args,
      cwd: projectRoot,
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const input = Readable.from(this.#child.stdout);
    this.#lines = createInterface({ input })[Symbol.asyncIterator]();
    this.#requests = this.#child.stdin.getWriter();
  }

  async #read(): Promise<Record<string, unknown>> {
    const { value } = await this.#lines.next();
    if (value !== undefined) return JSON.parse(value);
    const stderr = await new Response(this.#child.stderr).text();
    throw new Error(stderr.trim().split("\n").at(-1) ?? "it ended without a word");
  }

  /** Waits until its warm-up is done. @throws Error with the last line of its stderr where it ended instead */
  async ready(): Promise<void> {
    await this.#read();
  }

  /** Has it do some work, and keeps its answer. */
  async ask(request: Record<string, unknown>): Promise<void> {
    await this.#requests.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
    this.answers.push(await this.#read() as unknown as Answer);
  }

  /** Of its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Has it give back memory that only a running step needs. For Python's. */
  async release(): Promise<void> {
    await this.#requests.write(new TextEncoder().encode('{"release":true}\n'));
    await this.#read();
  }

  /** Has it end. */
  async close(): Promise<void> {
    await this.#requests.close();
    await this.#child.stderr.cancel().catch(() => {});
    await this.#child.status;
  }
}
