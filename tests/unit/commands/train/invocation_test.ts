import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../../../src/setup/record.ts";
import { compileDriver } from "../../../support/driver.ts";
import { inFolder } from "../../../support/in_folder.ts";

/** Prints the energy of an invocation on --hardware before and after its GPU has used 250 J. */
const PROGRAM = `
import { Invocation } from "${projectRoot}/src/commands/train/invocation.ts";
import { Ranks } from "${projectRoot}/src/distributed/ranks.ts";
import { parseCommandLine } from "${projectRoot}/src/options/parse.ts";
import { Interrupt } from "${projectRoot}/src/runtime/interrupt.ts";
const place = { variable: () => undefined, exists: () => false, cores: 1 };
const parsed = parseCommandLine("train", [], place);
parsed.config.hardware = Deno.args[0];
using interrupt = new Interrupt();
const parts = { ranks: Ranks.alone(), interrupt, startedAt: 0 };
const invocation = new Invocation(parsed, parts);
const before = invocation.joules();
Deno.writeTextFileSync(Deno.env.get("BYOL_TEST_ENERGY"), "5250000 77");
console.log(JSON.stringify([before ?? null, invocation.joules() ?? null]));
`;

Deno.test("an invocation counts the energy of its own GPU by the driver's libraries, none on processors", async () => {
  await inFolder(async (folder) => {
    const library = await compileDriver(folder, "libcuda.so.1");
    const [script, counters] = [join(folder, "program.ts"), join(folder, "counters")];
    Deno.writeTextFileSync(script, PROGRAM);
    const joules = async (hardware: string): Promise<unknown> => {
      Deno.writeTextFileSync(counters, "5000000 77");
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", `--config=${projectRoot}/deno.json`, script, hardware],
        env: { LD_LIBRARY_PATH: folder, BYOL_TEST_ENERGY: counters },
      }).output();
      equal(code, 0, new TextDecoder().decode(stderr));
      return JSON.parse(new TextDecoder().decode(stdout));
    };
    deepEqual(await joules("mono-gpu"), [null, null], "without NVML");
    Deno.copyFileSync(library, join(folder, "libnvidia-ml.so.1"));
    deepEqual(await joules("mono-gpu"), [0, 250]);
    deepEqual(await joules("cpu"), [null, null]);
  });
});
