/**
 * `deno task bench step [--resnet_type=resnet18] [--batch_size=64] [--threads=1] [--image_size=32] [--rounds=5] [--steps=N]
 * [--hardware=mono-gpu] [--precision=mixed] [--cuda_graph=false] [--workers=16] [--pythonpath=DIR] [--peers=contiguous,channels_last,…]
 * [--format=json]`: images per second of our training step and of its peers', each a process of its own, asked in turn so
 * that all see the same moods of the machine; and the views alone, beside torchvision's. Ratios are medians over the
 * rounds, with their quartiles. On the processor a second is one of processor time; on a GPU it is one of the clock, of as
 * many steps as --steps says with a wait for the device at their end, and --workers are the original's processes. PyTorch is
 * that of --pythonpath, or the one that the tests use.
 *
 * Ours makes its views; the peers but "original" are given theirs, so ours is compared with those without its views.
 */

import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { projectRoot } from "../src/setup/record.ts";
import { oracleFolder } from "../tests/oracle.ts";

const PEERS: Readonly<Record<string, string>> = {
  channels_last: "PyTorch eager, channels_last, views given",
  contiguous: "PyTorch eager, as people write it (contiguous), views given",
  compile: "torch.compile, channels_last, views given",
  lightly: "lightly's heads, loss, LARS and average, contiguous, views given",
  original: "the original's shape: PIL views in a DataLoader, contiguous",
};
const VIEW_PEERS: Readonly<Record<string, string>> = {
  pil: "torchvision's transforms on PIL images",
  v2: "torchvision's v2 transforms on tensors",
};
/** FLOPs of an image by network and side, eight forward passes of two views (2 FLOP a multiply-add). */
const FLOPS: Readonly<Record<string, number>> = { "resnet18 32": 8.96e9, "resnet50 224": 65.1e9 };
/** Dense bf16 of an H100 or H200, by its datasheet. */
const PEAK_FLOPS = 989e12;

/** Batches of views that a round makes: they cost far less than a step. */
const VIEW_BATCHES = 2;

interface Answer {
  seconds: Record<string, number>;
  images: number;
  peak_mib: number;
}

/** A process that does work when it is asked to. */
class Worker {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array>;
  /** What it answered, round by round. */
  readonly answers: Answer[] = [];

