import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { FEW_IMAGES, runProgram, TINY } from "../support/program.ts";
import { differences, resumes } from "../campaigns/endurance/resumes.ts";
import { checkpointPath, listCheckpoints } from "../../src/run/checkpoint.ts";

Deno.test("a run cut at six random steps, one at an evaluation, equals the unbroken one", async () => {
  for (const { failures } of await resumes(6)) deepEqual(failures, []);
});

Deno.test("a run resumes with other threads and reports that it is not exact", async () => {
  const folder = await Deno.makeTempDir();
  const options = ["train", ...TINY, "--clsf_every=0", `--run_dir=${folder}`];
  equal((await runProgram([...options, "--max_steps=1"])).code, 0);
  const same = await runProgram([...options, "--max_steps=2"]);
  equal(same.code, 0, same.stderr);
  equal(/not exact/.test(same.stderr), false, same.stderr);
  const other = await runProgram([...options, "--max_steps=3", "--threads=2"]);
  equal(other.code, 0, other.stderr);
  match(other.stderr, /computed with --threads=1 on .* resumes with --threads=2 on .*not exact/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a damaged newest checkpoint is said and skipped; where all are, the start ends with 5", async () => {
  const root = await Deno.makeTempDir();
  const start = (name: string, steps: number): ReturnType<typeof runProgram> =>
    runProgram([
      "train",
      ...TINY,
      "--clsf_every=0",
      "--save_every_steps=2",
      `--max_steps=${steps}`,
      `--run_dir=${join(root, name)}`,
    ], { script: FEW_IMAGES });
  const checkpoints = join(root, "damaged", "checkpoints");
  const damage = (step: number): void => {
    const path = checkpointPath(checkpoints, step);
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length >> 1]! ^= 16;
    Deno.writeFileSync(path, bytes);
  };
  equal((await start("damaged", 5)).code, 0);
  // The one before is of step 4, or of an earlier one whose save took longer than a step.
  const before = listCheckpoints(checkpoints)[1]?.step;
  damage(5);
  const { code, stderr } = await start("damaged", 7);
  equal(code, 0, stderr);
  match(stderr, /step-000000005\.safetensors: it is damaged: its SHA-256 .*trying the one before/);
  match(stderr, new RegExp(`resumed at step ${before}\\b`));
  equal((await start("whole", 7)).code, 0);
  deepEqual(differences({ damaged: join(root, "damaged"), whole: join(root, "whole") }, 7), []);

  const all = listCheckpoints(checkpoints).map(({ step }) => step);
  for (const step of all) Deno.truncateSync(checkpointPath(checkpoints, step), 3000);
  const refused = await start("damaged", 9);
  equal(refused.code, 5, refused.stderr);
  match(refused.stderr, /none of the \d checkpoints in \S+ can be used/);
  deepEqual(listCheckpoints(checkpoints).map(({ step }) => step), all);
  await Deno.remove(root, { recursive: true });
});
