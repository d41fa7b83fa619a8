/** A run of the suite: its stages, its jobs, its results. */

import { counted } from "../../src/base/counted.ts";
import { ExitCode, UserError } from "../../src/base/exit_codes.ts";
import { coreEnvironment, runCargoTests } from "./cargo_tests.ts";
import { type Check, EARLY_TESTS, earlyChecks, lateChecks, runCheck, typesOf } from "./checks.ts";
import { type PartFile, runFile } from "./deno_tests.ts";
import { type TestFile, testFiles } from "./files.ts";
import { installOlderOnnxRuntime } from "./older_onnxruntime.ts";
import { installOracle } from "./oracle.ts";
import { installPackages } from "./packages.ts";
import { type Job, runAll } from "./pool.ts";
import { report, type StepResult, stepWithoutTests, totalOf } from "./report.ts";
import type { Request } from "./request.ts";
import { CARGO_SECONDS, EXCLUSIVE, NEEDS_ORACLE, OTHER_SECONDS, SECONDS } from "./schedule.ts";
import { runSetUp } from "./set_up.ts";

/** A run of the suite. */
export class Run {
  readonly #request: Request;
  readonly #signal: AbortSignal;
  readonly #started = performance.now();
  readonly #steps: StepResult[] = [];
  /** Parts of names that tests and checks are picked by. */
  readonly #names: readonly string[];
  readonly #files: readonly TestFile[];
  /** Installations that run beside the first stages. */
  #packages: Promise<StepResult> | undefined;
  #oracle: Promise<StepResult> | undefined;

  /** @throws {UserError} when a file of tests belongs to no part. */
  constructor(request: Request, signal: AbortSignal) {
    this.#request = request;
    this.#signal = signal;
    const paths = request.filters.filter(isPath);
    this.#names = request.filters.filter((filter) => !isPath(filter));
    this.#files = testFiles().filter(({ path, part }) =>
      request.parts.includes(part) && !(this.#checks && EARLY_TESTS.includes(path)) &&
      (paths.length === 0 || paths.some((wanted) => path.startsWith(wanted)))
    );
  }

  /** Runs all that was asked for, up to the first stage that fails, and prints the report. */
  async toTheEnd(): Promise<ExitCode> {
    const stages = [
      () => this.#checkEarly(),
      () => this.#setUp(),
      () => this.#checkLate(),
      () => this.#test(),
    ];
    for (const stage of stages) {
      if (!this.#signal.aborted && totalOf(this.#steps).failed === 0) await stage();
    }
    this.#nameUntested();
    const installed = await Promise.all([this.#packages, this.#oracle]);
    this.#steps.push(...installed.filter((step) => step !== undefined));
    console.log(report(this.#steps, (performance.now() - this.#started) / 1000));
    const { passed, failed } = totalOf(this.#steps);
    const nothingRan = passed === 0 && this.#request.parts.some((part) => part !== "set-up");
    return failed > 0 || nothingRan ? ExitCode.unexpected : ExitCode.ok;
  }

  /** Names the files of tests that an earlier failure or an interruption has left out. */
  #nameUntested(): void {
    const ran = new Set(this.#steps.map(({ name }) => name));
    const left = this.#files.filter(({ path }) => !ran.has(path));
    if (left.length === 0) return;
    const reason = this.#signal.aborted
      ? "the run was interrupted"
      : "a stage before it has failed";
    this.#steps.push({
      ...stepWithoutTests("not run", counted(left.length, "file"), 0),
      skipped: left.map(({ path }) => `SKIPPED: ${path} because ${reason}`),
    });
  }

  get #checks(): boolean {
    return this.#request.parts.includes("checks");
  }

  async #checkEarly(): Promise<void> {
    if (!this.#checks) return;
    const tests = this.#names.length > 0 ? [] : EARLY_TESTS;
    await this.#runAll([
      ...this.#checkJobs(earlyChecks()),
      ...tests.map((path) => this.#fileJob({ path, part: "checks" })),
    ]);
  }

  async #setUp(): Promise<void> {
    const nothingElse = this.#request.parts.every((part) => part === "checks") &&
      this.#checkJobs(lateChecks()).length === 0;
    if (nothingElse) return;
    const signal = this.#signal;
    if (this.#request.installPackages) this.#packages = installPackages(signal);
    const onLibtorch = (libtorch: string): void => {
      if (!this.#request.installOracle) return;
      const started = performance.now();
      this.#oracle ??= guarded("set-up", "oracle", async () => {
        await installOracle({ libtorch, signal });
        const older = await installOlderOnnxRuntime({ signal });
        const seconds = (performance.now() - started) / 1000;
        return [stepWithoutTests("set-up", `oracle; ${older}`, seconds)];
      }).then(([step]) => step!);
    };
    await this.#run("set-up", "set-up", () => runSetUp({ signal, onLibtorch }));
  }

  async #checkLate(): Promise<void> {
    // A run without the static checks looks at the types of what it runs.
    const files = this.#files.map(({ path }) => path);
    const alone = files.length > 0 ? [this.#checkJob(typesOf(files))] : [];
    await this.#runAll(this.#checks ? this.#checkJobs(lateChecks()) : alone);
  }

  async #test(): Promise<void> {
    await this.#packages;
    const jobs = this.#files.map((file) => this.#fileJob(file));
    if (this.#request.parts.includes("units") && this.#request.filters.length === 0) {
      const environment = await coreEnvironment();
      jobs.push({
        seconds: CARGO_SECONDS,
        alone: false,
        run: () => this.#run("units", "Rust tests", () => runCargoTests(environment, this.#signal)),
      });
    }
    await this.#runAll(jobs);
  }