  constructor(command: string, args: string[], env: Record<string, string> = {}) {
    this.#child = new Deno.Command(command, {
      args,
      cwd: projectRoot,
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const input = Readable.from(this.#child.stdout);
    this.#lines = createInterface({ input })[Symbol.asyncIterator]();
    this.#requests = this.#child.stdin.getWriter();
  }

  async #read(): Promise<Record<string, unknown>> {
    const { value } = await this.#lines.next();
    if (value !== undefined) return JSON.parse(value);
    const stderr = await new Response(this.#child.stderr).text();
    throw new Error(stderr.trim().split("\n").at(-1) ?? "it ended without a word");
  }

  /** Waits until its warm-up is done. */
  async ready(): Promise<void> {
    await this.#read();
  }

  async ask(request: Record<string, unknown>): Promise<void> {
    await this.#requests.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
    this.answers.push(await this.#read() as unknown as Answer);
  }

  async close(): Promise<void> {
    await this.#requests.close();
    await this.#child.stderr.cancel().catch(() => {});
    await this.#child.status;
  }
}

interface Row {
  what: string;
  /** Images per second of processor time, median over the rounds. */
  rate: number;
  /** Ours over this one's: lower quartile, median, upper quartile. */
  ratio?: [number, number, number];
  /** Peak memory of the process. */
  mebibytes: number;
}

/** Prints the tables, or one JSON object. */
export async function bench(args: string[]): Promise<void> {
  const option = (name: string, fallback: string): string =>
    args.map((arg) => arg.match(`^--${name}=(.+)$`)?.[1]).find(Boolean) ?? fallback;
  const shape = [
    `--resnet_type=${option("resnet_type", "resnet18")}`,
    `--batch_size=${option("batch_size", "64")}`,
    `--threads=${option("threads", "1")}`,
    `--hardware=${option("hardware", "cpu")}`,
    `--precision=${option("precision", "normal")}`,
    `--image_size=${option("image_size", "32")}`,
  ];
  const onGpu = option("hardware", "cpu") !== "cpu";
  const rounds = Number(option("rounds", "5"));
  const steps = Number(option("steps", onGpu ? "40" : "1"));
  const viewBatches = onGpu ? steps : VIEW_BATCHES;
  const asked = option("peers", Object.keys(PEERS).join()).split(",");
  const unknown = asked.filter((name) => !(name in PEERS));
  if (unknown.length > 0) {
    console.error(
      `Cannot measure --peers=${unknown.join()}: expected ${Object.keys(PEERS).join()}`,
    );
    Deno.exit(2);
  }
  const left: Record<string, string> = {};
  const workers = new Map<string, Worker>();
  const ours = new Worker(Deno.execPath(), [
    ...["run", "--no-prompt", "--allow-read", "--allow-env", "--allow-ffi", "--allow-sys"],
    ...["bench/step_server.ts", ...shape, `--cuda_graph=${option("cuda_graph", "true")}`],
  ]);
  await ours.ready();
  const python = option("pythonpath", "") || oracleFolder();
  // torchvision makes no views on a GPU: beside those made there stands the original, which has them made by processes.
  const viewPeers = onGpu ? [] : Object.keys(VIEW_PEERS);
  for (const name of [...asked, ...viewPeers]) {
    if (python === undefined) {
      left[name] = "PyTorch is not installed beside: deno task test --oracle=install brings it";
      continue;
    }
    const worker = new Worker("python3", [
      ...["bench/peers/step_server.py", name, ...shape],
      `--workers=${option("workers", "0")}`,
    ], { PYTHONPATH: python });
    try {
      await worker.ready();
      workers.set(name, worker);
    } catch (error) {
      left[name] = (error as Error).message;
      await worker.close();
    }
  }
  const [viewsOnly, computedOnly]: [Answer[], Answer[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    await ours.ask({ count: viewBatches, only: "views" });
    viewsOnly.push(ours.answers.pop()!);
    if (onGpu) {
      await ours.ask({ count: steps, only: "compute" });
      computedOnly.push(ours.answers.pop()!);
    }
    await ours.ask({ count: steps });
    for (const [name, worker] of workers) {
      await worker.ask({ count: name in VIEW_PEERS ? viewBatches : steps });
    }
  }
  await Promise.all([ours, ...workers.values()].map((worker) => worker.close()));

  const whole = ours.answers.map((answer) => rateOf(answer));
  const computed = onGpu
    ? computedOnly.map((answer) => rateOf(answer))
    : ours.answers.map((answer) => rateOf(answer, ["views"]));
  const views = viewsOnly.map((answer) => rateOf(answer));
  // A GPU's memory is not in the process's own.
  const peak = onGpu ? NaN : Math.max(...ours.answers.map((answer) => answer.peak_mib));
  const peer = (name: string, beside: number[], about: string): Row[] => {
    const worker = workers.get(name);
    if (worker === undefined) return [];
    const rates = worker.answers.map((answer) => rateOf(answer));
    const ratios = rates.map((rate, round) => beside[round]! / rate).sort((a, b) => a - b);
    return [{
      what: about,
      rate: median(rates),
      ratio: [quantile(ratios, 0.25), median(ratios), quantile(ratios, 0.75)],
      mebibytes: Math.max(...worker.answers.map((answer) => answer.peak_mib)),
    }];
  };
  const steppers: Row[] = [
    { what: "ours", rate: median(whole), mebibytes: peak },
    { what: "ours without its views", rate: median(computed), mebibytes: peak },
    ...asked.flatMap((name) => peer(name, name === "original" ? whole : computed, PEERS[name]!)),
  ];
  const viewers: Row[] = [
    { what: "ours", rate: median(views), mebibytes: peak },
    ...viewPeers.flatMap((name) => peer(name, views, VIEW_PEERS[name]!)),
  ];
  const parts = onGpu
    ? { views: median(whole) / median(views), "all the rest": median(whole) / median(computed) }
    : partsOf(ours.answers);
  for (const [name, why] of Object.entries(left)) console.error(`NOT MEASURED: ${name}: ${why}`);
  if (option("format", "text") === "json") {
    console.log(JSON.stringify({ shape, rounds, steps: steppers, views: viewers, parts, left }));
    return;
  }
  const flops = FLOPS[`${option("resnet_type", "resnet18")} ${option("image_size", "32")}`];
  const unit = onGpu ? "images/s" : "images/s and core";
  console.log(`${shape.join(" ")}, ${rounds} rounds of ${steps}\n`);
  table("a whole step", steppers, { unit, flops: onGpu ? flops : undefined });
  table("two views of an image", viewers, { unit });
  console.log("| part of our step | share |\n| --- | ---: |");
  for (const [name, share] of Object.entries(parts)) {
    console.log(`| ${name.replace("_", " and ")} | ${(100 * share).toFixed(2)} % |`);
  }
}

function rateOf({ seconds, images }: Answer, without: string[] = []): number {
  const counted = Object.entries(seconds).filter(([part]) => !without.includes(part));
  return images / counted.reduce((sum, [, value]) => sum + value, 0);
}

/** Each part's share of the step's processor time, over all rounds. */
function partsOf(answers: readonly Answer[]): Record<string, number> {
  const names = Object.keys(answers[0]!.seconds);
  const sums = names.map((name) => answers.reduce((sum, { seconds }) => sum + seconds[name]!, 0));
  const total = sums.reduce((sum, value) => sum + value, 0);
  return Object.fromEntries(names.map((name, index) => [name, sums[index]! / total]));
}

function median(values: readonly number[]): number {
  return quantile([...values].sort((a, b) => a - b), 0.5);
}

/** Linear between the neighbours. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return low + (high - low) * (place - Math.floor(place));
}

function table(
  title: string,
  rows: readonly Row[],
  { unit, flops }: { unit: string; flops?: number | undefined },
): void {
  const last = flops === undefined ? "" : " share of 989 TFLOP/s |";
  console.log(`| ${title} | ${unit} | ours over it (quartiles) | peak MiB |${last}`);
  console.log(`| --- | ---: | ---: | ---: |${last && " ---: |"}`);
  for (const { what, rate, ratio, mebibytes } of rows) {
    const shown = ratio === undefined
      ? ""
      : `${ratio[1].toFixed(2)} × (${ratio[0].toFixed(2)} to ${ratio[2].toFixed(2)})`;
    const memory = Number.isNaN(mebibytes) ? "not read" : mebibytes.toFixed(0);
    const share = flops === undefined ? "" : ` ${(100 * rate * flops / PEAK_FLOPS).toFixed(1)} % |`;
    console.log(`| ${what} | ${rate.toPrecision(4)} | ${shown} | ${memory} |${share}`);
  }
  console.log("");
}
