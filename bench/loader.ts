/**
 * `deno task bench loader [--data_dir=DIR] [--rounds=N]`: photos to finished views, per second of processor time, which
 * a busy machine does not change; beside torchvision on the same photos, and libjpeg-turbo called directly.
 *
 * DIR holds class folders of photos; by default those of BYOL_DATA (photos/varied).
 */

import { join } from "node:path";
import process from "node:process";
import { NORMALISATION, VIEW_RECIPES } from "../src/recipes/views.ts";
import { Dataset } from "../src/native/dataset.ts";
import { coreInfo, setThreads } from "../src/native/core.ts";
import { DataJob } from "../src/native/data_job.ts";
import { projectRoot } from "../src/setup/record.ts";
import { oracleFolder } from "../tests/runner/oracle.ts";
import { realData } from "../tests/support/real_data.ts";

const BATCH = 64;
/** Links to the photos, for the memory of a large data set. */
const MANY = 100_000;

interface Measured {
  images: number;
  seconds: number;
}

/** Prints the table. */
export async function bench(args: string[]): Promise<void> {
  const option = (name: string): string | undefined =>
    args.map((arg) => arg.match(`^--${name}=(.+)$`)?.[1]).find(Boolean);
  const photos = option("data_dir") ?? realData("photos/varied");
  if (photos === undefined) {
    console.error(
      "Cannot measure the loader: expected --data_dir=DIR with class folders of photos",
    );
    Deno.exit(2);
  }
  const rounds = Number(option("rounds") ?? 3);
  setThreads(1);
  const scratch = await Deno.makeTempDir();
  try {
    console.log(`JPEG files are decoded by ${decoder()}\n`);
    console.log("| what, per image | images/s and core | ratio |\n| --- | ---: | ---: |");
    const ours = await viewsOf(photos, rounds);
    row("two float views of 224, ours", ours);
    for (const kind of ["pil", "v2"]) {
      row(`the same, torchvision (${kind})`, await torchvision(photos, rounds, kind), ours);
    }
    const crops = await part(photos, rounds, "crops");
    row("decoding, two crops and resizes, ours", crops);
    row("the same, PIL", await torchvision(photos, rounds, "crops"), crops);
    const decode = await part(photos, rounds, "decode");
    row("decoding, ours", decode);
    row("the same, libjpeg-turbo called directly", await libjpeg(photos, rounds, scratch), decode);
    const packed = join(scratch, "packed");
    using job = await DataJob.run({
      kind: "pack",
      directory: photos,
      cache: null,
      out: packed,
      name: "train",
      imagesPerShard: 10_000,
      reencoding: null,
      workers: 2,
      mostBad: 0,
    });
    job.result();
    const [loose, shards] = await inTurn([photos, join(packed, "train.json")], rounds);
    row("two float views of 224 from shards, ours", shards!);
    console.log(`\nshards: ${ratio(shards!, loose!)} of the folder`);
    await threads(photos, rounds);
    await memory(photos, scratch);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

function row(what: string, measured: Measured | string, ours?: Measured): void {
  if (typeof measured === "string") {
    console.log(`| ${what} | ${measured} | |`);
    return;
  }
  const rate = (measured.images / measured.seconds).toFixed(0);
  console.log(
    `| ${what} | ${rate} | ${ours === undefined ? "" : `ours ${ratio(ours, measured)}`} |`,
  );
}

function ratio(a: Measured, b: Measured): string {
  return `${((a.images / a.seconds) / (b.images / b.seconds)).toFixed(2)} ×`;
}

async function open(path: string, workers: number): Promise<Dataset> {
  using job = path.endsWith(".json")
    ? await DataJob.run({ kind: "open", manifest: path })
    : await DataJob.run({ kind: "list", directory: path, cache: null });
  const dataset = Dataset.open({
    source: { kind: "photos", job: job.handle, mostBad: 0.01, ahead: 2 },
    dtype: "float32",
    workers,
    normalisation: NORMALISATION.imagenet,
  });
  dataset.setRecipes(Math.min(BATCH, dataset.describe().count), VIEW_RECIPES.imagenet);
  return dataset;
}

/** Makes every image's views so many times. */
function make(dataset: Dataset, rounds: number): number {
  const { count } = dataset.describe();
  const batch = Math.min(BATCH, count);
  const steps = rounds * Math.floor(count / batch);
  for (let step = 0; step < steps; step++) dataset.makeViews(0, step);
  return steps * batch;
}

/** Measures two places round by round: a processor's speed changes over minutes. */
async function inTurn(places: readonly string[], rounds: number): Promise<Measured[]> {
  const sums = places.map(() => ({ images: 0, seconds: 0 }));
  for (let round = 0; round < 2 * rounds; round++) {
    for (const [index, place] of places.entries()) {
      const { images, seconds } = await viewsOf(place, 1);
      sums[index]!.images += images;
      sums[index]!.seconds += seconds;
    }
  }
  return sums;
}

async function viewsOf(path: string, rounds: number): Promise<Measured> {
  using dataset = await open(path, 1);
  make(dataset, 1);
  const before = processorSeconds();
  const images = make(dataset, rounds);
  return { images, seconds: processorSeconds() - before };
}

/**
 * Two threads against one, round by round: by the clock, which only idle cores tell; and by processor time, which is
 * twice what an image costs one thread over what it costs each of two: what they lose to each other, busy or not.
 */
async function threads(photos: string, rounds: number): Promise<void> {
  const sums = [1, 2].map((workers) => ({ workers, images: 0, clock: 0, cost: 0 }));
  for (let round = 0; round < 2 * rounds; round++) {
    for (const sum of sums) {
      using dataset = await open(photos, sum.workers);
      make(dataset, 1);
      const [clock, cost] = [performance.now(), processorSeconds()];
      sum.images += make(dataset, 1);
      sum.clock += (performance.now() - clock) / 1000;
      sum.cost += processorSeconds() - cost;
    }
  }
  const [one, two] = sums;
  const times = (a: number, b: number): string => `${(a / b).toFixed(2)} ×`;
  console.log(
    `two threads: ${times(one!.clock, two!.clock)} of one by the clock (meant for idle cores), ` +
      `${times(2 * one!.cost, two!.cost)} by processor time`,
  );
}

/** Which decoder, and whether something keeps it from its SIMD code. */
function decoder(): string {
  const { jpeg } = coreInfo();
  const off = ["JSIMD_FORCENONE", "JSIMD_FORCESSE2", "JSIMD_FORCEMMX"]
    .filter((name) => jpeg === "libjpeg-turbo" && (Deno.env.get(name) ?? "") !== "");
  if (off.length > 0) return `${jpeg}, without its fastest SIMD code: ${off.join(", ")} is set`;
  return jpeg === "libjpeg-turbo" ? jpeg : `${jpeg}: set-up found no libjpeg-turbo`;
}

/** Processor time of this process, in seconds. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function part(
  directory: string,
  rounds: number,
  part: "decode" | "crops",
): Promise<Measured> {
  using job = await DataJob.run({ kind: "measure", directory, part, rounds });
  return job.result<Measured>();
}

async function torchvision(
  folder: string,
  rounds: number,
  kind: string,
): Promise<Measured | string> {
  const oracle = oracleFolder();
  if (oracle === undefined) return "not measured: deno task test --oracle=install brings it";
  return await measured("python3", {
    args: ["bench/peers/torchvision_loader.py", folder, String(rounds), kind],
    env: { PYTHONPATH: oracle },
  });
}

async function libjpeg(
  folder: string,
  rounds: number,
  scratch: string,
): Promise<Measured | string> {
  const program = join(scratch, "jpeg_turbo");
  const { success } = await new Deno.Command("cc", {
    args: ["-O2", "bench/peers/jpeg_turbo.c", "-ljpeg", "-o", program],
    cwd: projectRoot,
    stderr: "null",
  }).output();
  if (!success) return "not measured: cc found no jpeglib.h (libjpeg-turbo's headers)";
  const files: string[] = [];
  for (const { name } of Deno.readDirSync(folder)) {
    for (const file of Deno.readDirSync(join(folder, name))) {
      files.push(join(folder, name, file.name));
    }
  }
  return await measured(program, { args: [String(rounds), ...files] });
}

async function measured(
  program: string,
  options: { args: string[]; env?: Record<string, string> },
): Promise<Measured | string> {
  const { stdout, stderr, success } = await new Deno.Command(program, {
    ...options,
    cwd: projectRoot,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).trim();
  return success ? JSON.parse(text(stdout)) : `failed: ${text(stderr).split("\n").at(-1)}`;
}

/** Peak memory with many links to the photos, against the photos alone: bounded by batches, not by images. */
async function memory(photos: string, scratch: string): Promise<void> {
  const many = join(scratch, "many");
  const files: string[] = [];
  for (const { name } of Deno.readDirSync(photos)) {
    for (const file of Deno.readDirSync(join(photos, name))) {
      files.push(join(photos, name, file.name));
    }
  }
  for (let index = 0; index < MANY; index++) {
    const folder = join(many, String(index % 100));
    if (index < 100) Deno.mkdirSync(folder, { recursive: true });
    Deno.symlinkSync(files[index % files.length]!, join(folder, `${index}.JPEG`));
  }
  const peak = async (path: string): Promise<number> => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", join(projectRoot, "bench/loader_memory.ts"), path],
    }).output();
    return Number(new TextDecoder().decode(stdout));
  };
  const [few, all] = [await peak(photos), await peak(many)];
  console.log(
    `peak memory, batches of ${BATCH}, two ahead: ${few} MiB with ${files.length} photos, ` +
      `${all} MiB with ${MANY} links to them`,
  );
}

/** Runs some steps on a folder and prints the peak of memory in MiB, as the process of loader_memory.ts. */
export async function printPeak(path: string): Promise<void> {
  setThreads(1);
  using dataset = await open(path, 2);
  for (let step = 0; step < 12; step++) {
    dataset.makeViews(0, step);
    for (const ahead of [1, 2]) {
      const views = VIEW_RECIPES.imagenet;
      dataset.prefetchViews({ seed: 0, step: step + ahead }, { batchSize: BATCH, ...views });
    }
  }
  const status = Deno.readTextFileSync("/proc/self/status");
  console.log(Math.round(Number(status.match(/VmHWM:\s+(\d+)/)?.[1]) / 1024));
}
