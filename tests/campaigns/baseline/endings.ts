/** Command lines that end in an error or early, and the exit codes that they end with. */

import { join } from "node:path";
import { checkpointOf, start, trained } from "../../support/ranks_run.ts";
import { PLAIN, trainingArgs, type Values } from "./trainings.ts";

/** A command line, and the environment that it is started in. */
interface Ending {
  args: string[];
  env?: Record<string, string>;
}

/** Returns the command lines; `run` is the folder of a finished run, `none` one that is not there yet. */
function endings(run: string, none: string): Record<string, Ending> {
  const train = (...options: string[]): Ending => ({ args: trainingArgs(none, ...options) });
  const evaluate = (...options: string[]): Ending => ({
    args: ["eval", "--threads=1", ...options],
  });
  const checkpoint = `--checkpoint=${checkpointOf(run, 4)}`;
  return {
    "no command": { args: [] },
    "an unknown command": { args: ["trian"] },
    "help": { args: ["train", "--help"] },
    "an unknown option": train("--nope=1"),
    "an argument without dashes": train("resnet18"),
    "a value out of range": train("--batch_size=0"),
    "a value of another kind": train("--lr_init=fast"),
    "an unknown choice": train("--resnet_type=resnet19"),
    "an unknown preset": train("--preset=nope"),
    "options that exclude each other": train("--precision=mixed", "--dtype=float64"),
    "an option of eval": train(checkpoint),
    "a batch that ranks cannot share": train("--batch_size=9", "--ranks=2"),
    "a batch larger than the data": train("--batch_size=64"),
    "resnet20 for large images": train("--dataset_name=imagenet"),
    "data that are not there": train("--dataset_name=cifar10", `--data_dir=${none}`, "--offline"),
    "a run folder that cannot be": train("--run_dir=/proc/none"),
    "the folder of another run": train(`--run_dir=${run}`, "--seed=5"),
    "a finished run": train(`--run_dir=${run}`),
    "a finished run, to an earlier step": train(`--run_dir=${run}`, "--max_steps=2"),
    "a checkpoint that is not there": train(`--resume=${join(none, "none.safetensors")}`),
    "numbers that are not finite": train("--lr_init=1e30", "--eta=1e30"),
    "a collapse": train("--stop_on_collapse", "--collapse_below=1", "--collapse_rows=1"),
    "a rank that meets nobody": {
      ...train("--init_timeout=1"),
      env: { RANK: "1", WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: "1" },
    },
    "eval without a checkpoint": evaluate(),
    "eval of another architecture": evaluate(checkpoint, "--z_dim=4"),
    "eval of no checkpoint": evaluate(`--checkpoint=${join(run, "config.json")}`),
    "info without a checkpoint": { args: ["info"] },
    "info of no checkpoint": { args: ["info", `--checkpoint=${join(run, "config.json")}`] },
    "export to nothing known": { args: ["export", checkpoint, "--to=nope", `--out=${none}`] },
    "embed without a checkpoint": { args: ["embed"] },
  };
}

/** Runs them with the program of the checkout `root`, beside the trainings in `folder`. */
export async function measureEndings(
  root: string,
  folder: string,
  log: (line: string) => void,
): Promise<Values> {
  const values: Values = {};
  const none = join(folder, "none");
  for (const [name, { args, env }] of Object.entries(endings(join(folder, PLAIN), none))) {
    log(`exit code of ${name}`);
    values[`exit code: ${name}`] = (await start(args, env, { root }).ended).code;
    await Deno.remove(none, { recursive: true }).catch(() => {});
  }
  log("exit code of an interrupted run");
  values["exit code: an interrupted run"] = await interruptedCode(root, none);
  return values;
}

async function interruptedCode(root: string, runDir: string): Promise<number> {
  const { child, ended } = start(trainingArgs(runDir, "--nb_epochs=1000"), {}, { root });
  await trained(runDir, 1);
  child.kill("SIGUSR2");
  return (await ended).code;
}
