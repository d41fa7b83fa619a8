/**
 * `deno task bench step [--resnet_type=resnet18] [--batch_size=64] [--threads=1] [--rounds=5] [--steps=1]
 * [--peers=contiguous,channels_last,…|none] [--format=json]`: images per second of processor time of our training step and
 * of its peers', each a process of its own, asked in turn so that all see the same moods of the machine; and the views
 * alone, beside torchvision's. Ratios are medians over the rounds, with their quartiles.
 *
 * Ours makes its views; the peers but "original" are given theirs, so ours is compared with those without its views.
 *
 * `--hardware=mono-gpu [--precision=mixed] [--amp_dtype=bf16] [--tf32] [--batch_size=512] [--steps=30] [--workers=N]
 * [--image_size=224] [--variant=OPTION] [--parts]`: the same on a GPU, by the wall's clock between two waits for the device
 * (--clock=wall asks for that on a processor). Ours without its views is then a round of its own, on the views of one
 * batch. --workers: processes of the peers that load images, and threads of ours. --variant: an option of `train` without
 * its dashes, such as tf32, for a second row of ours. --image_size above 32 leaves all views out. --parts: the parts of our
 * step, each in rounds of its own.
 */

import { evaluationWork } from "../src/byol/cost.ts";
import { evaluatedSteps, planTraining } from "../src/byol/plan.ts";
import { BYOL_CIFAR10 } from "../src/options/presets.ts";
import { oraclePath } from "../tests/runner/oracle.ts";
import { median, quantile } from "./statistics.ts";
import { type Gpu, gpuMebibytes, gpuOfBench, shareOfPeak } from "./step_gpu.ts";
import { RANK_PERMISSIONS } from "../src/base/permissions.ts";
import { type Answer, Worker } from "./worker.ts";

const PEERS: Readonly<Record<string, string>> = {
  channels_last: "PyTorch eager, channels_last, views given",
  contiguous: "PyTorch eager, as people write it (contiguous), views given",
  compile: "torch.compile, channels_last, views given",
  lightly: "lightly's heads, loss, LARS and average, contiguous, views given",
  original: "the reference program's shape: PIL views in a DataLoader, contiguous",
};
const VIEW_PEERS: Readonly<Record<string, string>> = {
  pil: "torchvision's transforms on PIL images",
  v2: "torchvision's v2 transforms on tensors",
};
const EVALUATION_PEERS: Readonly<Record<string, string>> = {
  evaluation: "PyTorch eager, channels_last, images given",
};
/**
 * Of an image of BYOL, 2 for a multiplication with its addition: two views, each once forward and backward through the
 * online encoder and once forward through the target's. By network and pixels.
 */
const GIGAFLOPS: Readonly<Record<string, number>> = { "resnet18 32": 8.96, "resnet50 224": 65.1 };
const CIFAR10_IMAGES = { train: 50_000, test: 10_000 } as const;
/** The steps of the CIFAR-10 recipe, uncut. */
const CIFAR10_PLAN = planTraining(CIFAR10_IMAGES.train, {
  ...BYOL_CIFAR10,
  maxSteps: null,
  logEverySteps: 1,
  evalAtEnd: false,
  saveEverySteps: 0,
});
/** Parts of a step that --parts times, beside the views. */
const PARTS = ["forward_backward", "update", "target"] as const;
/** Batches of views that a round makes: they cost far less than a step. */
const VIEW_BATCHES = 2;

interface Row {
  what: string;
  /** Images per second, of processor time or by the wall's clock: median over the rounds. */
  rate: number;
  /** Ours over this one's: lower quartile, median, upper quartile. */
  ratio?: [number, number, number];
  /** Peak memory of the process; on a GPU, of the device. Not known: 0. */
  mebibytes: number;
  /** Of what a GPU can compute at most, where that is known. */
  peakShare?: number | undefined;
}

/** Settings that the options give. */
interface Settings {
  /** Options of both sides. */
  shape: string[];
  /** Further ones of ours, and of the peers. */
  ours: string[];
  theirs: string[];
  byWall: boolean;
  gpu: Gpu | undefined;
  rounds: number;
  steps: number;
  peers: string[];
  /** True where views are made, and the peers that only make views are asked. */
  hasViews: boolean;
  variant: string | undefined;
  parts: boolean;
  json: boolean;
  /** Of an image, where it is known. */
  gigaflops: number | undefined;
}