  async #runAll(jobs: readonly Job[]): Promise<void> {
    await runAll(jobs, { width: this.#request.jobs, signal: this.#signal });
  }

  #checkJobs(checks: readonly Check[]): Job[] {
    const wanted = checks.filter(({ name }) =>
      this.#names.length === 0 || this.#names.some((part) => name.includes(part))
    );
    return wanted.map((check) => this.#checkJob(check));
  }

  #checkJob(check: Check): Job {
    return {
      seconds: check.buildsCore ? CARGO_SECONDS : OTHER_SECONDS,
      alone: false,
      run: () => this.#run("checks", check.name, async () => [await runCheck(check, this.#signal)]),
    };
  }

  #fileJob(file: PartFile): Job {
    const { path, part } = file;
    const options = { names: this.#names, signal: this.#signal };
    return {
      seconds: SECONDS[path] ?? OTHER_SECONDS,
      alone: path in EXCLUSIVE,
      after: part === "parity" || NEEDS_ORACLE.includes(path) ? this.#oracle : undefined,
      run: () => this.#run(part, path, async () => [await runFile(file, options)]),
    };
  }

  async #run(part: string, name: string, work: () => Promise<StepResult[]>): Promise<void> {
    this.#steps.push(...await guarded(part, name, work));
  }
}

/**
 * Returns the results of some work, with a step for the work itself where it has none. What the work throws is a
 * failure of the step: the others continue.
 */
async function guarded(
  part: string,
  name: string,
  work: () => Promise<StepResult[]>,
): Promise<StepResult[]> {
  const started = performance.now();
  const step = (): StepResult => stepWithoutTests(part, name, (performance.now() - started) / 1000);
  try {
    const results = await work();
    return results.length > 0 ? results : [step()];
  } catch (error) {
    const counts = { passed: 0, failed: 1, skipped: 0 };
    const problem = error instanceof UserError ? error.message : (error as Error).stack;
    return [{ ...step(), counts, problems: [problem ?? `${error}`] }];
  }
}

function isPath(filter: string): boolean {
  return /^(tests|bench)\//.test(filter);
}
