/**
 * Tests of slurm/byol.def without Apptainer: the lines of its sections run in a mount namespace, in which /opt/byol is
 * the bundle, and read-only after %post. What Apptainer itself does (the image, --nv) is not run.
 */

import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot, requireSetup } from "../../src/setup/record.ts";
import { copyCheckout } from "../support/copied_checkout.ts";
import { inFolder } from "../support/in_folder.ts";
import { TINY } from "../support/program.ts";
import { skip } from "../support/skip.ts";

/** Returns the lines of a section of the recipe. */
function section(name: string): string {
  const text = Deno.readTextFileSync(join(projectRoot, "slurm/byol.def"));
  return new RegExp(`^%${name}$\n((?:(?:[ #].*)?\n)+)`, "m").exec(text)![1]!;
}

async function run(words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const [program = "", ...args] = words;
  const command = new Deno.Command(program, { args, stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** Runs a use of the container after its build; `build` and `use` are shell commands. */
async function inContainer(
  folder: string,
  { root, use }: { root: string; use: string },
): Promise<{ code: number; out: string; err: string }> {
  const programs = join(folder, "programs");
  Deno.mkdirSync(programs, { recursive: true });
  // Nothing is installed on this machine.
  Deno.writeTextFileSync(join(programs, "apt-get"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  Deno.writeTextFileSync(join(folder, "run.sh"), `set -e\n${section("runscript")}`);
  const script = `set -e
mount -t tmpfs none /opt && mkdir /opt/byol && mount --bind '${root}' /opt/byol || exit 99
[ ! -d /var/lib/apt/lists ] || mount -t tmpfs none /var/lib/apt/lists || exit 99
mount -t tmpfs none /var/tmp || exit 99
export HOME='${folder}/home' TMPDIR='${folder}/tmp' PATH='${programs}':"$PATH"
mkdir -p "$HOME" "$TMPDIR"
(${section("post")})
mount -o remount,bind,ro /opt/byol
${section("environment")}
(${section("test")})
cd '${folder}'
byol() { sh '${folder}/run.sh' "$@"; }
${use}`;
  return await run(["unshare", "--mount", "bash", "-c", script]);
}

Deno.test("the container trains, on several ranks too, and keeps its code where nobody writes", async () => {
  const { libtorch } = requireSetup();
  const probe = await run(["unshare", "--mount", "true"]).catch(() => undefined);
  if (probe?.code !== 0) return skip("unshare --mount is not allowed here; run as root");
  if (libtorch.startsWith("/opt/")) return skip("libtorch is below /opt, which the test hides");
  await inFolder(async (folder) => {
    const root = copyCheckout(join(folder, "bundle"));
    Deno.mkdirSync(join(root, ".byol/bin"));
    Deno.copyFileSync(Deno.execPath(), join(root, ".byol/bin/deno"));
    const train = [...TINY, "--limit_train=16", "--max_steps=1", "--clsf_every=0"].join(" ");
    const found = await inContainer(folder, {
      root,
      use: `byol train ${train} --run_dir=one >one.out
LD_LIBRARY_PATH=/.singularity.d/libs byol train ${train} --run_dir=two --ranks=2 >two.out
byol metrics --run_dir=one >/dev/null
byol report --run_dir=one --out=report.html >/dev/null
echo "$DENO_DIR"
touch "$DENO_DIR/planted" 2>/dev/null && echo writable
find "$HOME" "$TMPDIR" -name gen 2>/dev/null || :`,
    });
    equal(found.code, 0, found.err);
    match(found.out, /^\/opt\/byol\/\S+\n$/);
    for (const name of ["one", "two"]) {
      match(Deno.readTextFileSync(join(folder, `${name}.out`)), /^Trained 1 step\b/m);
    }
    // What %post has compiled is there, for commands that come later, too.
    const compiled = [...Deno.readDirSync(join(root, ".byol/deno-cache/gen/file/opt/byol/src"))];
    equal(compiled.some(({ name }) => name === "cli.ts.js"), true);
  });
});
