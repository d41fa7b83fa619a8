import { deepEqual, equal, match, throws } from "node:assert/strict";
import { join } from "node:path";
import { listenTo, runProgram, TINY } from "../support/program.ts";
import { tryTake } from "../../src/base/lock_folder.ts";
import { newestCheckpoint } from "../../src/run/checkpoint.ts";
import { readMetrics } from "../../src/run/metrics_file.ts";
import { skip } from "../support/skip.ts";

/** A file system of its own, as small as asked; undefined where this user may mount none. */
async function tmpfs(
  size: string,
): Promise<
  { path: string; mount(...args: string[]): Promise<void> } & AsyncDisposable | undefined
> {
  const path = await Deno.makeTempDir();
  const mount = async (...args: string[]): Promise<boolean> => {
    const command = new Deno.Command("mount", { args, stdout: "null", stderr: "null" });
    return (await command.output().catch(() => ({ success: false }))).success;
  };
  if (!await mount("-t", "tmpfs", "-o", `size=${size}`, "none", path)) {
    await Deno.remove(path);
    return undefined;
  }
  return {
    path,
    async mount(...args) {
      equal(await mount(...args), true, `mount ${args.join(" ")} failed`);
    },
    async [Symbol.asyncDispose]() {
      await new Deno.Command("umount", { args: [path] }).output();
      await Deno.remove(path);
    },
  };
}

const NO_MOUNT = "mount -t tmpfs needs root (run the tests as root)";
const OPTIONS = [
  "train",
  ...TINY,
  "--clsf_every=0",
  "--save_every=0",
  "--save_every_steps=2",
  "--save_every_minutes=0",
];

/** Every file below a folder, by its bytes. */
function filesOf(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name } of Deno.readDirSync(folder)) {
    const bytes = Deno.readFileSync(join(folder, name));
    found[name] = bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 16777619) >>> 0, 2166136261)
      .toString(16) + bytes.length;
  }
  return found;
}

/** Fills a folder's file system but for so many bytes. */
function fill(folder: string, leave: number): void {
  using file = Deno.openSync(join(folder, "filler"), { write: true, create: true });
  const block = new Uint8Array(4096);
  let length = 0;
  try {
    for (;;) length += file.writeSync(block);
  } catch {
    file.truncateSync(Math.max(0, length - leave));
  }
}

Deno.test("on a full disk the run stops with 8, says how much it needed, and keeps its checkpoint", async () => {
  await using disk = await tmpfs("64m");
  if (disk === undefined) return skip(NO_MOUNT);
  const run = join(disk.path, "run");
  const checkpoints = join(run, "checkpoints");
  const first = await runProgram([...OPTIONS, `--run_dir=${run}`, "--max_steps=2"]);
  equal(first.code, 0, first.stderr);
  const before = filesOf(checkpoints);
  deepEqual(Object.keys(before), ["step-000000002.safetensors"]);

  fill(disk.path, 100_000);
  const full = await runProgram([...OPTIONS, `--run_dir=${run}`, "--max_steps=40"]);
  equal(full.code, 8, full.stderr);
  match(
    full.stderr,
    /Cannot write \S+\/step-000000004\.safetensors \(\d{7} bytes\): No space left on device .*; the file system has \d+ bytes free/,
  );
  deepEqual(filesOf(checkpoints), before);

  Deno.removeSync(join(disk.path, "filler"));
  const again = await runProgram([...OPTIONS, `--run_dir=${run}`, "--max_steps=6"]);
  equal(again.code, 0, again.stderr);
  equal(newestCheckpoint(checkpoints, () => {})?.metadata.step, 6);
  const steps = readMetrics(join(run, "metrics.jsonl")).filter(({ kind }) => kind === "train");
  deepEqual(steps.map(({ step }) => step), [0, 1, 2, 3, 4, 5]);
});

