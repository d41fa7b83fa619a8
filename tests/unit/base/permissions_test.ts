import assert from "node:assert/strict";
import { join } from "node:path";
import {
  CONTAINER_PERMISSIONS,
  dropSetUp,
  LOCAL_RANK_PERMISSIONS,
  RANK_PERMISSIONS,
  TASK_PERMISSIONS,
} from "../../../src/base/permissions.ts";
import { COMMANDS } from "../../../src/options/commands/registry.ts";
import { projectRoot } from "../../../src/setup/record.ts";
import { SETUP } from "../../../src/setup/options.ts";

interface Task {
  description: string;
  command: string;
}

const { tasks } = JSON.parse(Deno.readTextFileSync(join(projectRoot, "deno.json"))) as {
  tasks: Readonly<Record<string, Task>>;
};

/** Commands whose tasks set up first. */
const SET_UP = ["train", "eval", "embed", "export", "views", "pack", "report", "replay"];

/** Program that follows the permissions of each task. */
const PROGRAMS: Readonly<Record<string, string>> = {
  setup: "src/setup/main.ts --print",
  gen: "src/native/generate.ts",
  docs: "src/commands/docs.ts",
  ...Object.fromEntries(
    Object.keys(COMMANDS).map((name) => [
      name,
      `src/cli.ts ${SET_UP.includes(name) ? "--set-up " : ""}${name}`,
    ]),
  ),
};

Deno.test("each task is one program with the permissions of the table", () => {
  for (const [name, permissions] of Object.entries(TASK_PERMISSIONS)) {
    assert.equal(tasks[name]?.command, ["deno run", ...permissions, PROGRAMS[name]].join(" "));
  }
  assert.deepEqual(Object.keys(TASK_PERMISSIONS).toSorted(), Object.keys(PROGRAMS).toSorted());
});

Deno.test("each task says what it does, in a command's own words", () => {
  for (const [name, task] of Object.entries(tasks)) {
    assert.match(task.description, /^[A-Z].*[^.]$/, name);
    assert.doesNotMatch(task.command, /&&/, name);
  }
  for (const { name, summary } of [...Object.values(COMMANDS), SETUP]) {
    assert.equal(tasks[name]?.description, summary);
  }
});

Deno.test("no task asks: what it may not do ends it, also at a terminal", () => {
  for (const [name, { command }] of Object.entries(tasks)) {
    if (command.startsWith("deno run")) assert.match(command, /^deno run --no-prompt /, name);
  }
});

Deno.test("scripts give ranks the permissions of the table", () => {
  const expected = {
    "job.sh": [RANK_PERMISSIONS],
    "byol.def": [CONTAINER_PERMISSIONS, RANK_PERMISSIONS],
  };
  for (const [script, permissions] of Object.entries(expected)) {
    const text = Deno.readTextFileSync(join(projectRoot, "slurm", script));
    const given = [...text.matchAll(/\brun --cached-only (.*?) \S*\/src\//g)];
    assert.deepEqual(
      given.map(([, flags]) => flags),
      permissions.map((flags) => flags.join(" ")),
      script,
    );
  }
  assert.deepEqual(LOCAL_RANK_PERMISSIONS.slice(0, RANK_PERMISSIONS.length), RANK_PERMISSIONS);
});

Deno.test("no other file spells the permissions of a rank", () => {
  // One of them takes the environment back, to see what then happens.
  const known = [
    "src/base/permissions.ts",
    "tests/endurance/exit_codes_test.ts",
    "tests/unit/base/permissions_test.ts",
  ];
  const spelling = ["src", "tests", "bench"].flatMap(filesBelow)
    .filter((path) => /\.(ts|sh|sbatch)$/.test(path))
    .filter((path) => /-allow-ffi|-RWES/.test(Deno.readTextFileSync(join(projectRoot, path))));
  assert.deepEqual(spelling.filter((path) => !known.includes(path)), []);
});

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(join(projectRoot, folder))].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

Deno.test("after set-up a command may not run programs that it does not need", async () => {
  const url = new URL("../../../src/base/permissions.ts", import.meta.url).href;
  const script = `import { dropSetUp } from ${JSON.stringify(url)};
    await dropSetUp(Deno.args[0]);
    for (const permission of [{ name: "run" }, { name: "write", path: ".byol" }]) {
      console.log((await Deno.permissions.query(permission)).state);
    }`;
  const folder = await Deno.makeTempDir();
  const file = join(folder, "drop.ts");
  Deno.writeTextFileSync(file, script);
  const expected = {
    train: ["granted", "granted"],
    report: ["granted", "granted"],
    embed: ["prompt", "granted"],
    export: ["prompt", "granted"],
    views: ["prompt", "granted"],
    pack: ["prompt", "prompt"],
  } as const;
  for (const [name, states] of Object.entries(expected)) {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", ...TASK_PERMISSIONS[name as keyof typeof expected], file, name],
      cwd: folder,
    }).output();
    const found = new TextDecoder().decode(stdout).trim().split("\n");
    assert.deepEqual(found, states, `${name}: ${new TextDecoder().decode(stderr)}`);
  }
  await Deno.remove(folder, { recursive: true });
  // Nothing to give up, nothing to fail.
  await dropSetUp("train");
});
