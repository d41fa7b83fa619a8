/** Files that PyTorch wrote, through our reader: what torch.load finds is found, and nothing in them runs. */

import { deepEqual, equal, throws } from "node:assert/strict";
import { join } from "node:path";
import { describeCheckpoint } from "../../src/native/checkpoint.ts";
import { oracleFolder } from "../runner/oracle.ts";
import { skip } from "../support/skip.ts";
import { startOracle } from "./oracle.ts";
import { NEEDS_ORACLE, written } from "./torch_files.ts";

startOracle();

Deno.test("a file of torch.save has the tensors that torch.load finds, whatever its name", async () => {
  if (oracleFolder() === undefined) return skip(NEEDS_ORACLE);
  const folder = await Deno.makeTempDir({ prefix: "byol-torch-files-" });
  try {
    const forms = await written<Record<string, Record<string, number[]>>>("forms", folder);
    equal(Object.keys(forms).length, 8);
    for (const [name, shapes] of Object.entries(forms)) {
      const found = describeCheckpoint(join(folder, name));
      deepEqual(found.shapes, shapes, name);
      equal(found.tensors, Object.keys(shapes).length);
      equal(found.metadata, null);
      equal(found.whole, false);
    }
    const sha256 = (name: string): string => describeCheckpoint(join(folder, name)).sha256;
    equal(sha256("state.pt"), sha256("protocol4.pt"));
    // One bit of a tensor's bytes: the archive's CRC-32 tells.
    const path = join(folder, "state.pt");
    const bytes = await Deno.readFile(path);
    const end = new TextDecoder("latin1").decode(bytes).indexOf("/data/0");
    bytes[end + 128]! ^= 1;
    await Deno.writeFile(path, bytes);
    throws(() => describeCheckpoint(path), /state\/data\/0 has the CRC-32 [0-9a-f]{8}, expected/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a file of torch.save that is no weights is refused by name, and runs nothing", async () => {
  if (oracleFolder() === undefined) return skip(NEEDS_ORACLE);
  const folder = await Deno.makeTempDir({ prefix: "byol-torch-files-" });
  try {
    const hostile = await written<Record<string, string>>("hostile", folder);
    equal(Object.keys(hostile).length, 15);
    for (const [name, words] of Object.entries(hostile)) {
      throws(() => describeCheckpoint(join(folder, name)), (error: Error) => {
        equal(error.message.includes(words), true, `${name}: ${error.message}`);
        return true;
      });
    }
    throws(() => Deno.statSync(join(folder, "ran")), Deno.errors.NotFound);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
