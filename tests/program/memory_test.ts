import { doesNotMatch, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../src/setup/record.ts";
import { inFolder } from "../support/in_folder.ts";
import { skip } from "../support/skip.ts";

/** Trains with as many bytes of memory as the system allows (RLIMIT_DATA), and returns the exit code and stderr. */
async function trainedWithin(
  bytes: number,
  args: readonly string[],
): Promise<{ code: number; stderr: string }> {
  return await inFolder(async (folder) => {
    const words = [Deno.execPath(), "run", "--no-prompt", "--allow-all", "src/cli.ts", "train"];
    words.push(`--run_dir=${join(folder, "run")}`, "--threads=1", ...args);
    const { code, stderr } = await new Deno.Command("prlimit", {
      args: [`--data=${bytes}`, ...words],
      cwd: projectRoot,
      stdin: "null",
    }).output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  });
}

Deno.test("memory that the system refuses is told with what needs less, whatever needed it", async () => {
  try {
    await new Deno.Command("prlimit", { args: ["--version"] }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return skip("there is no prlimit (util-linux)");
  }
  const cases = [
    // The networks: the heads' weights.
    { args: ["--max_steps=1", "--z_dim=8192", "--hidden_dim=16384"], images: 64, half: 32 },
    // A step.
    { args: ["--max_steps=1", "--batch_size=4096"], images: 4096, half: 2048 },
    // The measured steps of a budget.
    { args: ["--batch_size=4096", "--time_budget=10m"], images: 4096, half: 2048 },
  ];
  for (const { args, images, half } of cases) {
    const { code, stderr } = await trainedWithin(900e6, args);
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
