/**
 * Ends of every kind, many times: the right code, no crash on the way out (libtorch's destructors run then), nothing
 * left in the run folder.
 */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FEW_IMAGES, listenTo, runProgram, TINY } from "../../support/program.ts";
import { EVALUATED } from "./resumes.ts";
import type { EnduranceRow } from "./row.ts";
import { leftovers } from "./signals.ts";

interface Kind {
  name: string;
  code: number;
  run(folder: string): Promise<{ code: number; stderr: string }>;
}

const OPTIONS = ["train", ...TINY, "--clsf_every=0"];
const start = (folder: string, ...options: string[]) =>
  runProgram([...OPTIONS, `--run_dir=${folder}`, ...options], { script: FEW_IMAGES });

const KINDS: readonly Kind[] = [
  { name: "trained", code: 0, run: (folder) => start(folder, "--max_steps=2", "--nb_workers=3") },
  {
    name: "evaluated",
    code: 0,
    run: (folder) => start(folder, ...EVALUATED, "--max_steps=1", "--eval_at_end"),
  },
  { name: "usage", code: 2, run: (folder) => start(folder, "--batch_size=65") },
  {
    name: "not finite",
    code: 7,
    run: (folder) => start(folder, "--lr_init=1e30", "--eta=1e30", "--nb_epochs_warmup=0"),
  },
  {
    name: "interrupted",
    code: 75,
    run: async (folder) => {
      const options = [...OPTIONS, `--run_dir=${folder}`, "--nb_epochs=100000"];
      const program = listenTo(options, { script: FEW_IMAGES });
      await program.said(/training \d+ %/);
      await sleep(Math.random() * 100);
      program.kill("SIGTERM");
      return await program.ended;
    },
  },
];

/** Ends the program so often. */
export async function exits(times: number): Promise<EnduranceRow[]> {
  const failures: string[] = [];
  const counts = new Map<string, number>();
  for (let index = 0; index < times; index++) {
    const kind = KINDS[index % KINDS.length]!;
    const root = await Deno.makeTempDir();
    const folder = join(root, "run");
    const { code, stderr } = await kind.run(folder);
    if (code !== kind.code) {
      failures.push(`exit ${index} (${kind.name}): ${code}, expected ${kind.code}: ${stderr}`);
    }
    failures.push(...leftovers(folder).map((line) => `exit ${index} (${kind.name}): ${line}`));
    const label = `${kind.code} (${kind.name})`;
    counts.set(label, (counts.get(label) ?? 0) + 1);
    await Deno.remove(root, { recursive: true });
  }
  const found = [...counts].map(([label, count]) => `${count} × ${label}`).join(", ");
  return [{
    form: "ended in each way",
    times,
    found: `${found}; no temporary file left`,
    failures,
  }];
}
