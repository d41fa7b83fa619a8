import assert from "node:assert/strict";
import { type CommandLine, readGiven, wantsHelp } from "../../../src/base/command_line.ts";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";

const OPTIONS = {
  images: { option: "images", value: { kind: "integer", least: 0 } },
  rate: { option: "lr_init", value: { kind: "number", above: 0 } },
  quiet: { option: "quiet", value: { kind: "flag" } },
  network: { option: "resnet_type", value: { kind: "choice", choices: ["resnet18", "resnet50"] } },
  folders: { option: "run_dir", value: { kind: "path" }, repeats: true },
  forms: { option: "to", value: { kind: "choice", choices: ["timm", "onnx"] }, list: true },
} as const;

const LINE: CommandLine<typeof OPTIONS> = {
  command: "deno task draw",
  options: OPTIONS,
  synonyms: { lr: ["lr_init"], model: ["resnet_type"], logs: ["run_dir", "to"], epochs: ["none"] },
  elsewhere: (option) => option === "seed" ? "it belongs to deno task train" : undefined,
};

function refused(...args: string[]): string {
  let message = "";
  assert.throws(() => readGiven(args, LINE), (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.exitCode, ExitCode.usage);
    message = error.message;
    return true;
  });
  return message;
}

Deno.test("values have their kinds' types, joined by an equals sign or spaced", () => {
  const { values } = readGiven(
    ["--images=3", "--lr_init", "5e-1", "--quiet", "--resnet_type", "resnet50"],
    LINE,
  );
  const typed: {
    images?: number;
    rate?: number;
    quiet?: boolean;
    network?: "resnet18" | "resnet50";
    folders?: string[];
    forms?: ("timm" | "onnx")[];
  } = values;
  assert.deepEqual(typed, { images: 3, rate: 0.5, quiet: true, network: "resnet50" });
  assert.deepEqual(readGiven([], LINE).values, {});
  assert.deepEqual(readGiven(["--quiet=false"], LINE).values, { quiet: false });
});

Deno.test("the last of an option counts, all of one that repeats, the last of a list", () => {
  const { values } = readGiven(
    ["--images=1", "--run_dir=a", "--images=2", "--run_dir", "b", "--to=timm", "--to=onnx,timm"],
    LINE,
  );
  assert.deepEqual(values, { images: 2, folders: ["a", "b"], forms: ["onnx", "timm"] });
});

Deno.test("the words of each option are known, for a program that passes them on", () => {
  const { words } = readGiven(["--images", "1", "--quiet", "--run_dir=a"], LINE);
  assert.deepEqual(words, [
    { field: "images", words: ["--images", "1"] },
    { field: "quiet", words: ["--quiet"] },
    { field: "folders", words: ["--run_dir=a"] },
  ]);
});

Deno.test("words after -- belong to another program where the command says so", () => {
  const args = ["--quiet", "--", "--time=1", "x"];
  assert.match(refused(...args), /the argument "--time=1": expected --option=value$/);
  const { values, passedOn } = readGiven(args, { ...LINE, passesOn: true });
  assert.deepEqual([values, passedOn], [{ quiet: true }, ["--time=1", "x"]]);
});

Deno.test("words without a name are taken where the command says so", () => {
  assert.match(refused("a", "--quiet"), /the argument "a": expected --option=value$/);
  const { values, positionals } = readGiven(["a", "--quiet", "--", "--b"], {
    ...LINE,
    takesWords: true,
  });
  assert.deepEqual([values, positionals], [{ quiet: true }, ["a", "--b"]]);
});

Deno.test("an unknown option is refused with what was probably meant", () => {
  const hints: [string, RegExp][] = [
    ["--image=3", /^Cannot use --image: no such option, did you mean --images$/],
    ["--lr=3", /^Cannot use --lr: no such option, did you mean --lr_init$/],
    ["--Model=3", /did you mean --resnet_type$/],
    ["--logs=x", /did you mean --run_dir or --to$/],
    ["--no-quiet", /did you mean --quiet=false$/],
    ["--run-dir=x", /did you mean --run_dir$/],
    ["--epochs=3", /^Cannot use --epochs: no such option, see deno task draw --help$/],
    ["--constructor=3", /no such option, see deno task draw --help$/],
    ["--__proto__=3", /no such option/],
    ["-q", /^Cannot use -q: no such option/],
    ["--seed=1", /^Cannot use --seed with deno task draw: it belongs to deno task train$/],
  ];
  for (const [arg, pattern] of hints) assert.match(refused(arg), pattern);
});

Deno.test("a wrong value is refused with what was expected and the nearest choice", () => {
  assert.match(refused("--images=1.5"), /^Cannot use --images=1.5: expected a whole number/);
  assert.match(refused("--images"), /^Cannot use --images without a value: expected --images=/);
  assert.match(refused("--run_dir", "--quiet"), /^Cannot use --run_dir without a value/);
  assert.match(refused("--quiet=maybe"), /expected true or false$/);
  assert.match(
    refused("--resnet_type=ResNet-50"),
    /^Cannot use --resnet_type=ResNet-50: expected resnet18 or resnet50; did you mean resnet50$/,
  );
  // Another number is no misspelling.
  assert.match(refused("--resnet_type=resnet34"), /expected resnet18 or resnet50$/);
  assert.match(refused("--to=timm,onix"), /^Cannot use --to=onix: .*did you mean onnx$/);
});

Deno.test("help is asked for by --help or -h, before words of another program", () => {
  assert.ok(wantsHelp(["--seed=1", "--help"]) && wantsHelp(["-h"]));
  assert.ok(!wantsHelp(["--seed=1"]) && !wantsHelp(["--", "--help"]));
});
