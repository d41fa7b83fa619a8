/**
 * `deno task submit`: renders a script of slurm/ for a profile and submits it by sbatch; `--dry_run` only prints it.
 *
 * @module
 */

import { join } from "node:path";
import { thisEnvironment } from "../options/environment.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { exists } from "../base/files.ts";
import { missingFolders, removeEmptyFolders } from "../base/made_folders.ts";
import { projectRoot, readSetup } from "../setup/record.ts";
import { gpuProblem } from "../runtime/gpu_fit.ts";
import { configurationOf } from "../encoder/weights_file.ts";
import { SUBMIT } from "../options/commands/slurm.ts";
import { jobFolder, render } from "./render.ts";
import { JOBS, readRequest, type Request } from "./request.ts";
import { siteHere } from "./site.ts";
import { ask } from "../base/processes.ts";
import { printLine, showLine } from "../base/output.ts";

/** Returns the options of a checkpoint; none for a file that a training has not written yet. */
function configurationIfThere(path: string): Readonly<Record<string, unknown>> {
  return exists(path) ? configurationOf(path) : {};
}

/** Returns the problems that would end the job on the compute node. */
function problemsOf(request: Request): string[] {
  const setup = readSetup();
  if (setup === undefined) return ["the core is not set up: run deno task setup on a login node"];
  const gpus = request.gpus ? gpuProblem(request.profile.architecture, setup) : undefined;
  const never = request.job !== "eval" && request.config.resume === "never"
    ? "--resume=never would refuse the run's own folder when the job starts again: expected a new --run_dir without it"
    : undefined;
  return [gpus, never].filter((problem) => problem !== undefined);
}

/**
 * Submits a job, or prints its script.
 *
 * @returns the exit code
 * @throws UserError for wrong options, for a job that would fail on the compute node, and where sbatch refuses the job
 */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const { request, own } = readRequest(args, {
    spec: SUBMIT,
    environment: { ...thisEnvironment(), checkpointConfig: configurationIfThere },
    site: await siteHere(),
  });
  const template = Deno.readTextFileSync(join(projectRoot, "slurm", JOBS[request.job].script));
  const script = render(request, { template, root: projectRoot });
  const problems = problemsOf(request);
  if (own.dryRun) {
    for (const problem of problems) showLine(`Cannot submit: ${problem}`);
    printLine(script);
    return ExitCode.ok;
  }
  if (problems.length > 0) {
    throw new UserError(`Cannot submit: ${problems.join("; ")}`, ExitCode.setup);
  }
  const folder = jobFolder(request);
  const made = missingFolders(folder);
  // Slurm silently writes no log where the folder is missing.
  Deno.mkdirSync(folder, { recursive: true });
  const stamp = new Date().toISOString().replace(/[:.]/g, "-");
  const file = join(folder, `${request.job}-${stamp}.sbatch`);
  Deno.writeTextFileSync(file, script, { mode: 0o755 });
  const answer = await ask("sbatch", ["--parsable", file], { cwd: projectRoot });
  if (answer === undefined) {
    Deno.removeSync(file);
    removeEmptyFolders(made);
    throw new UserError(
      "Cannot submit: there is no sbatch here, expected a login node; --dry_run prints the script",
      ExitCode.setup,
    );
  }
  if (answer.code !== 0) {
    throw new UserError(`Cannot submit ${file}: ${answer.stderr.trim()}`, ExitCode.usage);
  }
  showLine(`${file}\nlogs in ${folder}`);
  printLine(answer.stdout.trim());
  return ExitCode.ok;
}