function settingsOf(args: readonly string[]): Settings {
  const find = (name: string): string | undefined =>
    args.map((arg) => arg.match(`^--${name}=(.+)$`)?.[1]).find(Boolean);
  const option = (name: string, fallback: string): string => find(name) ?? fallback;
  const flag = (name: string): boolean =>
    args.includes(`--${name}`) || option(name, "false") === "true";
  const hardware = option("hardware", "cpu");
  const onGpu = hardware !== "cpu";
  const byWall = onGpu || option("clock", "processor") === "wall";
  const [network, side] = [option("resnet_type", "resnet18"), option("image_size", "32")];
  const mixed = option("precision", "normal") === "mixed";
  const amp = option("amp_dtype", "auto") === "fp16" ? "fp16" : "bf16";
  const workers = find("workers") ?? String(navigator.hardwareConcurrency);
  const tf32 = flag("tf32") ? ["--tf32"] : [];
  const given = (name: string): string[] => {
    const value = find(name);
    return value === undefined ? [] : [`--${name}=${value}`];
  };
  const wall = byWall ? ["--clock=wall", `--image_size=${side}`] : [];
  const peers = option("peers", Object.keys(PEERS).join()).split(",")
    .filter((name) => name !== "none" && (Number(side) <= 32 || name !== "original"));
  const unknown = peers.filter((name) => !(name in PEERS));
  if (unknown.length > 0) {
    console.error(
      `Cannot measure --peers=${unknown.join()}: expected ${Object.keys(PEERS).join()} or none`,
    );
    Deno.exit(2);
  }
  return {
    shape: [
      `--resnet_type=${network}`,
      `--batch_size=${option("batch_size", onGpu ? "512" : "64")}`,
      `--threads=${option("threads", "1")}`,
      ...wall,
    ],
    ours: [
      ...[...given("hardware"), ...given("precision"), ...given("amp_dtype"), ...tf32],
      ...byWall ? [`--nb_workers=${workers}`] : [],
    ],
    theirs: byWall
      ? [
        ...[`--device=${onGpu ? "cuda" : "cpu"}`, `--precision=${mixed ? amp : "normal"}`],
        ...[`--workers=${workers}`, ...tf32],
      ]
      : [],
    byWall,
    gpu: onGpu ? gpuOfBench() : undefined,
    rounds: Number(option("rounds", "5")),
    steps: Number(option("steps", onGpu ? "30" : "1")),
    peers,
    hasViews: Number(side) <= 32,
    variant: find("variant"),
    parts: flag("parts"),
    json: option("format", "text") === "json",
    gigaflops: GIGAFLOPS[`${network} ${side}`],
  };
}

/** Starts our side. */
async function startOurs({ shape, ours }: Settings, more: string[] = []): Promise<Worker> {
  const worker = new Worker(Deno.execPath(), [
    ...["run", ...RANK_PERMISSIONS],
    ...["bench/step_server.ts", ...shape, ...ours, ...more],
  ]);
  await worker.ready();
  return worker;
}

