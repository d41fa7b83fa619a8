import assert from "node:assert/strict";
import { join } from "node:path";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import { createRunFolder, runFolderAt, runPathOf } from "../../../src/run/folder.ts";
import { inFolder } from "../../support/in_folder.ts";

function refused(act: () => unknown): string {
  let message = "";
  assert.throws(act, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.exitCode, ExitCode.runFolder);
    message = error.message;
    return true;
  });
  return message;
}

Deno.test("a run folder is created with all that is above it, and left clean", async () => {
  await inFolder((root) => {
    const folder = createRunFolder(join(root, "a", "b"));
    assert.equal(folder.configFile, join(root, "a", "b", "config.json"));
    assert.deepEqual([...Deno.readDirSync(folder.checkpointsDir)], []);
    createRunFolder(folder.path);
  });
});

Deno.test("a folder that cannot be written is refused with path and repair", async () => {
  await inFolder((root) => {
    const file = join(root, "file");
    Deno.writeTextFileSync(file, "");
    for (const path of [file, join(file, "below"), "/proc/no-such-run"]) {
      const message = refused(() => createRunFolder(path));
      assert.ok(message.startsWith(`Cannot write to the run folder --run_dir=${path}: `), message);
      assert.match(message, /choose another with --run_dir=DIR/);
    }
  });
});

Deno.test("a run is named by its folder, or by any file of it", async () => {
  await inFolder((root) => {
    const { metricsFile, checkpointsDir } = createRunFolder(join(root, "run"));
    const checkpoint = join(checkpointsDir, "step-000000001.safetensors");
    for (const file of [metricsFile, checkpoint, join(root, "other")]) {
      Deno.writeTextFileSync(file, "");
    }
    for (const path of [metricsFile, checkpoint]) assert.equal(runPathOf(path), join(root, "run"));
    for (const path of [join(root, "run"), root, join(root, "other"), join(root, "missing")]) {
      assert.equal(runPathOf(path), path);
    }
  });
});

Deno.test("the paths of a run are the documented ones", () => {
  assert.deepEqual(runFolderAt("runs/x"), {
    path: "runs/x",
    configFile: "runs/x/config.json",
    metricsFile: "runs/x/metrics.jsonl",
    encoderFile: "runs/x/encoder.safetensors",
    sheetFile: "runs/x/views.png",
    checkpointsDir: "runs/x/checkpoints",
  });
});
