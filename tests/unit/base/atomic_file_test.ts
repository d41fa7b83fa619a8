import assert from "node:assert/strict";
import { join } from "node:path";
import { replaceFile } from "../../../src/base/atomic_file.ts";
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
