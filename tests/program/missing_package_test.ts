/** Tests of the dispatch of commands where an npm package is missing, or a command's module has a bug. */

import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import { ExitCode } from "../../src/base/exit_codes.ts";
import { TASK_PERMISSIONS } from "../../src/base/permissions.ts";
import { copyCheckout } from "../support/copied_checkout.ts";
import { inFolder } from "../support/in_folder.ts";

async function report(root: string): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...TASK_PERMISSIONS.report, "--no-check", "src/cli.ts", "report", "--run_dir=x"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

Deno.test("a missing npm package is named with the repair, a bug keeps its stack", () =>
  inFolder(async (folder) => {
    const root = copyCheckout(join(folder, "checkout"));
    const [packages, module] = [join(root, "node_modules"), join(root, "src/report/main.ts")];
    const there = await report(root);
    equal(there.code, ExitCode.runFolder, there.stderr);

    const link = Deno.readLinkSync(packages);
    Deno.removeSync(packages);
    const missing = await report(root);
    equal(missing.code, ExitCode.setup, missing.stderr);
    match(missing.stderr, /^Cannot run report: .*npm:.*run with network: deno task setup\n$/s);

    Deno.symlinkSync(link, packages);
    const source = Deno.readTextFileSync(module);
    Deno.writeTextFileSync(module, `${source}\nthrow new TypeError("a bug near node_modules");\n`);
    const bug = await report(root);
    equal(bug.code, ExitCode.unexpected, bug.stderr);
    match(bug.stderr, /TypeError: a bug near node_modules\n.* at file:.*main\.ts/s);
  }));
