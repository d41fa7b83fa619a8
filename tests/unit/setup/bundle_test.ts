/** `deno task setup --bundle=DIR --whole`: the folder runs elsewhere, without the checkout, without libtorch's home, without network. */
import { equal, match, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { exists } from "../../../src/base/files.ts";
import { projectRoot, requireSetup } from "../../../src/setup/record.ts";
import { skip } from "../../support/skip.ts";

async function run(
  program: string,
  args: string[],
  options: Deno.CommandOptions = {},
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: projectRoot,
    ...options,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("a bundle trains where it was moved to, with its origin out of sight and no network", async () => {
  const folder = await Deno.makeTempDir({ prefix: "byol-bundle-" });
  try {
    const [made, moved] = [join(folder, "made"), join(folder, "moved")];
    const setup = ["task", "--quiet", "setup", "--quiet"];
    const bundled = await run(Deno.execPath(), [...setup, `--bundle=${made}`, "--whole"]);
    equal(bundled.code, 0, bundled.err);
    const refused = await run(Deno.execPath(), [...setup, `--bundle=${made}`, "--whole"]);
    equal(refused.code, 6);
    match(refused.err, /not empty/);
    await Deno.rename(made, moved);

    const record = Deno.readTextFileSync(join(moved, ".byol", "setup.json"));
    ok(!record.includes(projectRoot), record);
    const { libtorch } = requireSetup();
    const home = exists(join(dirname(libtorch), "nvidia")) ? dirname(libtorch) : libtorch;
    const probe = await run("unshare", ["--net", "--mount", "true"]).catch(() => undefined);
    if (probe?.code !== 0) return skip("unshare --net --mount is not allowed here; run as root");
    // Empty folders over the checkout and over libtorch's, for this one process; no network interface at all.
    const hidden = home.startsWith(projectRoot) ? [projectRoot] : [projectRoot, home];
    const hide = hidden.map((path) => `mount -t tmpfs none '${path}'`).join(" && ");
    const tiny =
      "--hidden_dim=16 --z_dim=8 --batch_size=8 --threads=1 --clsf_every=0 --max_steps=2";
    const train = `.byol/bin/deno task --quiet train ${tiny} --run_dir='${folder}/run'`;
    const trained = await run("unshare", [
      ...["--net", "--mount", "sh", "-c"],
      `${hide} && cd '${moved}' && test ! -e '${projectRoot}/src' && exec ${train}`,
    ], { cwd: folder, clearEnv: true, env: { PATH: "/usr/bin:/bin", HOME: folder } });
    equal(trained.code, 0, trained.err);
    match(trained.out, /Trained 2 steps/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
