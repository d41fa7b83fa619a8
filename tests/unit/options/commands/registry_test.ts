import assert from "node:assert/strict";
import type { CommandSpec } from "../../../../src/base/command_line.ts";
import { ExitCode, UserError } from "../../../../src/base/exit_codes.ts";
import { helpOf } from "../../../../src/base/help.ts";
import { problemOf } from "../../../../src/base/option_values.ts";
import {
  type CommandName,
  commandNamed,
  COMMANDS,
  lineOf,
  readCommand,
} from "../../../../src/options/commands/registry.ts";
import { SYNONYMS } from "../../../../src/options/synonyms.ts";

const NAMES = Object.keys(COMMANDS) as CommandName[];

function refused(name: CommandName, ...args: string[]): string {
  let message = "";
  assert.throws(() => readCommand(COMMANDS[name] as CommandSpec, args), (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.exitCode, ExitCode.usage);
    message = error.message;
    return true;
  });
  return message;
}

Deno.test("a command is found by its name, and none is refused with what there is", () => {
  assert.equal(commandNamed("embed"), "embed");
  assert.throws(() => commandNamed(undefined), /no command: expected train, eval, .* or doctor$/);
  assert.throws(() => commandNamed("reports"), /Cannot run reports: .*; did you mean report$/);
  assert.throws(() => commandNamed("constructor"), /expected train/);
});

Deno.test("each command's help names all its options, in lines that a terminal shows", () => {
  for (const name of NAMES) {
    const spec: CommandSpec = COMMANDS[name];
    assert.equal(spec.name, name);
    const text = helpOf(spec);
    assert.ok(text.startsWith(`Usage: deno task ${name}`), name);
    for (const { option } of Object.values(spec.options)) {
      assert.match(text, new RegExp(`^  --${option}(=|$)`, "m"), `--${option} of ${name}`);
    }
    const long = text.split("\n").filter((line) => line.length > 115);
    assert.deepEqual(long, [], name);
  }
});

Deno.test("each option's default is one of its values", () => {
  for (const name of NAMES) {
    const spec: CommandSpec = COMMANDS[name];
    for (const { option, value, default: fallback } of Object.values(spec.options)) {
      if (fallback === undefined || fallback === null || typeof fallback === "object") continue;
      assert.equal(problemOf(value, fallback), undefined, `--${option} of ${name}`);
    }
  }
});

Deno.test("a command's own options and those that it takes from another have different names", () => {
  for (const name of NAMES) {
    const options = Object.values(lineOf(name).options).map(({ option }) => option);
    assert.deepEqual(options, [...new Set(options)], name);
    const spec: CommandSpec = COMMANDS[name];
    const own = Object.keys(spec.options).length;
    const others = (spec.beside ?? []).map((other) => COMMANDS[other as CommandName].options);
    const fields = new Set(others.flatMap(Object.keys));
    assert.equal(options.length, own + fields.size, name);
  }
});

Deno.test("every hint names the command that was started", () => {
  for (const name of NAMES) {
    assert.match(refused(name, "--zzzzzzzz"), new RegExp(`see deno task ${name} --help$`));
  }
  assert.match(
    refused("embed", "--lr_init=1"),
    /^Cannot use --lr_init with deno task embed: it belongs to deno task train$/,
  );
  assert.match(
    refused("views"),
    /^Cannot run deno task views without --out: expected --out=PATH$/,
  );
  assert.match(refused("embed", "--out=a.npy"), /^Cannot run deno task embed without --checkpoint/);
  assert.match(refused("train", "--checkpoint=c"), /to resume from|give --resume=FILE$/);
  assert.match(
    refused("watch", "--dataset_name=demo"),
    /^Cannot use .*deno task watch: it belongs/,
  );
});

Deno.test("a file to write is not named as another format than it gets", () => {
  const views = /^Cannot use --out=x\.jpg: expected a path that ends in \.png$/;
  assert.match(refused("views", "--out=x.jpg"), views);
  const report = /^Cannot use --out=x\.pdf: expected a path that ends in \.html or \.htm$/;
  assert.match(refused("report", "--run_dir=runs/a", "--out=x.pdf"), report);
  assert.match(
    refused("embed", "--checkpoint=c", "--out=x.csv"),
    /expected a path that ends in \.npy or \.parquet$/,
  );
});

Deno.test("other programs' names lead to the options of this one", () => {
  const hints: [CommandName, string, string][] = [
    ["train", "epochs", "--nb_epochs"],
    ["train", "learning_rate", "--lr_init"],
    ["train", "learning-rate", "--lr_init"],
    ["train", "lr", "--lr_init"],
    ["train", "device", "--hardware"],
    ["train", "gpus", "--hardware or --ranks"],
    ["train", "ckpt", "--resume"],
    ["eval", "ckpt", "--checkpoint"],
    ["train", "workers", "--nb_workers"],
    ["pack", "num_workers", "--nb_workers"],
    ["submit", "gpus", "--hardware or --ranks or --gpus_per_node"],
    ["views", "output", "--out or --run_dir"],
    ["train", "batchsize", "--batch_size"],
  ];
  for (const [command, name, meant] of hints) {
    assert.equal(
      refused(command, `--${name}=1`),
      `Cannot use --${name}: no such option, did you mean ${meant}`,
    );
  }
  const options = new Set(
    NAMES.flatMap((name) => Object.values(lineOf(name).options).map(({ option }) => option)),
  );
  for (const [name, meant] of Object.entries(SYNONYMS)) {
    assert.ok(!options.has(name), `${name} is an option itself`);
    for (const option of meant) assert.ok(options.has(option), `--${option} is none`);
  }
});

Deno.test("a file of options may give what is required of another command, not the command's own", () => {
  assert.deepEqual(readCommand(COMMANDS.eval, ["--config=a.json"]).rest, []);
  assert.deepEqual(readCommand(COMMANDS.embed, ["--out=a.npy", "--config=a.json"]).rest, [
    "--config=a.json",
  ]);
  assert.match(refused("embed", "--config=a.json"), /without --out: expected --out=PATH$/);
});

Deno.test("a command reads its own options, and keeps the words of the others", () => {
  const { own, rest } = readCommand(COMMANDS.views, [
    ...["--preset", "cifar10_tuned", "--step=3", "--out", "a.png", "--seed=1"],
  ]);
  assert.deepEqual(own, { out: "a.png", step: 3 });
  assert.deepEqual(rest, ["--preset", "cifar10_tuned", "--seed=1"]);
  const submit = readCommand(COMMANDS.submit, ["--nodes=2", "--", "-w", "n"], ["train"]);
  assert.deepEqual(submit.own.nodes, [2]);
  assert.equal(submit.own.profile, "generic");
  assert.deepEqual(submit.passedOn, ["-w", "n"]);
});
