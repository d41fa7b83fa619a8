import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { call, callNumbers, callText, callU32, json } from "../../../src/native/call.ts";
import { NativeError } from "../../../src/native/native_error.ts";
import { projectRoot } from "../../../src/setup/record.ts";
import { SYMBOLS } from "../../../src/native/symbols.gen.ts";

const NO_OBJECT = 0xffff_fffe;

function errorOf(body: () => unknown): NativeError {
  let caught: unknown;
  throws(body, (error: unknown) => {
    caught = error;
    return error instanceof NativeError;
  });
  return caught as NativeError;
}

Deno.test("a refused call names its function, its status and the reason", () => {
  const error = errorOf(() => call("byol_learner_move_target", NO_OBJECT, 0.5));
  deepEqual([error.symbol, error.code], ["byol_learner_move_target", "BadHandle"]);
  match(error.message, /expected a learner, found none/);
});

Deno.test("a long message after a short one is read whole, and one longer than the buffer is cut", () => {
  const short = errorOf(() => call("byol_learner_broadcast_statistics", NO_OBJECT)).message;
  const path = `/nowhere/${"a".repeat(3000)}`;
  const long = errorOf(() => callText("byol_checkpoint_describe", json(path))).message;
  ok(long.length > 3000 && long.includes(path), `${short.length}, then ${long.length}`);
  const endless = `/nowhere/${"a".repeat(20_000)}`;
  const cut = errorOf(() => callText("byol_checkpoint_describe", json(endless))).message;
  ok(cut.length > 8000 && cut.length <= 8192, `${cut.length}`);
  equal(errorOf(() => call("byol_learner_broadcast_statistics", NO_OBJECT)).message, short);
});

Deno.test("a text of more than 64 KiB is read whole", async () => {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  const names = Array.from({ length: 3000 }, (_, index) => `layer${index}.weight`);
  const header = JSON.stringify(Object.fromEntries(
    names.map((name, index) => [name, {
      dtype: "F32",
      shape: [1],
      data_offsets: [4 * index, 4 * index + 4],
    }]),
  ));
  const text = new TextEncoder().encode(header.padEnd(Math.ceil(header.length / 8) * 8));
  const file = new Uint8Array(8 + text.length + 4 * names.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  await Deno.writeFile(path, file);
  const described = callText("byol_checkpoint_describe", json(path));
  ok(described.length > 1 << 16, `${described.length}`);
  deepEqual(Object.keys(JSON.parse(described).shapes).sort(), names.sort());
  // A short text after it is not read with what was left of the long one.
  equal(typeof JSON.parse(callText("byol_core_info")).threads, "number");
  await Deno.remove(path);
});

Deno.test("arguments of another number or type do not compile", () => {
  const unused = (): void => {
    call("byol_learner_move_target", 1, 0.5);
    // @ts-expect-error: no such function
    call("byol_learner_move_targets", 1, 0.5);
    // @ts-expect-error: one argument is missing
    call("byol_learner_move_target", 1);
    // @ts-expect-error: one argument too many, in the place of the error buffer
    call("byol_learner_move_target", 1, 0.5, new Uint8Array(1));
    // @ts-expect-error: u64 is a bigint
    call("byol_dataset_make_views", 1, 0, 0n, 0);
    // @ts-expect-error: a text is bytes
    call("byol_dataset_write_sheet", 1, "sheet.png");
    // @ts-expect-error: a function without a result
    callU32("byol_learner_move_target", 1);
    // @ts-expect-error: a function with a result
    call("byol_core_live_handles", new Uint32Array(1));
    // @ts-expect-error: a text is no number
    callU32("byol_core_info");
    // @ts-expect-error: a number is no text
    callText("byol_core_live_handles");
    // @ts-expect-error: the result's buffer is added by callNumbers
    callNumbers("byol_learner_metrics", 1, new Float64Array(5));
    // @ts-expect-error: the table tells the count of the numbers
    callNumbers("byol_learner_metrics", 5, 1);
  };
  equal(typeof unused, "function");
});

Deno.test("each function of the core is named once in src/", async () => {
  const written = new Map(Object.keys(SYMBOLS).map((name) => [name, [] as string[]]));
  for await (const path of sources(join(projectRoot, "src"))) {
    // The generator opens a core before its table is known.
    if (/native\/(symbols\.gen|generate)\.ts$/.test(path)) continue;
    const text = await Deno.readTextFile(path);
    for (const [name] of text.matchAll(/\bbyol_[a-z]+_[a-z_]+\b/g)) written.get(name)?.push(path);
  }
  const others = [...written].filter(([, paths]) => paths.length !== 1);
  // A panic is for tests alone.
  deepEqual(others, [["byol_core_panic", []]]);
});

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* sources(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}
