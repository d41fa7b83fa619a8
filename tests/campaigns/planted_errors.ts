/**
 * Does the suite catch the errors that it is there to catch? Plants one after another in the sources of this checkout,
 * builds, runs the tests that should go red, and puts everything back. Interrupt it and the sources stay changed:
 * `git diff` shows what.
 *
 *   deno task bench planted_errors [NAME …]
 */

import { join } from "node:path";
import { projectRoot } from "../../src/setup/record.ts";
import { oracleFolder } from "../runner/oracle.ts";
import { ERRORS, type PlantedError } from "./planted_errors/errors.ts";

/** Prints a table of the errors and of what each test said; the exit code is 1 where one stays green. */
export async function bench(names: string[]): Promise<void> {
  if (oracleFolder() === undefined) {
    console.error("Cannot show planted errors without PyTorch: deno task test --oracle=install");
    Deno.exit(6);
  }
  const wanted = ERRORS.filter(({ name }) =>
    names.length === 0 || names.some((part) => name.includes(part))
  );
  console.log("| planted error | where | test that goes red | what it says |");
  console.log("| --- | --- | --- | --- |");
  let built = true;
  for (const error of wanted) {
    const path = join(projectRoot, error.file);
    const source = await Deno.readTextFile(path);
    if (source.split(error.right).length !== 2) {
      throw new Error(
        `Cannot plant ${error.name}: expected "${error.right}" once in ${error.file}`,
      );
    }
    try {
      await Deno.writeTextFile(path, source.replace(error.right, error.wrong));
      const native = error.file.startsWith("native/");
      if (native || !built) await build();
      built = !native;
      const said = await redTests(error);
      if (said.length === 0) Deno.exitCode = 1;
      const [first = { test: "**NONE**", message: "" }] = said;
      const more = said.length > 1 ? ` (and ${said.length - 1} more)` : "";
      console.log(`| ${error.name} | ${error.file} | ${first.test}${more} | ${first.message} |`);
    } finally {
      await Deno.writeTextFile(path, source);
    }
  }
  if (!built) await build();
}

async function build(): Promise<void> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "setup"],
    cwd: projectRoot,
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
}

/** The tests that failed for the reason they should, each with the line that names it. */
async function redTests(
  { tests, filter, says }: PlantedError,
): Promise<{ test: string; message: string }[]> {
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    const args = ["--allow-all", "--no-check", `--filter=${filter}`, `--junit-path=${report}`];
    await new Deno.Command(Deno.execPath(), {
      args: ["test", ...args, tests],
      cwd: projectRoot,
      env: { NO_COLOR: "1" },
    }).output();
    const text = await Deno.readTextFile(report);
    const cases = text.matchAll(/<testcase name="([^"]*)"[^>]*>\s*<failure message="([^"]*)"/g);
    return [...cases].flatMap(([, test = "", failure = ""]) => {
      const message = unescaped(failure).split("\n").find((line) => says.test(line));
      return message === undefined ? [] : [{ test: unescaped(test), message: message.trim() }];
    });
  } finally {
    await Deno.remove(report);
  }
}

function unescaped(text: string): string {
  const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", "#39": "'", "#10": "\n" };
  return text.replace(
    /&([a-z0-9#]+);/g,
    (all, name) => entities[name as keyof typeof entities] ?? all,
  );
}
