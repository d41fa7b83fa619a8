/** Asks the Python programs in oracle/: PyTorch's own numbers, compared there with ours. */

import { equal, ok } from "node:assert/strict";
import { liveHandles } from "../../src/native/core.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { oracleEnvironment, oracleFolder } from "../runner/oracle.ts";
import { skip } from "../support/skip.ts";

/** Report that an oracle program prints. */
export interface OracleReport {
  /** Which comparison it is. */
  what: string;
  ok: boolean;
  /** Number of tensors and numbers that were compared. */
  compared: number;
  /** The comparisons nearest to what is allowed, or beyond it, worst first. */
  worst: { name: string; difference: number | "inf" | "nan"; allowed: number }[];
  failureCount: number;
  /** The first failures, in words. */
  failures: string[];
  /** Further fields of a program. */
  [extra: string]: unknown;
}

/** A comparison with PyTorch: the tests run some, `deno task bench parity` all. */
export interface ParityCheck {
  /** Name of the comparison in the tests and in the bench's table. */
  name: string;
  /** The least number of comparisons that makes a right answer one. */
  least: number;
  /** Runs both sides. Needs the oracle. */
  run(): Promise<OracleReport[]>;
}

/** Makes each comparison a test, skipped loudly where PyTorch is not installed. */
export function parityTests(checks: readonly ParityCheck[]): void {
  for (const check of checks) {
    // The oracle's process outlives the test that started it.
    const shared = { sanitizeResources: false, sanitizeOps: false };
    Deno.test(check.name, shared, async () => {
      if (oracleFolder() === undefined) {
        return skip("PyTorch is not installed (run: deno task test --oracle=install)", check.name);
      }
      requireAgreement(check, await check.run());
      equal(liveHandles(), 0, "objects of the core are still alive");
    });
  }
}

/** @throws AssertionError with what differs */
export function requireAgreement({ name, least }: ParityCheck, reports: OracleReport[]): void {
  const failures = reports.flatMap((report) => report.failures);
  equal(failures.length, 0, `${name}\n  ${failures.join("\n  ")}`);
  ok(reports.length > 0 && reports.every((report) => report.ok), `${name}: not ok, unexplained`);
  const compared = reports.reduce((sum, report) => sum + report.compared, 0);
  ok(compared >= least, `${name}: compared ${compared}, expected at least ${least}`);
}

/**
 * Runs a program of oracle/ to its end.
 *
 * @throws Error when it could not compare at all
 */
export function askOracle(script: string, args: string[]): Promise<OracleReport> {
  return askPython<OracleReport>(script, args);
}

/**
 * Runs a program of oracle/ to its end, and returns the JSON that it prints.
 *
 * @throws Error with the program's own error
 */
export async function askPython<T>(script: string, args: string[]): Promise<T> {
  const oracle = theOracle();
  await oracle.send(JSON.stringify([script, ...args]));
  return await oracle.receive() as T;
}

/** Starts Python, where the oracle is installed, before any test: none of them has then left it running. */
export function startOracle(): void {
  if (oracleFolder() !== undefined) theOracle();
}

/** A program of oracle/ that is told file names and answers each with a report: files need not be kept. */
export class OracleConversation implements AsyncDisposable {
  readonly #oracle = theOracle();
  readonly #begun: Promise<void>;
  #over = false;

  /** Starts it. */
  constructor(script: string, args: string[]) {
    this.#begun = this.#oracle.send(JSON.stringify([script, ...args, "--follow"]));
  }

  /** @throws Error when the program could not compare at all, and has ended */
  async ask(path: string): Promise<OracleReport> {
    await this.#begun;
    await this.#oracle.send(path);
    try {
      return await this.#oracle.receive() as OracleReport;
    } catch (error) {
      this.#over = true;
      throw error;
    }
  }

  /** Ends it. @returns its last word */
  async end(): Promise<OracleReport> {
    const report = await this.ask("");
    this.#over = true;
    return report;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) await this.end();
  }
}

let oracle: Oracle | undefined;

function theOracle(): Oracle {
  return oracle ??= new Oracle();
}

/** The Python process that runs all of it: importing torch costs seconds. It ends with this one. */
class Oracle {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #unread = "";

  constructor() {
    this.#child = new Deno.Command("python3", {
      args: ["tests/parity/oracle/serve.py"],
      cwd: projectRoot,
      env: oracleEnvironment(),
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    // Idle, it keeps nobody from ending.
    this.#child.unref();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async send(line: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(`${line}\n`));
  }

  async receive(): Promise<unknown> {
    this.#child.ref();
    while (!this.#unread.includes("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("Cannot compare with PyTorch: its process has ended");
      this.#unread += value;
    }
    this.#child.unref();
    const end = this.#unread.indexOf("\n");
    const report = JSON.parse(this.#unread.slice(0, end));
    this.#unread = this.#unread.slice(end + 1);
    if ("error" in report) throw new Error(`Cannot compare with PyTorch: ${report.error}`);
    return report;
  }
}
