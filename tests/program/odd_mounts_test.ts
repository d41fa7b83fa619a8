/** Tests of disks that a cluster may have: mounted noexec or read-only, of other users, missing; and of a limit of addresses. */

import { doesNotMatch, equal, match } from "node:assert/strict";
import { dirname, join } from "node:path";
import { DOCTOR, PLAN, SUBMIT } from "../../src/options/commands/slurm.ts";
import { projectRoot, requireSetup } from "../../src/setup/record.ts";
import type { Outcome } from "../support/byol.ts";
import { copyCheckout } from "../support/copied_checkout.ts";
import { inFolder } from "../support/in_folder.ts";
import { TINY } from "../support/program.ts";
import { skip } from "../support/skip.ts";

const TRAIN = [...TINY, "--limit_train=8", "--max_steps=1", "--clsf_every=0"];
const FAST = "--images_per_second=100";

async function run(
  words: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<Outcome> {
  const [program = "", ...args] = words;
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: projectRoot,
    stdin: "null",
    ...options,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

function task(...words: string[]): string[] {
  return [Deno.execPath(), "task", "--quiet", ...words];
}

function isTrace(text: string): boolean {
  return /Uncaught|^\s+at \S+/m.test(text);
}

/** Runs words in `folder` as it is after mounting; undefined where mounting is not allowed. */
async function mounted(
  folder: string,
  options: string,
  words: readonly string[],
): Promise<Outcome | undefined> {
  const script = `mount --bind "$0" "$0" && mount -o "remount,bind,$1" "$0" || exit 99
cd "$0" && shift && exec "$@"`;
  const found = await run(["unshare", "--mount", "sh", "-c", script, folder, options, ...words])
    .catch(() => undefined);
  return found?.code === 99 || /unshare failed/.test(found?.stderr ?? "unshare failed")
    ? undefined
    : found;
}

const NOT_ALLOWED = "unshare --mount is not allowed here; run as root";

Deno.test("on a read-only project each task works, or ends with a sentence", async () => {
  await inFolder(async (folder) => {
    const root = copyCheckout(join(folder, "project"));
    Deno.mkdirSync(join(root, ".byol/bin"));
    Deno.copyFileSync(Deno.execPath(), join(root, ".byol/bin/deno"));
    const before = await run(task("setup", "--offline"), { cwd: root });
    equal(before.code, 0, before.stderr);
    const cases: [string[], number, RegExp][] = [
      [["train", ...TRAIN, `--run_dir=${folder}/run`], 0, /^/],
      [["train", ...TRAIN], 4, /^Cannot write to the run folder --run_dir=runs\/demo_resnet20: /m],
      [["setup"], 0, /^/],
      [["setup", "--cuda", "--offline"], 6, /^Cannot (set up|finish|make|write).*[Rr]ead-only/m],
      [[SUBMIT.name, "--dry_run"], 0, /^/],
      [[SUBMIT.name], 4, /^Cannot (submit|write) .*[Rr]ead-only/m],
      [[PLAN.name, FAST], 0, /^/],
      [[DOCTOR.name, "--threads=1"], 6, /^/],
    ];
    for (const [words, code, err] of cases) {
      const found = await mounted(root, "ro", task(...words));
      if (found === undefined) return skip(NOT_ALLOWED);
      equal(found.code, code, `${words.join(" ")}: ${found.stderr}`);
      match(found.stderr, err, words.join(" "));
      equal(isTrace(found.stderr), false, `${words.join(" ")}: ${found.stderr}`);
    }
  });
});

Deno.test("a noexec disk is named, for the core, for libtorch and for Deno", async () => {
  await inFolder(async (folder) => {
    const root = copyCheckout(join(folder, "project"));
    const train = task("train", ...TRAIN, `--run_dir=${folder}/run`);
    const { libtorch } = requireSetup();
    const ofCore = await mounted(root, "noexec", train);
    if (ofCore === undefined) return skip(NOT_ALLOWED);
    equal(ofCore.code, 6, ofCore.stderr);
    match(ofCore.stderr, /^Cannot use the core \S+: .*noexec.*findmnt -T \S+$/m);
    doesNotMatch(ofCore.stderr, /run: deno task setup/);

    const script = `mount --bind "$0" "$0" && mount -o remount,bind,noexec "$0" && exec "$@"`;
    const words = ["unshare", "--mount", "sh", "-c", script, dirname(libtorch), ...train];
    const ofTorch = await run(words, { cwd: root });
    equal(ofTorch.code, 6, ofTorch.stderr);
    match(ofTorch.stderr, /^Cannot use libtorch \S+: .*noexec.*findmnt -T \S+$/m);
    equal(isTrace(ofTorch.stderr), false, ofTorch.stderr);

    const doctor = await mounted(root, "noexec", task("doctor"));
    match(doctor!.stdout, /^FAIL +core .*noexec/m);
  });
});

Deno.test("a user who may not write in the project gets sentences", async () => {
  const who = await run(["setpriv", "--reuid=65534", "--clear-groups", "true"]).catch(() =>
    undefined
  );
  if (Deno.uid() !== 0 || who?.code !== 0) {
    return skip("setpriv cannot change the user here; run as root");
  }
  await inFolder(async (folder) => {
    Deno.chmodSync(folder, 0o755);
    const root = copyCheckout(join(folder, "project"));
    // Another user may look at nothing that lies in root's home.
    const deno = join(folder, "deno");
    Deno.copyFileSync(Deno.execPath(), deno);
    Deno.chmodSync(deno, 0o755);
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", deno];
    const options = { cwd: root, env: { HOME: "/nonexistent", DENO_DIR: join(folder, "none") } };
    // The packages are links into this checkout, and the core is in a folder of its owner alone.
    Deno.removeSync(join(root, "node_modules"));
    Deno.chmodSync(join(root, ".byol/core"), 0o700);
    const read = await run([...nobody, "run", "-A", "src/cli.ts", "train", ...TRAIN], options);
    equal(read.code, 6, read.stderr);
    match(read.stderr, /^Cannot open the core: \S+ may not be looked at by this user; /m);
    const setUp = await run([...nobody, "run", "-A", "src/setup/main.ts", "--offline"], options);
    equal(setUp.code, 6, setUp.stderr);
    match(setUp.stderr, /^Cannot set up \S+: .*[Pp]ermission denied.*expected a folder/m);
    equal(isTrace(setUp.stderr), false, setUp.stderr);
    const submit = [
      "run",
      "-A",
      "src/cli.ts",
      "submit",
      "--preset=byol_cifar10",
      `--data_dir=${folder}`,
    ];
    const submitted = await run([...nobody, ...submit], options);
    equal(isTrace(submitted.stderr), false, submitted.stderr);
    match(submitted.stderr, /^Cannot /m);
  });
});

Deno.test("a TMPDIR that is not there ends what needs one with a sentence, and nothing else", async () => {
  await inFolder(async (folder) => {
    const env = { TMPDIR: join(folder, "none") };
    const trained = await run(task("train", ...TRAIN, `--run_dir=${folder}/run`), { env });
    equal(trained.code, 0, trained.stderr);
    const planned = await run(task("plan", "--measure_steps=1", ...TINY), { env });
    equal(planned.code, 8, planned.stderr);
    match(
      planned.stderr,
      /^Cannot make a temporary folder in TMPDIR=\S+\/none: .*, expected a folder/m,
    );
    const page = join(folder, "report.html");
    const reported = await run(task("report", `--run_dir=${folder}/run`, `--out=${page}`), { env });
    equal(reported.code, 0, reported.stderr);
    match(reported.stderr, /Cannot make a temporary folder in TMPDIR=/);
    for (const { stderr } of [trained, planned, reported]) equal(isTrace(stderr), false, stderr);
  });
});

Deno.test("doctor warns of a limit of addresses, under which Deno itself may not start", async () => {
  const limited = (kilobytes: number, ...words: string[]) =>
    run(["sh", "-c", `ulimit -v ${kilobytes} && exec "$@"`, "sh", ...words]);
  const { code, stdout } = await limited(60_000_000, ...task("doctor", "--threads=1"));
  match(stdout, /^warn +addresses +.*ulimit -v.* 60000000 kB, expected unlimited/m);
  equal(code, 0);
  // What the warning and the pages say of Deno, by which no doctor can report it.
  const none = await limited(24_000_000, Deno.execPath(), "eval", "0");
  equal(none.code === 0, false);
  match(none.stderr, /CagedHeap|out of memory/);
  const free = await run(task("doctor", "--threads=1"));
  doesNotMatch(free.stdout, /addresses/);
});
