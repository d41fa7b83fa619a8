/**
 * `deno task submit`: renders a script of slurm/ for a profile and submits it by sbatch; `--dry_run` only prints it.
 *
 * @module
 */

import { join } from "node:path";
import { environmentOfOne } from "../options/environment.ts";
import { ExitCode, usageError, UserError } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import { exists } from "../base/files.ts";
import { missingFolders, removeEmptyFolders } from "../base/made_folders.ts";
import { projectRoot, readSetup } from "../setup/record.ts";
import { gpuProblem } from "../runtime/gpu_fit.ts";
import { configurationOf } from "../encoder/weights_file.ts";
import { SUBMIT } from "../options/commands/slurm.ts";
import { jobFolder, render } from "./render.ts";
import { budgetPrice, JOBS, readRequest, type Request } from "./request.ts";
import { type Site, siteHere } from "./site.ts";
import { ask } from "../base/processes.ts";
import { variablesOutsideJobs } from "./variables.ts";
import { printLine, showLine } from "../base/output.ts";

/** Returns the options of a checkpoint; none for a file that a training has not written yet. */
function configurationIfThere(path: string): Readonly<Record<string, unknown>> {
  return exists(path) ? configurationOf(path) : {};
}

/** Returns the problems that would end the job on the compute node. */
function problemsOf(request: Request, site: Readonly<Site>): string[] {
  const setup = readSetup();
  if (setup === undefined) return ["the core is not set up: run deno task setup on a login node"];
  const deno = site.denoIsThere
    ? undefined
    : `there is no Deno at ${site.deno}, which the job would start: run deno task setup on a login node, or set BYOL_DENO`;
  const gpus = request.gpus ? gpuProblem(request.profile.architecture, setup) : undefined;
  const never = request.job !== "eval" && request.config.resume === "never"
    ? "--resume=never would refuse the run's own folder when the job starts again: expected a new --run_dir without it"
    : undefined;
  return [deno, gpus, never].filter((problem) => problem !== undefined);
}

/**
 * Submits a job, or prints its script.
 *
 * @returns the exit code
 * @throws UserError for wrong options, for a job that would fail on the compute node, and where sbatch refuses the job
 */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const site = await siteHere();
  const { request, own } = readRequest(args, {
    spec: SUBMIT,
    environment: { ...environmentOfOne(), checkpointConfig: configurationIfThere },
    site,
  });
  const template = Deno.readTextFileSync(join(projectRoot, "slurm", JOBS[request.job].script));
  const script = render(request, { template, root: projectRoot });
  const problems = problemsOf(request, site);
  request.nodeNotes.forEach(showLine);
  const price = budgetPrice(request);
  if (price !== undefined) showLine(`--time_budget: ${price}`);
  if (own.dryRun) {
    for (const problem of problems) showLine(`Cannot submit: ${problem}`);
    printLine(script);
    return ExitCode.ok;
  }
  if (problems.length > 0) {
    throw new UserError(`Cannot submit: ${problems.join("; ")}`, ExitCode.setup);
  }
  const { file, answer } = await submitted(request, script);
  showLine(`${file}\nlogs in ${jobFolder(request)}`);
  printLine(answer);
  return ExitCode.ok;
}

/**
 * Writes a script into the folder of its request, and submits the file.
 *
 * @returns the file, and what sbatch prints
 * @throws UserError where sbatch is missing or refuses the file, after nothing is left of file and folder
 */
async function submitted(
  request: Request,
  script: string,
): Promise<{ file: string; answer: string }> {
  const folder = jobFolder(request);
  const made = missingFolders(folder);
  const stamp = new Date().toISOString().replace(/[:.]/g, "-");
  const file = join(folder, `${request.job}-${stamp}.sbatch`);
  try {
    // Slurm silently writes no log where the folder is missing.
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(file, script, { mode: 0o755 });
    const options = { cwd: projectRoot, env: variablesOutsideJobs(), clearEnv: true };
    const answer = await ask("sbatch", ["--parsable", file], options);
    if (answer === undefined) {
      throw new UserError(
        "Cannot submit: there is no sbatch here, expected a login node; --dry_run prints the script",
        ExitCode.setup,
      );
    }
    if (answer.code !== 0) throw usageError(`Cannot submit: ${answer.stderr.trim()}`);
    return { file, answer: answer.stdout.trim() };
  } catch (error) {
    if (exists(file)) Deno.removeSync(file);
    removeEmptyFolders(made);
    throw asUserError(error, ExitCode.runFolder, { task: `write ${file}` });
  }
}
