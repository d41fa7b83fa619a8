import { equal } from "node:assert/strict";
import { join } from "node:path";
import { copyCheckout } from "../support/copied_checkout.ts";
import { inFolder } from "../support/in_folder.ts";
import { rowsOf, start, TINY } from "../support/ranks_run.ts";

Deno.test("--ranks=2 works in a checkout whose path holds a blank and an umlaut", () =>
  inFolder(async (folder) => {
    const root = copyCheckout(join(folder, "Größe 1 %20", "byol"));
    const runDir = join(folder, "Lauf Nr. 1");
    const args = [...TINY, "--ranks=2", "--max_steps=2", `--run_dir=${runDir}`];
    const { code, stderr } = await start(args, {}, { root }).ended;
    equal(code, 0, stderr);
    const steps = rowsOf(runDir).filter(({ kind }) => kind === "train").map(({ step }) => step);
    equal(steps.length, 2, stderr);
  }));
