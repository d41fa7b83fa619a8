/**
 * `deno task submit`: renders a script of slurm/ for a profile and hands it to sbatch; --dry_run prints it.
 *
 * @module
 */

import { join } from "node:path";
import { thisEnvironment } from "../options/environment.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { exists } from "../base/files.ts";
import { projectRoot, readSetup } from "../setup/record.ts";
import { gpuProblem } from "../runtime/gpu_fit.ts";
import { configurationOf } from "../encoder/weights_file.ts";
import { SUBMIT } from "../options/commands/slurm.ts";
import { jobFolder, render } from "./render.ts";
import { JOBS, readRequest, type Request } from "./request.ts";
import { siteHere } from "./site.ts";
import { ask } from "../base/processes.ts";

/** Of a checkpoint that a training is yet to write nothing is known. */
function configurationIfThere(path: string): Readonly<Record<string, unknown>> {
  return exists(path) ? configurationOf(path) : {};
}

/** Lists problems that would otherwise show only once the job runs. */
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
 * @throws UserError for wrong options, for what would only fail in the queue, and where sbatch refuses
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
    for (const problem of problems) console.error(`Would not start: ${problem}`);
    console.log(script);
    return ExitCode.ok;
  }
  if (problems.length > 0) {
    throw new UserError(`Cannot submit: ${problems.join("; ")}`, ExitCode.setup);
  }
  const folder = jobFolder(request);
  // Slurm writes no log where its folder is missing, and says so nowhere.
  Deno.mkdirSync(folder, { recursive: true });
  const stamp = new Date().toISOString().replace(/[:.]/g, "-");
  const file = join(folder, `${request.job}-${stamp}.sbatch`);
  Deno.writeTextFileSync(file, script, { mode: 0o755 });
  const answer = await ask("sbatch", ["--parsable", file], { cwd: projectRoot });
  if (answer === undefined) {
    throw new UserError(
      "Cannot submit: there is no sbatch here, expected a login node; --dry_run prints the script",
      ExitCode.setup,
    );
  }
  if (answer.code !== 0) {
    throw new UserError(`Cannot submit ${file}: ${answer.stderr.trim()}`, ExitCode.usage);
  }
  console.error(`${file}\nlogs in ${folder}`);
  console.log(answer.stdout.trim());
  return ExitCode.ok;
}
