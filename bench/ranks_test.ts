import { equal, match } from "node:assert/strict";
import { projectRoot } from "../src/setup/record.ts";

// The short form: how fast anything is decides nothing here.
Deno.test("the bench of the exchange compares a rank alone with a real group of one", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", "bench/run.ts", "ranks", "--exchange", "--resnet_type=resnet20"],
      ...["--batch_size=8", "--threads=1", "--rounds=1", "--steps=1"],
    ],
    cwd: projectRoot,
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  equal(code, 0, new TextDecoder().decode(stderr));
  match(text, /\| a rank alone, without the CUDA graph \| [\d.]+ \| 1\.000 × /);
  match(text, /\| a group of one rank, statistics over Gloo \| [\d.]+ \| [\d.]+ × /);
});
