import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../../src/setup/record.ts";

/** Runs a main function as a program, with $BYOL_FAILURE_BASE where a base is given. */
async function program(
  main: string,
  { base, allowed = ["--allow-env"] }: { base?: string; allowed?: readonly string[] } = {},
): Promise<{ code: number; stderr: string }> {
  const module = join(projectRoot, "src/base/exit_codes.ts");
  const text =
    `import { ExitCode, runMain, UserError } from "file://${module}"; await runMain(${main});`;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      ...allowed,
      `data:application/typescript,${encodeURIComponent(text)}`,
    ],
    env: { NO_COLOR: "1", ...base !== undefined && { BYOL_FAILURE_BASE: base } },
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

const FAILS = '() => { throw new UserError("no", ExitCode.data); }';
const BUG = '() => { throw new TypeError("a bug"); }';

Deno.test("under srun a failure's exit code is larger than that of a rank ended by it", async () => {
  const codes = async (base?: string): Promise<number[]> =>
    (await Promise.all(
      ["() => 0", "() => 9", "() => 75", FAILS, BUG].map((main) => program(main, { base })),
    )).map(({ code }) => code);
  const [alone, launched, underSrun] = await Promise.all([codes(), codes(""), codes("200")]);
  equal(`${alone}`, "0,9,75,3,1");
  equal(`${launched}`, "0,9,75,3,1");
  equal(`${underSrun}`, "0,109,75,203,201");
});

Deno.test("a bug keeps its stack, and a program without permissions its exit code", async () => {
  for (const base of [undefined, "200"]) {
    const { stderr } = await program(BUG, { base });
    match(stderr, /TypeError: a bug\n +at /);
  }
  equal((await program(FAILS, { base: "200", allowed: [] })).code, 3);
});
