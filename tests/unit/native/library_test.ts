import { equal, match, throws } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../src/base/exit_codes.ts";
import { useLibjpeg } from "../../../src/native/call.ts";
import { loadCore } from "../../../src/native/library.ts";
import { projectRoot, requireSetup } from "../../../src/setup/record.ts";
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

Deno.test("the core outlives a worker that opened it: libtorch still calls what the core gave it", async () => {
  const folder = await Deno.makeTempDir();
  const source = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  // A learner gives libtorch the core's allocator.
  await Deno.writeTextFile(
    join(folder, "worker.ts"),
    `import { Learner } from ${source("../../../src/native/learner.ts")};
import { NETWORK } from ${source("../../support/small_network.ts")};
Learner.create(NETWORK).close();
(self as unknown as Worker).postMessage("done");
`,
  );
  await Deno.writeTextFile(
    join(folder, "main.ts"),
    `import { setTimeout } from "node:timers/promises";
const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
await new Promise((resolve) => worker.onmessage = resolve);
worker.terminate();
// The worker's thread ends by itself.
await setTimeout(1000);
const { demoImages, VIEWS } = await import(${source("../../support/small_network.ts")});
using images = demoImages();
images.setRecipes(8, VIEWS);
images.makeViews(1, 0);
console.log("made");
`,
  );
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", "--config=deno.json", join(folder, "main.ts")],
    cwd: projectRoot,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  equal(`${text(stdout).trim()} ${code}`, "made 0", text(stderr));
  await Deno.remove(folder, { recursive: true });
});
