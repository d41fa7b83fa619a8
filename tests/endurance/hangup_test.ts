import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { TASK_PERMISSIONS } from "../../src/base/permissions.ts";
import { listCheckpoints } from "../../src/run/checkpoint.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { rowsOf, TINY } from "../support/ranks_run.ts";

const DRIVER = `
import os, pty, select, signal, sys, time
line, metrics, acts = sys.argv[1], sys.argv[2], sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGTSTP):
        signal.signal(name, signal.SIG_DFL)
    os.environ["PS1"] = "$ "
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
output = b""
def pump():
    global output
    if select.select([terminal], [], [], 0.05)[0]:
        try:
            output += os.read(terminal, 65536)
        except OSError:
            pass
def wait(reached, seconds=90):
    until = time.time() + seconds
    while time.time() < until and not reached():
        pump()
def rows():
    return open(metrics).read().count('"train"') if os.path.exists(metrics) else 0
os.write(terminal, line.encode() + b"\\n")
for act in acts:
    if act == "trained":
        wait(lambda: rows() > 1)
    elif act == "done":
        wait(lambda: os.path.exists(os.path.join(os.path.dirname(metrics), "result.json")), 300)
    elif act == "hang up":
        os.close(terminal)
        break
    elif act.startswith("shown "):
        wait(lambda: act[6:].encode() in output, 20)
    elif act == "rest":
        wait(lambda: False, 2)
    else:
        os.write(terminal, act.encode().decode("unicode_escape").encode())
print(output.decode("utf8", "replace"))
`;

/** Types a line at a shell's terminal, then acts: waits for the training or for a text, types, or hangs up. */
async function atShell(line: string, metrics: string, acts: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("python3", {
    args: ["-c", DRIVER, line, metrics, ...acts],
    cwd: projectRoot,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return text(stdout) + text(stderr);
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Waits for the file that a shell writes a program's code to. */
async function codeIn(file: string): Promise<number> {
  for (let tries = 0; tries < 600; tries++) {
    const text = await Deno.readTextFile(file).catch(() => "");
    if (text.endsWith("\n")) return Number(text);
    await new Promise((done) => setTimeout(done, 100));
  }
  return NaN;
}

const STEPS = 12;
const OPTIONS = ["train", ...TINY, "--save_every=0", `--max_steps=${STEPS}`];
const DENO = Deno.execPath();
const PROGRAM = [DENO, "run", ...TASK_PERMISSIONS.train, "src/cli.ts"].join(" ");
const STARTS = {
  "one rank": `${PROGRAM} ${OPTIONS.join(" ")}`,
  "two ranks": `${PROGRAM} ${OPTIONS.join(" ")} --ranks=2`,
  "deno task": `${DENO} task ${OPTIONS.join(" ")}`,
};

/** Runs at a terminal that hangs up; the shell that keeps the code survives that. */
async function hungUp(
  command: string,
): Promise<{ code: number; saved: number | undefined; rows: number }> {
  let found;
  await inFolder(async (folder) => {
    const [run, code] = [join(folder, "run"), join(folder, "code")];
    const line = `bash -c 'trap : HUP; ${command} --run_dir=${run} >/dev/null; echo $? >${code}'`;
    await atShell(line, join(run, "metrics.jsonl"), ["trained", "hang up"]);
    found = {
      code: await codeIn(code),
      saved: listCheckpoints(join(run, "checkpoints"))[0]?.step,
      rows: rowsOf(run).filter(({ kind }) => kind === "train").length,
    };
  });
  return found!;
}

for (const [how, command] of Object.entries(STARTS)) {
  Deno.test(`nohup protects a training from a terminal that hangs up: ${how}`, async () => {
    const { code, saved } = await hungUp(`nohup ${command}`);
    deepEqual([code, saved], [0, STEPS]);
  });

  Deno.test(`without nohup a terminal that hangs up stops a training, saved: ${how}`, async () => {
    const { code, saved, rows } = await hungUp(command.replace(`steps=${STEPS}`, "steps=2000"));
    deepEqual([code, saved], [75, rows]);
  });
}

Deno.test("Ctrl-Z under deno task gives the shell back, and fg continues the training", () =>
  inFolder(async (folder) => {
    const run = join(folder, "run");
    // Enough steps that the stop comes first on a busy machine, too.
    const steps = 60;
    const command = STARTS["deno task"].replace(`steps=${STEPS}`, `steps=${steps}`);
    const line = `${command} --run_dir=${run} 2>/dev/null`;
    const output = await atShell(line, join(run, "metrics.jsonl"), [
      "trained",
      "\\x1a",
      "shown Stopped",
      "rest",
      "echo shell is $((40 + 2))\\n",
      "shown shell is 42",
      "fg\\n",
      "done",
      "rest",
      "exit\\n",
    ]);
    match(output, /Stopped.*shell is 42/s);
    equal(listCheckpoints(join(run, "checkpoints"))[0]?.step, steps, output);
  }));
