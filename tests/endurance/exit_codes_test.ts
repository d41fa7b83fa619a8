import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { listenTo, TINY } from "../support/program.ts";
import { EXIT_CODE_MEANINGS, ExitCode } from "../../src/base/exit_codes.ts";
import { RANK_PERMISSIONS } from "../../src/base/permissions.ts";
import { projectRoot } from "../../src/setup/record.ts";

/** Command that ends with an exit code. */
interface Case {
  says: RegExp;
  args: (folder: string) => string[];
  /** Instead of all that its task has. */
  permissions?: readonly string[];
  /** A shell's words before the command. */
  before?: string;
  /** Folder of the program. Default: this checkout. */
  root?: (folder: string) => string;
}

const run = (folder: string, ...options: string[]): string[] => [
  "train",
  ...TINY,
  "--clsf_every=0",
  "--max_steps=3",
  `--run_dir=${join(folder, "run")}`,
  ...options,
];

/** Case for each exit code; 75, which needs a signal, has its own test. */
const CASES: Readonly<Record<Exclude<ExitCode, 75>, Case>> = {
  [ExitCode.ok]: { says: /training 100 %/, args: (folder) => run(folder) },
  [ExitCode.unexpected]: {
    says: /NotCapable.*--allow-env/,
    args: (folder) => run(folder),
    permissions: RANK_PERMISSIONS.map((flag) => flag.replace(/^-RWES$/, "-RWS")),
  },
  [ExitCode.usage]: { says: /no such option/, args: (folder) => run(folder, "--nope=1") },
  [ExitCode.data]: {
    says: /Cannot download|Cannot find/,
    args: (folder) =>
      run(folder, "--dataset_name=cifar10", `--data_dir=${join(folder, "none")}`, "--offline"),
  },
  [ExitCode.runFolder]: {
    says: /Cannot write to the run folder/,
    args: (folder) => run(folder, "--run_dir=/proc/none"),
  },
  [ExitCode.checkpoint]: {
    says: /none\.safetensors/,
    args: (folder) => run(folder, `--resume=${join(folder, "none.safetensors")}`),
  },
  [ExitCode.setup]: {
    says: /run: deno task setup/,
    args: (folder) => run(folder),
    root: (folder) => {
      copyTree(join(projectRoot, "src"), join(folder, "checkout", "src"));
      Deno.copyFileSync(join(projectRoot, "deno.json"), join(folder, "checkout", "deno.json"));
      return join(folder, "checkout");
    },
  },
  [ExitCode.numbers]: {
    says: /expected finite numbers/,
    args: (folder) => run(folder, "--lr_init=1e30", "--eta=1e30", "--nb_epochs_warmup=0"),
  },
  [ExitCode.save]: {
    says: /Cannot write \S+ \(\d+ bytes\): File too large/,
    args: (folder) => run(folder),
    // No file beyond 256 kB; the signal that goes with it is ignored, as on a full disk there is none.
    before: "trap '' XFSZ; ulimit -f 512;",
  },
  [ExitCode.ranks]: {
    says: /Cannot reach rank 0 at 127\.0\.0\.1:1 /,
    args: (folder) => run(folder, "--init_timeout=1"),
    before: "export RANK=1 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=1;",
  },
};

function copyTree(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyTree(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
}

Deno.test("every documented exit code is what its cause ends with", async () => {
  for (const [code, { says, args, permissions, before, root }] of Object.entries(CASES)) {
    const folder = await Deno.makeTempDir();
    const words = [Deno.execPath(), "run", ...permissions ?? RANK_PERMISSIONS];
    const found = await new Deno.Command("sh", {
      args: [
        "-c",
        `${before ?? ""} exec "$@"`,
        "sh",
        ...words,
        "src/cli.ts",
        ...args(folder),
      ],
      cwd: root?.(folder) ?? projectRoot,
      stdin: "null",
    }).output();
    const stderr = new TextDecoder().decode(found.stderr);
    equal(found.code, Number(code), `expected ${code}: ${stderr}`);
    match(stderr, says);
    await Deno.remove(folder, { recursive: true });
  }
  const folder = await Deno.makeTempDir();
  const { said, kill, ended } = listenTo(run(folder, "--max_steps=100000"));
  await said(/training \d+ %/);
  kill("SIGUSR2");
  const { code, stderr } = await ended;
  equal(code, ExitCode.interrupted, stderr);
  match(stderr, /Interrupted at step \d+, all saved/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the exit codes of the documentation are those of the program", async () => {
  const text = await Deno.readTextFile(join(projectRoot, "docs", "options.md"));
  const table = text.slice(text.indexOf("## Exit codes"));
  const codes = [...table.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  deepEqual(codes, Object.values(ExitCode));
  deepEqual(codes, Object.keys(EXIT_CODE_MEANINGS).map(Number));
});
