import { doesNotMatch, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../src/setup/record.ts";
import { inFolder } from "../support/in_folder.ts";
import { skip } from "../support/skip.ts";

/** Memory that a refused program may have, in bytes. */
const LITTLE = 900e6;

/** Runs the program with as much memory as the system allows (RLIMIT_DATA), and returns the exit code and stderr. */
async function ranWithin(
  bytes: number | "unlimited",
  args: readonly string[],
): Promise<{ code: number; stderr: string }> {
  const program = [Deno.execPath(), "run", "--no-prompt", "--allow-all", "src/cli.ts"];
  const { code, stderr } = await new Deno.Command("prlimit", {
    args: [`--data=${bytes}`, ...program, ...args, "--threads=1"],
    cwd: projectRoot,
    stdin: "null",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

/** Returns true where the system's memory can be limited; reports a skipped test otherwise. */
async function canLimit(): Promise<boolean> {
  try {
    await new Deno.Command("prlimit", { args: ["--version"] }).output();
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    skip("there is no prlimit (util-linux)");
    return false;
  }
}

Deno.test("memory that the system refuses is told with what needs less, whatever needed it", async () => {
  if (!await canLimit()) return;
  const cases = [
    // The networks: the heads' weights.
    { args: ["--max_steps=1", "--z_dim=8192", "--hidden_dim=16384"], images: 64, half: 32 },
    // A step.
    { args: ["--max_steps=1", "--batch_size=4096"], images: 4096, half: 2048 },
    // The measured steps of a budget.
    { args: ["--batch_size=4096", "--time_budget=10m"], images: 4096, half: 2048 },
  ];
  for (const { args, images, half } of cases) {
    const { code, stderr } = await inFolder((folder) =>
      ranWithin(LITTLE, ["train", `--run_dir=${join(folder, "run")}`, ...args])
    );
    equal(code, 1, stderr);
    match(
      stderr,
      new RegExp(
        `Cannot train on ${images} images a pass: this machine has no memory left \\(.+\\)`,
      ),
    );
    match(stderr, new RegExp(`expected --max_batch_per_rank=${half} .+, or --activation_checkp`));
    doesNotMatch(stderr, /^ +at /m);
  }
});

Deno.test("eval and embed without memory name their own options", async () => {
  if (!await canLimit()) return;
  await inFolder(async (folder) => {
    const run = join(folder, "run");
    const training = [`--run_dir=${run}`, "--max_steps=1", "--clsf_every=0", "--batch_size=8"];
    equal((await ranWithin("unlimited", ["train", ...training])).code, 0);
    const pixels = "--image_size=362 \\(half as many pixels as 512, other accuracies\\)";
    const embedded = {
      task: "embed 250 images a pass",
      helps: `${pixels}, or a machine with more`,
    };
    const cases = [
      { args: ["eval", "--image_size=512", "--protocol=knn"], ...embedded },
      { args: ["embed", "--image_size=512", `--out=${join(folder, "x.npy")}`], ...embedded },
      {
        args: ["eval", "--protocol=finetune", "--batch_size_clsf=4096", "--nb_epochs_clsf=1"],
        task: "fine-tune on 4096 images a step",
        helps: "--batch_size_clsf=2048, or --image_size=22 ",
      },
    ];
    for (const { args, task, helps } of cases) {
      const { code, stderr } = await ranWithin(LITTLE, [...args, `--checkpoint=${run}`]);
      equal(code, 1, stderr);
      const lack = "this machine has no memory left \\(.+\\), expected";
      match(stderr, new RegExp(`Cannot ${task}: ${lack} ${helps}`));
      doesNotMatch(stderr, /^ +at |frame #/m);
    }
  });
});