/** Prints the tables, or one JSON object. */
export async function bench(args: string[]): Promise<void> {
  const settings = settingsOf(args);
  const { shape, byWall, gpu, rounds, steps, hasViews, variant } = settings;
  const left: Record<string, string> = {};
  const workers = new Map<string, Worker>();
  const ours = await startOurs(settings);
  const varied = variant === undefined ? undefined : await startOurs(settings, [`--${variant}`]);
  const python = oraclePath();
  const aside = hasViews ? { ...VIEW_PEERS, ...EVALUATION_PEERS } : {};
  for (const name of [...settings.peers, ...Object.keys(aside)]) {
    if (python === undefined) {
      left[name] = "PyTorch is not installed beside: deno task test --oracle=install brings it";
      continue;
    }
    const worker = new Worker("python3", [
      ...["bench/peers/step_server.py", name, ...shape, ...settings.theirs],
    ], { PYTHONPATH: python });
    try {
      await worker.ready();
      if (gpu !== undefined) await worker.release();
      workers.set(name, worker);
    } catch (error) {
      left[name] = (error as Error).message;
      await worker.close();
    }
  }
  const viewBatches = byWall ? steps : VIEW_BATCHES;
  const askAside = async (worker: Worker, request: Record<string, unknown>): Promise<Answer> => {
    await worker.ask(request);
    return worker.answers.pop()!;
  };
  const [viewsOnly, computeOnly, embedded]: [Answer[], Answer[], Answer[]] = [[], [], []];
  const parts: Record<string, Answer[]> = {};
  for (let round = 0; round < rounds; round++) {
    if (hasViews) {
      viewsOnly.push(await askAside(ours, { count: viewBatches, only: "views" }));
      embedded.push(await askAside(ours, { count: steps, only: "evaluation" }));
      await ours.ask({ count: steps });
      await varied?.ask({ count: steps });
    } else {
      await varied?.ask({ count: steps, only: "compute" });
    }
    if (byWall) computeOnly.push(await askAside(ours, { count: steps, only: "compute" }));
    for (const part of byWall && settings.parts ? PARTS : []) {
      (parts[part] ??= []).push(await askAside(ours, { count: steps, only: part }));
    }
    for (const [name, worker] of workers) {
      await worker.ask({ count: name in VIEW_PEERS ? viewBatches : steps });
      if (gpu === undefined) continue;
      if (round === 0) worker.gpuMebibytes = gpuMebibytes(worker.pid);
      await worker.release();
    }
  }
  for (const worker of gpu === undefined ? [] : [ours, varied]) {
    if (worker !== undefined) worker.gpuMebibytes = gpuMebibytes(worker.pid);
  }
  await Promise.all(
    [ours, ...varied === undefined ? [] : [varied], ...workers.values()].map((worker) =>
      worker.close()
    ),
  );

  const whole = ours.answers.map((answer) => rateOf(answer));
  const computed = byWall
    ? computeOnly.map((answer) => rateOf(answer))
    : ours.answers.map((answer) => rateOf(answer, ["views"]));
  const views = viewsOnly.map((answer) => rateOf(answer));
  const embeddings = embedded.map((answer) => rateOf(answer));
  const memory = (worker: Worker, others: readonly Answer[] = []): number =>
    gpu === undefined
      ? Math.max(...[...worker.answers, ...others].map((answer) => answer.peak_mib))
      : worker.gpuMebibytes;
  const share = (rate: number): Pick<Row, "peakShare"> =>
    gpu === undefined ? {} : { peakShare: shareOfPeak(gpu, rate, settings.gigaflops) };
  const row = (what: string, rates: readonly number[], mebibytes: number): Row => {
    const rate = median(rates);
    return { what, rate, mebibytes, ...share(rate) };
  };
  const compared = (
    what: string,
    worker: Worker | undefined,
    beside: readonly number[],
  ): Row[] => {
    if (worker === undefined) return [];
    const rates = worker.answers.map((answer) => rateOf(answer));
    const ratios = rates.map((rate, index) => beside[index]! / rate).sort((a, b) => a - b);
    const ratio: Row["ratio"] = [quantile(ratios, 0.25), median(ratios), quantile(ratios, 0.75)];
    return [{ ...row(what, rates, memory(worker)), ratio }];
  };
  const peak = memory(ours, computeOnly);
  const steppers: Row[] = [
    ...hasViews ? [row("ours", whole, peak)] : [],
    row("ours without its views", computed, peak),
    ...compared(
      `ours${hasViews ? "" : " without its views"}, --${variant}`,
      varied,
      hasViews ? whole : computed,
    ),
    ...settings.peers.flatMap((name) =>
      compared(PEERS[name]!, workers.get(name), name === "original" ? whole : computed)
    ),
  ];
  const besideOurs = (rates: readonly number[], peers: Readonly<Record<string, string>>): Row[] => [
    { what: "ours", rate: median(rates), mebibytes: peak },
    ...Object.entries(peers).flatMap(([name, about]) =>
      compared(about, workers.get(name), rates).map(({ peakShare: _, ...rest }) => rest)
    ),
  ];
  const viewers = hasViews ? besideOurs(views, VIEW_PEERS) : [];
  const embedders = hasViews ? besideOurs(embeddings, EVALUATION_PEERS) : [];
  const probeShare = hasViews ? shareOfEvaluations(median(whole), median(embeddings)) : undefined;
  const shares = byWall
    ? partsByWall({ whole: hasViews ? ours.answers : computeOnly, views: viewsOnly, parts })
    : partsOf(ours.answers);
  for (const [name, why] of Object.entries(left)) console.error(`NOT MEASURED: ${name}: ${why}`);
  const words = [...shape, ...settings.ours];
  if (settings.json) {
    const found = {
      ...{ steps: steppers, views: viewers, evaluation: embedders },
      ...{ probe_share: probeShare, parts: shares, left },
    };
    console.log(JSON.stringify({ shape: words, rounds, ...gpu && { gpu: gpu.name }, ...found }));
    return;
  }
  const where = gpu === undefined ? "" : `, ${gpu.name}`;
  console.log(`${words.join(" ")}${where}, ${rounds} rounds of ${steps}\n`);
  const unit = byWall ? "images/s" : "images/s and core";
  table("a whole step", steppers, { unit, gpu });
  if (hasViews) table("two views of an image", viewers, { unit, gpu });
  if (hasViews) table("an image's embedding in evaluation", embedders, { unit, gpu });
  console.log("| part of our step | share |\n| --- | ---: |");
  for (const [name, part] of Object.entries(shares)) {
    console.log(`| ${name.replace("_", " and ")} | ${(100 * part).toFixed(2)} % |`);
  }
  if (probeShare !== undefined) {
    const { epochs, probeEpochs } = BYOL_CIFAR10;
    console.log(
      `\nThe ${
        evaluatedSteps(CIFAR10_PLAN).length
      } evaluations, with probes of ${probeEpochs} epochs, in ${epochs} epochs of training take ` +
        `${(100 * probeShare).toFixed(1)} % of the whole.`,
    );
  }
}

