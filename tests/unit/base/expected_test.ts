import { equal, match, ok } from "node:assert/strict";
import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import { asUserError, isExpected, isSystemError, wordsFor } from "../../../src/base/expected.ts";
import { NativeError } from "../../../src/native/native_error.ts";
import { STATUS_NAMES } from "../../../src/native/symbols.gen.ts";
import { inFolder } from "../../support/in_folder.ts";

async function caught(body: () => unknown): Promise<unknown> {
  try {
    await body();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

Deno.test("what the operating system refuses is expected, whatever class its error has", () =>
  inFolder(async (folder) => {
    const there = join(folder, "there");
    Deno.writeTextFileSync(there, "");
    const refused: [string, () => unknown][] = [
      ["missing", () => Deno.readTextFileSync(join(folder, "missing"))],
      ["full disk", () => Deno.writeTextFileSync("/dev/full", "x")],
      ["full disk, open file", () => {
        using file = Deno.openSync("/dev/full", { write: true });
        file.writeSync(new Uint8Array(8));
      }],
      ["folder", () => Deno.readTextFileSync(folder)],
      ["file as a folder", () => Deno.readTextFileSync(join(there, "x"))],
      ["too long a name", () => Deno.readTextFileSync(join(folder, "a".repeat(300)))],
      ["folder that is not empty", () => Deno.removeSync(folder)],
      ["node, missing", () => openSync(join(folder, "missing"), "r")],
      ["node, full disk", () => writeFileSync("/dev/full", "x")],
      ["program", () => new Deno.Command(join(folder, "missing")).outputSync()],
    ];
    for (const [name, body] of refused) {
      ok(isSystemError(await caught(body)), name);
      const error = asUserError(await caught(body), ExitCode.save, { task: "write it" });
      ok(error instanceof UserError && error.exitCode === ExitCode.save, name);
      match(error.message, /^Cannot write it: /);
    }
  }));

Deno.test("a bug is no expected failure and is returned as it is", async () => {
  const closed = Deno.openSync("/dev/null");
  closed.close();
  const bugs: [string, () => unknown][] = [
    ["a property of undefined", () => (undefined as unknown as { x: number }).x],
    ["no function", () => (1 as unknown as () => void)()],
    ["a wrong length", () => new Uint8Array(-1)],
    ["a broken text", () => JSON.parse("{")],
    ["an Error of ours", () => {
      throw new Error("cannot be");
    }],
    ["a closed file", () => closed.statSync()],
    ["a wrong argument of node's", () => openSync(undefined as unknown as string, "r")],
    ["no Error at all", () => {
      throw "a text";
    }],
  ];
  for (const [name, body] of bugs) {
    const error = await caught(body);
    equal(isExpected(error), false, name);
    equal(asUserError(error, ExitCode.data), error, name);
    if (error instanceof Error) equal(wordsFor(error), error.stack, name);
  }
});

Deno.test("of the core's statuses, a file, an option or the machine may cause some", () => {
  const expected = ["InvalidArgument", "Io", "OutOfMemory", "Distributed", "NotFinite"];
  for (const [status, name] of STATUS_NAMES.entries()) {
    const error = new NativeError(status, "byol_learner_load", "Cannot load it");
    equal(isExpected(error), expected.includes(name), name);
    const given = asUserError(error, ExitCode.checkpoint, { expected: "a whole one" });
    if (!expected.includes(name)) equal(given, error);
    else equal((given as Error).message, "Cannot load it, expected a whole one");
  }
});

Deno.test("a user's error keeps its own exit code and sentence", () => {
  const error = new UserError("Cannot do it", ExitCode.data);
  equal(asUserError(error, ExitCode.save, { task: "write it" }), error);
  equal(wordsFor(error), "Cannot do it");
});
