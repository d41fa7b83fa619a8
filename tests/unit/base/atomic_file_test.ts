import assert from "node:assert/strict";
import { join } from "node:path";
import { replaceFile, syncFolder } from "../../../src/base/atomic_file.ts";
import { inFolder } from "../../support/in_folder.ts";

Deno.test("a file is replaced whole, or stays as it was", async () => {
  await inFolder((root) => {
    const path = join(root, "file");
    replaceFile(path, "one");
    replaceFile(path, "two");
    assert.equal(Deno.readTextFileSync(path), "two");
    // A folder in the way makes the rename fail.
    const blocked = join(root, "folder");
    Deno.mkdirSync(join(blocked, "full"), { recursive: true });
    assert.throws(() => replaceFile(blocked, "three"));
    assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name).sort(), [
      "file",
      "folder",
    ]);
  });
});

Deno.test("a folder whose file system has no sync is let pass, one that is not there is not", async () => {
  const folder = Deno.openSync("/proc");
  // Linux gives the answer that some file systems of FUSE give.
  assert.throws(() => folder.syncSync(), { code: "EINVAL" });
  folder.close();
  syncFolder("/proc");
  await inFolder((root) => {
    syncFolder(root);
    assert.throws(() => syncFolder(join(root, "none")), Deno.errors.NotFound);
  });
});