Deno.test("with --on_save_error=continue the run continues past a full disk and ends with 8 if it stays full", async () => {
  await using disk = await tmpfs("64m");
  if (disk === undefined) return skip(NO_MOUNT);
  const run = join(disk.path, "run");
  const options = [...OPTIONS, "--on_save_error=continue", `--run_dir=${run}`];
  equal((await runProgram([...options, "--max_steps=2"])).code, 0);
  const before = filesOf(join(run, "checkpoints"));

  // No room beyond the rows that fit into the block that is there.
  const filled = listenTo([...options, "--save_every_steps=12", "--max_steps=29"]);
  await filled.said(/training \d+ %/);
  fill(disk.path, 0);
  const full = await filled.ended;
  equal(full.code, 8, full.stderr);
  match(full.stderr, /metrics\.jsonl \(\d+ bytes\): No space left on device .*rows wait for room/);
  match(full.stderr, /step-000000012\S+ \(\d+ bytes\).*the run continues without/);
  match(full.stderr, /step-000000029\S+ \(\d+ bytes\)/);
  deepEqual(filesOf(join(run, "checkpoints")), before);

  // Room comes back while the run continues: everything is there in the end.
  Deno.removeSync(join(disk.path, "filler"));
  const { said, ended } = listenTo([...options, "--max_steps=100"]);
  await said(/training \d+ %/);
  fill(disk.path, 0);
  await said(/continues without/);
  Deno.removeSync(join(disk.path, "filler"));
  const { code, stderr } = await ended;
  match(stderr, /continues without/);
  equal(code, 0, stderr);
  const rows = readMetrics(join(run, "metrics.jsonl")).filter(({ kind }) => kind === "train");
  deepEqual(rows.map(({ step }) => step), Array.from({ length: 100 }, (_, step) => step));
  equal(newestCheckpoint(join(run, "checkpoints"), () => {})?.metadata.step, 100);
});

Deno.test("a read-only folder is refused at the start, and one that becomes so stops the run with 8", async () => {
  await using disk = await tmpfs("64m");
  if (disk === undefined) return skip(NO_MOUNT);
  const run = join(disk.path, "run");
  const checkpoints = join(run, "checkpoints");
  equal((await runProgram([...OPTIONS, `--run_dir=${run}`, "--max_steps=2"])).code, 0);
  const before = filesOf(checkpoints);

  await disk.mount("-o", "remount,ro", disk.path);
  const refused = await runProgram([...OPTIONS, `--run_dir=${run}`, "--max_steps=4"]);
  equal(refused.code, 4, refused.stderr);
  match(refused.stderr, /Cannot write to the run folder --run_dir=\S+: Read-only file system/);
  deepEqual(filesOf(checkpoints), before);

  await disk.mount("-o", "remount,rw", disk.path);
  const options = [...OPTIONS, `--run_dir=${run}`, "--save_every_steps=50", "--max_steps=100"];
  const { said, ended } = listenTo(options);
  await said(/training \d+ %/);
  await disk.mount("--bind", checkpoints, checkpoints);
  await disk.mount("-o", "remount,bind,ro", checkpoints);
  const { code, stderr } = await ended;
  equal(code, 8, stderr);
  match(stderr, /Cannot write \S+\/step-000000050\S+ \(\d+ bytes\): Read-only file system/);
  deepEqual(filesOf(checkpoints), before);
  await new Deno.Command("umount", { args: [checkpoints] }).output();
});

Deno.test("a lock that a full disk refuses leaves nothing behind", async () => {
  await using disk = await tmpfs("1m");
  if (disk === undefined) return skip(NO_MOUNT);
  fill(disk.path, 0);
  const lock = join(disk.path, "lock");
  throws(() => tryTake(lock, { name: "mine.json", content: "{}" }), /No space left on device/);
  deepEqual([...Deno.readDirSync(disk.path)].map(({ name }) => name), ["filler"]);
  Deno.removeSync(join(disk.path, "filler"));
  equal(tryTake(lock, { name: "mine.json", content: "{}" }), true);
});
