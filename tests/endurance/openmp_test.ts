import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { RANK_PERMISSIONS, TASK_PERMISSIONS } from "../../src/base/permissions.ts";
import { ExitCode } from "../../src/base/exit_codes.ts";
import { newestCheckpoint } from "../../src/run/checkpoint.ts";
import { fingerprintsOf } from "../../src/runtime/fingerprint.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { TINY } from "../support/ranks_run.ts";

const SECONDS = 30;

/** Runs the program; one that hangs is killed, as nothing gentler ends it. */
function program(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; text: string }> {
  const permissions = args[0] === "doctor" ? TASK_PERMISSIONS.doctor : RANK_PERMISSIONS;
  return deno(["run", ...permissions, "src/cli.ts", ...args], env);
}

/** Runs some lines of a program in a process of their own. */
function evaluated(
  code: string,
  env: Record<string, string>,
): Promise<{ code: number; text: string }> {
  return deno(["eval", code], env);
}

async function deno(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number; text: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: projectRoot,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), SECONDS * 1000);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, text: text(stdout) + text(stderr) };
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const RUN = [...TINY, "--max_steps=1"];
/** Variables under which OpenMP makes fewer threads than it is asked for. */
const VARIABLES = { OMP_THREAD_LIMIT: "1", OMP_DYNAMIC: "true", OMP_MAX_ACTIVE_LEVELS: "0" };

for (const [name, value] of Object.entries(VARIABLES)) {
  Deno.test(`${name}=${value} with several threads is refused before the first step, by name`, () =>
    inFolder(async (folder) => {
      const { code, text } = await program(
        ["train", ...RUN, "--threads=2", `--run_dir=${folder}/run`],
        { [name]: value },
      );
      equal(code, ExitCode.usage, text);
      match(
        text,
        new RegExp(
          `^Cannot compute with --threads=2 under ${name}=${value}: expected .*; run: unset ${name}, or give --threads=1\n$`,
        ),
      );
      // The run can begin once that is repaired.
      deepEqual([...Deno.readDirSync(folder)], []);
    }));
}

Deno.test("eval, embed and doctor refuse too few threads, and one thread needs no other", () =>
  inFolder(async (folder) => {
    const env = { OMP_THREAD_LIMIT: "1" };
    const trained = await program(["train", ...RUN, `--run_dir=${folder}/run`], env);
    equal(trained.code, 0, trained.text);
    const checkpoint = `--checkpoint=${join(folder, "run", "encoder.safetensors")}`;
    const commands = [
      ["eval", checkpoint, "--protocol=knn", "--threads=2"],
      ["embed", checkpoint, "--threads=2", `--out=${join(folder, "features.npy")}`],
    ];
    for (const args of commands) {
      const { code, text } = await program(args, env);
      equal(code, ExitCode.usage, text);
      match(
        text,
        /Cannot compute with --threads=2 under OMP_THREAD_LIMIT=1: expected .* at least 2/,
      );
    }
    const node = await program(["doctor", "--threads=2", `--run_dir=${folder}/run`], env);
    equal(node.code, ExitCode.setup, node.text);
    match(node.text, /^FAIL {2}threads +--threads=2 under OMP_THREAD_LIMIT=1: .*unset/m);
    const well = await program(["doctor", "--threads=1", `--run_dir=${folder}/run`], env);
    match(well.text, /^ok {4}threads +1\b/m);
  }));

Deno.test("a GPU's training is not refused for OpenMP's variables", async () => {
  const ask = (device: string): Promise<{ code: number; text: string }> => {
    const core = JSON.stringify(join(projectRoot, "src/native/core.ts"));
    return evaluated(
      `const { coreInfo, setThreads } = await import(${core});
       setThreads(2, ${JSON.stringify(device)});
       console.log(coreInfo().threads);`,
      { OMP_THREAD_LIMIT: "1" },
    );
  };
  deepEqual(await ask("cuda:0"), { code: 0, text: "2\n" });
  match((await ask("cpu")).text, /Cannot compute with --threads=2 under OMP_THREAD_LIMIT=1/);
  const [gpu, cpu] = await Promise.all(
    [["--profile=jeanzay-h100"], []].map((profile) =>
      program(["doctor", "--threads=2", ...profile], { OMP_THREAD_LIMIT: "1" })
    ),
  );
  match(gpu!.text, /^ok {4}threads +2$/m);
  match(cpu!.text, /^FAIL {2}threads /m);
});

Deno.test("a resume under another variable that changes bits is told from an exact one", () =>
  inFolder(async (folder) => {
    const run = ["train", ...TINY, "--save_every_steps=1", `--run_dir=${join(folder, "run")}`];
    const set = { ONEDNN_MAX_CPU_ISA: "AVX2", MKL_CBWR: "COMPATIBLE" };
    const shown = ", MKL_CBWR=COMPATIBLE, ONEDNN_MAX_CPU_ISA=AVX2";
    const first = await program([...run, "--max_steps=1"], set);
    const same = await program([...run, "--max_steps=2"], set);
    deepEqual([first.code, same.code], [0, 0], first.text + same.text);
    doesNotMatch(same.text, /not exact/);
    const other = await program([...run, "--max_steps=3"]);
    equal(other.code, 0, other.text);
    match(other.text, new RegExp(`computed with [^\n]*${shown} and resumes with.*not exact`));
    const newest = newestCheckpoint(join(folder, "run", "checkpoints"), () => {});
    const computers = fingerprintsOf(newest?.metadata);
    // Without any, the fingerprint is that of earlier versions.
    deepEqual(computers.map(({ variables }) => variables), [set, undefined]);
    equal(Object.hasOwn(computers[1] ?? {}, "variables"), false);
  }));
