/** A command at a terminal, as a user has it: Ctrl-C reaches every process in the foreground. */

/** One thing to do at the terminal: wait for a file or some seconds, or type. */
export type Act = { file: string } | { seconds: number } | { type: string };

/** Result of the program at a terminal. */
export interface AtTerminal {
  /** The exit code as a shell sees it. */
  code: number;
  output: string;
  /** From the last act to the end of the command. */
  seconds: number;
}

/** A shell is the terminal's first process and outlives Ctrl-C, as a user's does. */
const SHELL = `trap : INT; "$@"; echo "ended with $?."`;

const DRIVER = `
import json, os, pty, select, signal, sys, time
words, acts = json.loads(sys.argv[1]), json.loads(sys.argv[2])
pid, terminal = pty.fork()
if pid == 0:
    # A suite that a shell started in the background has SIGINT ignored, and every child inherits that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvp("sh", ["sh", "-c", ${JSON.stringify(SHELL)}, "sh"] + words)
output, deadline, last = b"", time.time() + 240, time.time()
def pump(seconds):
    global output
    if not select.select([terminal], [], [], seconds)[0]:
        return True
    try:
        data = os.read(terminal, 65536)
    except OSError:
        return False
    output += data
    return data != b""
def wait(reached):
    while not reached() and time.time() < deadline:
        if not pump(0.02):
            return
for act in acts:
    until = time.time() + act.get("seconds", 0)
    if "file" in act:
        wait(lambda: os.path.exists(act["file"]) or b"ended with" in output)
    elif "type" in act:
        os.write(terminal, act["type"].encode())
    else:
        wait(lambda: time.time() >= until)
    last = time.time()
while time.time() < deadline and pump(0.1):
    pass
text = output.decode("utf8", "replace")
code = int(text.rsplit("ended with ", 1)[1].split(".")[0]) if "ended with " in text else -1
print(json.dumps({"code": code, "output": text, "seconds": time.time() - last}))
`;

/** Runs a command at a terminal of its own. */
export async function atTerminal(words: string[], acts: Act[]): Promise<AtTerminal> {
  const { stdout, stderr } = await new Deno.Command("python3", {
    args: ["-c", DRIVER, JSON.stringify(words), JSON.stringify(acts)],
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (text === "") throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(text);
}
