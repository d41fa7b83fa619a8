import { deepEqual, equal, match } from "node:assert/strict";
import { runProgram, TINY } from "../../bench/endurance/program.ts";
import { resumes } from "../../bench/endurance/resumes.ts";

Deno.test("a run cut at six random steps, one at an evaluation, equals the unbroken one", async () => {
  for (const { failures } of await resumes(6)) deepEqual(failures, []);
});

Deno.test("a resume with other threads goes on and says that it is not exact", async () => {
  const folder = await Deno.makeTempDir();
  const options = ["train", ...TINY, "--clsf_every=0", `--run_dir=${folder}`];
  equal((await runProgram([...options, "--max_steps=1"])).code, 0);
  const same = await runProgram([...options, "--max_steps=2"]);
  equal(same.code, 0, same.stderr);
  equal(/not exact/.test(same.stderr), false, same.stderr);
  const other = await runProgram([...options, "--max_steps=3", "--threads=2"]);
  equal(other.code, 0, other.stderr);
  match(other.stderr, /computed with --threads=1 on .* goes on with --threads=2 on .*not exact/);
  await Deno.remove(folder, { recursive: true });
});
