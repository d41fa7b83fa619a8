import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FEW_IMAGES, listenTo, TINY } from "../support/program.ts";
import { EVALUATED } from "../campaigns/endurance/resumes.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { skip } from "../support/skip.ts";

/** Deno's debugger listens here once a process gets SIGUSR1. */
async function isDebuggerOpen(): Promise<boolean> {
  try {
    using _connection = await Deno.connect({ hostname: "127.0.0.1", port: 9229 });
    return true;
  } catch {
    return false;
  }
}

Deno.test("the debugger's port stays closed through all phases of a run, whatever signal it gets", async () => {
  if (await isDebuggerOpen()) return skip("another process listens on port 9229: end it");
  // The look itself: SIGUSR1 does open it.
  const script = `Deno.addSignalListener("SIGUSR2", () => {});
setTimeout(() => {}, 60_000);
console.log("ready");`;
  const program = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(program, script);
  const opened = new Deno.Command(Deno.execPath(), {
    args: ["run", program],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = opened.stdout.getReader();
  await reader.read();
  // Deno takes the signal only some time after it has begun to run a program; before, it is the end.
  await sleep(3000);
  opened.kill("SIGUSR1");
  let seen = false;
  for (let tries = 0; !seen && tries < 100; tries++) {
    await sleep(100);
    seen = await isDebuggerOpen();
  }
  opened.kill("SIGKILL");
  await opened.status;
  await reader.cancel();
  await Deno.remove(program);
  equal(seen, true, "SIGUSR1 did not open the port: the look is good for nothing");

  for (const signal of ["SIGUSR2", "SIGTERM"] as const) {
    const folder = await Deno.makeTempDir();
    const options = ["train", ...TINY, ...EVALUATED, "--nb_epochs=1000", `--run_dir=${folder}`];
    const { said, kill, ended } = listenTo(options, { script: FEW_IMAGES });
    const looks: boolean[] = [];
    let over = false;
    const looking = (async () => {
      while (!over) {
        looks.push(await isDebuggerOpen());
        await sleep(20);
      }
    })();
    await said(/after epoch 1/);
    kill(signal);
    equal((await ended).code, 75);
    over = true;
    await looking;
    equal(looks.length > 10, true, `${looks.length} looks`);
    equal(looks.includes(true), false, `open at look ${looks.indexOf(true)} of ${looks.length}`);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("nothing in the sources or the batch scripts sends or takes SIGUSR1 but to a shell", async () => {
  const found: string[] = [];
  async function look(folder: string): Promise<void> {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (isDirectory) await look(path);
      else if (/\.(ts|rs|cpp)$/.test(name)) {
        const text = await Deno.readTextFile(path);
        // Comments say why not.
        const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
        if (/SIGUSR1/.test(code)) found.push(path);
      }
    }
  }
  for (const folder of ["src", "native/src"]) await look(join(projectRoot, folder));
  deepEqual(found, []);
});
