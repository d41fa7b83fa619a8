import { deepEqual, equal } from "node:assert/strict";
import { exits } from "../campaigns/endurance/exits.ts";
import { TINY } from "../support/program.ts";
import { projectRoot } from "../../src/setup/record.ts";

Deno.test("ten ends of five kinds have the right code and leave nothing", async () => {
  for (const { failures } of await exits(10)) deepEqual(failures, []);
});

Deno.test("a run that is over has left no object and no thread of its own in its process", async () => {
  const folder = await Deno.makeTempDir();
  const options = [...TINY, "--clsf_every=0", "--max_steps=2", "--nb_workers=3"];
  const script = `import { thisEnvironment } from "./src/options/environment.ts";
import { parseCommandLine } from "./src/options/parse.ts";
import { liveHandles } from "./src/native/core.ts";
import { train } from "./src/commands/train/main.ts";
const code = await train(parseCommandLine("train", Deno.args, thisEnvironment()));
const threads = () => [...Deno.readDirSync("/proc/self/task")].map(({ name }) =>
  Deno.readTextFileSync("/proc/self/task/" + name + "/comm").trim()).filter((name) =>
  name.startsWith("byol"));
// Threads of a pool end by themselves, soon.
for (let tries = 0; threads().length > 0 && tries < 100; tries++) {
  await new Promise((done) => setTimeout(done, 50));
}
console.error(JSON.stringify({ code, handles: liveHandles(), threads: threads() }));`;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", script, ...options, `--run_dir=${folder}`],
    cwd: projectRoot,
    stdin: "null",
  }).output();
  const said = new TextDecoder().decode(stderr);
  equal(code, 0, said);
  deepEqual(JSON.parse(said.trim().split("\n").at(-1)!), { code: 0, handles: 0, threads: [] });
  await Deno.remove(folder, { recursive: true });
});
