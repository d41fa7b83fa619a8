import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RANK_PERMISSIONS, TASK_PERMISSIONS } from "../../src/base/permissions.ts";
import { ExitCode } from "../../src/base/exit_codes.ts";
import { listCheckpoints } from "../../src/run/checkpoint.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { rowsOf, TINY, trained } from "../support/ranks_run.ts";

const STEPS = 6;
const OPTIONS = [...TINY, "--save_every=0", "--save_every_minutes=0"];

/** A run folder, which is removed at the end. */
async function inFolder(body: (runDir: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(join(folder, "run"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Words of a shell for the program. */
function programOf(args: readonly string[]): string {
  const permissions = args.some((arg) => arg.startsWith("--ranks="))
    ? TASK_PERMISSIONS.train
    : RANK_PERMISSIONS;
  return [Deno.execPath(), "run", ...permissions, "src/cli.ts", ...args].join(" ");
}

/** Runs a shell's line; `$?` of the program in it is what `kept` holds. */
async function inShell(line: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", line],
    cwd: projectRoot,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return text(stdout) + text(stderr);
}

/** The step of the newest checkpoint. */
function savedStep(runDir: string): number | undefined {
  return listCheckpoints(join(runDir, "checkpoints"))[0]?.step;
}

/** Returns what a program's shell wrote of its end. */
function codeIn(file: string): number {
  return Number(Deno.readTextFileSync(file));
}

// An output that blocks no writer, as a program that shares it may have set it, and a reader that never reads.
const UNREAD = `
import os, subprocess, sys
reader, writer = os.pipe()
os.set_blocking(writer, False)
try:
    while True:
        os.write(writer, b"x" * 4096)
except BlockingIOError:
    pass
sys.exit(subprocess.run(["bash", "-c", sys.argv[1]], stdout=writer, stderr=writer).returncode)
`;
// A terminal that hangs up in the midst of a training that is another session's: its writes fail, no signal comes.
const HANGS_UP = `
import os, pty, sys, time
line, file = sys.argv[1], sys.argv[2]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("bash", ["bash", "-c", 'trap "" HUP; setsid -w bash -c "$0"', line])
until = time.time() + 120
while time.time() < until and not (os.path.exists(file) and open(file).read().count("train") > 1):
    time.sleep(0.02)
os.close(terminal)
os.waitpid(pid, 0)
`;

// A tee that somebody ends in the midst of a training.
const TEE_DIES = `
import os, subprocess, sys, time
line, file = sys.argv[1], sys.argv[2]
tee = subprocess.Popen(["tee", file + ".log"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
program = subprocess.Popen(["bash", "-c", line], stdout=tee.stdin, stderr=tee.stdin)
tee.stdin.close()
until = time.time() + 120
while time.time() < until and not (os.path.exists(file) and open(file).read().count("train") > 1):
    time.sleep(0.02)
tee.kill()
tee.wait()
program.wait()
`;

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
/** Ways to lose stdout and stderr, as a shell's line around a program. */
const WAYS: Readonly<Record<string, (program: string, runDir: string) => string>> = {
  "a head that has seen enough": (program) => `{ ${program}; } 2>&1 | head -1`,
  "a tee that dies": (program, runDir) =>
    `python3 -c ${quoted(TEE_DIES)} ${quoted(program)} ${runDir}/metrics.jsonl`,
  "a log on a full disk": (program) => `{ ${program}; } >/dev/full 2>&1`,
  "a reader that never reads, unblocked": (program) =>
    `python3 -c ${quoted(UNREAD)} ${quoted(program)}`,
  "a terminal that hangs up": (program, runDir) =>
    `python3 -c ${quoted(HANGS_UP)} ${quoted(program)} ${runDir}/metrics.jsonl`,
};

for (const ranks of [1, 2]) {
  for (const [way, around] of Object.entries(WAYS)) {
    Deno.test(`${way} does not end a training on ${ranks} ranks; the lost result is code 8`, () =>
      inFolder(async (runDir) => {
        const code = `${runDir}.code`;
        const args = ["train", ...OPTIONS, `--run_dir=${runDir}`, `--max_steps=${STEPS}`];
        const program = programOf(ranks === 1 ? args : [...args, `--ranks=${ranks}`]);
        const shown = await inShell(around(`${program}; echo $? >${code}`, runDir));
        const rows = rowsOf(runDir).filter(({ kind }) => kind === "train").length;
        deepEqual(
          {
            code: codeIn(code),
            savedStep: savedStep(runDir),
            rows,
            isTraced: /\n +at /.test(shown),
          },
          { code: ExitCode.save, savedStep: STEPS, rows: STEPS, isTraced: false },
        );
      }));
  }
}

Deno.test("a result on a full disk is code 8 of other commands, too, with a sentence", () =>
  inFolder(async (runDir) => {
    await inShell(programOf(["train", ...OPTIONS, `--run_dir=${runDir}`, "--max_steps=1"]));
    const commands = [
      ["info", `--checkpoint=${runDir}/encoder.safetensors`],
      ["metrics", `--run_dir=${runDir}`],
      ["train", "--help"],
    ];
    for (const args of commands) {
      const shown = await inShell(`${programOf(args)} 2>&1 >/dev/full; echo "code $?"`);
      match(shown, /^Cannot print the result: No space left on device.*\ncode 8\n$/);
    }
  }));

Deno.test("ranks whose launcher is killed end with all saved", () =>
  inFolder(async (runDir) => {
    const args = ["train", ...OPTIONS, "--ranks=2", "--nb_epochs=1000", `--run_dir=${runDir}`];
    const words = programOf(args).split(" ");
    const launcher = new Deno.Command(words[0]!, {
      args: words.slice(1),
      cwd: projectRoot,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await trained(runDir, 2);
    const ranks = await new Deno.Command("pgrep", { args: ["-P", `${launcher.pid}`] }).output();
    const pids = new TextDecoder().decode(ranks.stdout).trim().split("\n").map(Number);
    equal(pids.length, 2);
    launcher.kill("SIGKILL");
    await launcher.status;
    const until = performance.now() + 120_000;
    while (pids.some(isAlive) && performance.now() < until) await sleep(50);
    const left = pids.filter(isAlive);
    for (const pid of left) Deno.kill(pid, "SIGKILL");
    deepEqual(left, []);
    const steps = rowsOf(runDir).filter(({ kind }) => kind === "train").length;
    ok(steps >= 2);
    equal(savedStep(runDir), steps);
  }));

/** Returns true for a process that runs. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
