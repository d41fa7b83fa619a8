import { equal, match, throws } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../src/base/exit_codes.ts";
import { useLibjpeg } from "../../../src/native/call.ts";
import { loadCore } from "../../../src/native/library.ts";
import { requireSetup } from "../../../src/setup/record.ts";
import { SYMBOLS } from "../../../src/native/symbols.gen.ts";

/** Builds a shared library with the compiler that set-up needs anyway. */
async function library(folder: string, source: string): Promise<string> {
  const [code, file] = [join(folder, "core.cpp"), join(folder, "libcore.so")];
  await Deno.writeTextFile(code, source);
  const built = await new Deno.Command("g++", { args: ["-shared", "-fPIC", "-o", file, code] })
    .output();
  equal(built.code, 0, new TextDecoder().decode(built.stderr));
  return file;
}

function refused(file: string, why: RegExp): void {
  throws(() => loadCore(requireSetup(), file), (error: unknown) => {
    equal(error instanceof UserError && error.exitCode, 6);
    match((error as Error).message, why);
    match((error as Error).message, /run: deno task setup/);
    return true;
  });
}

Deno.test("a core built from another table is refused with the command that repairs it", async () => {
  const folder = await Deno.makeTempDir();
  const functions = Object.keys(SYMBOLS).map((name) => `int ${name}(char* out) { return 0; }`);
  const source = `extern "C" {\n${functions.join("\n")}\n}\n`;
  refused(await library(folder, source), /another table/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a core that lacks a function is refused with the command that repairs it", async () => {
  const folder = await Deno.makeTempDir();
  const source = 'extern "C" int byol_abi_describe(char* out) { return 0; }\n';
  refused(await library(folder, source), /byol_/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a libjpeg-turbo that cannot be opened is named with its repair, and stops nothing", () => {
  const lack = useLibjpeg("/nowhere/libjpeg.so.62");
  match(lack ?? "", /\/nowhere\/libjpeg\.so\.62.*zune-jpeg.*run: deno task setup/);
});
