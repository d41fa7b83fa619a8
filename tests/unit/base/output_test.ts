import { deepEqual } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../../src/setup/record.ts";

/** Returns all files below a folder. */
function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(join(folder, name)) : [join(folder, name)]
  );
}

Deno.test("nothing of src/ but base/output.ts writes to stdout or stderr, where a write may fail", () => {
  const writes = /\bconsole\.\w+\(|\bDeno\.std(out|err)\.(write|writeSync|writable)\b/;
  const found = filesBelow(join(projectRoot, "src")).flatMap((path) =>
    Deno.readTextFileSync(path).split("\n").filter((line) => writes.test(line)).map((line) =>
      `${path.slice(projectRoot.length + 1)}: ${line.trim()}`
    )
  );
  deepEqual(found.filter((line) => !line.startsWith("src/base/output.ts:")), []);
});

Deno.test("a note after notes that were lost names the gap", async () => {
  const folder = await Deno.makeTempDir();
  const script = `
    import { show, showLine } from "${new URL("../../../src/base/output.ts", import.meta.url)}";
    const real = Deno.stderr.writeSync.bind(Deno.stderr);
    show("first\\n");
    using full = Deno.openSync("/dev/full", { write: true });
    Deno.stderr.writeSync = full.writeSync.bind(full);
    showLine("second");
    showLine("third");
    Deno.stderr.writeSync = real;
    showLine("fourth");
    showLine("fifth");
  `;
  await Deno.writeTextFile(`${folder}/notes.ts`, script);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-config", `${folder}/notes.ts`],
  }).output();
  await Deno.remove(folder, { recursive: true });
  deepEqual([code, new TextDecoder().decode(stderr).split("\n")], [0, [
    "first",
    "",
    "(what was to be shown before this is lost: No space left on device (os error 28))",
    "fourth",
    "fifth",
    "",
  ]]);
});

Deno.test("a line that is rewritten is cleared before any other message or result", async () => {
  const folder = await Deno.makeTempDir();
  const script = `
    import { endOpenLine, printLine, showLine, showOpenLine } from "${new URL(
    "../../../src/base/output.ts",
    import.meta.url,
  )}";
    // One terminal for both, as in a shell.
    Deno.stdout.writeSync = Deno.stderr.writeSync.bind(Deno.stderr);
    showOpenLine("training 1 %");
    showOpenLine("training 2 %");
    showLine("a message");
    showOpenLine("training 3 %");
    printLine("a result");
    showOpenLine("training 4 %");
    endOpenLine();
    endOpenLine();
    showLine("the end");
  `;
  await Deno.writeTextFile(`${folder}/notes.ts`, script);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-config", `${folder}/notes.ts`],
  }).output();
  await Deno.remove(folder, { recursive: true });
  const erase = "\r\x1b[2K";
  deepEqual([code, new TextDecoder().decode(stderr).split("\n")], [0, [
    `training 1 %${erase}training 2 %${erase}a message`,
    `training 3 %${erase}a result`,
    "training 4 %",
    "the end",
    "",
  ]]);
});