/** Share of a run by the CIFAR-10 recipe that its evaluations take, by the images per second of both. */
function shareOfEvaluations(trained: number, embedded: number): number {
  const work = evaluationWork(CIFAR10_IMAGES, {
    ...BYOL_CIFAR10,
    probeAugment: true,
    probeSweep: false,
  });
  const evaluating = evaluatedSteps(CIFAR10_PLAN).length * work.forwards / embedded;
  const training = CIFAR10_PLAN.endStep * BYOL_CIFAR10.batchSize / trained;
  return evaluating / (evaluating + training);
}

function rateOf({ seconds, images }: Answer, without: string[] = []): number {
  const counted = Object.entries(seconds).filter(([part]) => !without.includes(part));
  return images / counted.reduce((sum, [, value]) => sum + value, 0);
}

/** Each part's time over that of a whole step, each the median of its own rounds: beside each other they may overlap. */
function partsByWall(
  { whole, views, parts }: {
    whole: readonly Answer[];
    views: readonly Answer[];
    parts: Readonly<Record<string, readonly Answer[]>>;
  },
): Record<string, number> {
  const seconds = (answers: readonly Answer[]): number =>
    1 / median(answers.map((answer) => rateOf(answer)));
  const timed = { ...views.length > 0 && { views }, ...parts };
  return Object.fromEntries(
    Object.entries(timed).map(([part, answers]) => [part, seconds(answers) / seconds(whole)]),
  );
}

/** Each part's share of the step's processor time, over all rounds. */
function partsOf(answers: readonly Answer[]): Record<string, number> {
  const names = Object.keys(answers[0]!.seconds);
  const sums = names.map((name) => answers.reduce((sum, { seconds }) => sum + seconds[name]!, 0));
  const total = sums.reduce((sum, value) => sum + value, 0);
  return Object.fromEntries(names.map((name, index) => [name, sums[index]! / total]));
}

function table(
  title: string,
  rows: readonly Row[],
  { unit, gpu }: { unit: string; gpu: Gpu | undefined },
): void {
  const shares = rows.some(({ peakShare }) => peakShare !== undefined);
  const memory = rows.some(({ mebibytes }) => mebibytes > 0);
  const cells = (what: string, rate: string, ratio: string, share: string, mib: string): string =>
    `| ${[what, rate, ratio, ...shares ? [share] : [], ...memory ? [mib] : []].join(" | ")} |`;
  const mib = gpu === undefined ? "peak MiB" : "MiB of the GPU";
  console.log(cells(title, unit, "ours over it (quartiles)", `of ${gpu?.teraflops} TFLOP/s`, mib));
  console.log(cells("---", "---:", "---:", "---:", "---:"));
  for (const { what, rate, ratio, mebibytes, peakShare } of rows) {
    const shown = ratio === undefined
      ? ""
      : `${ratio[1].toFixed(2)} × (${ratio[0].toFixed(2)} to ${ratio[2].toFixed(2)})`;
    const share = peakShare === undefined ? "" : `${(100 * peakShare).toFixed(1)} %`;
    console.log(cells(what, rate.toPrecision(4), shown, share, mebibytes.toFixed(0)));
  }
  console.log("");
}
