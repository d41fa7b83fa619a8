/**
 * `deno task bench traffic [--resnet_type=resnet18] [--image_size=32] [--batch_size=512] [--hidden_dim=4096]
 * [--z_dim=256] [--precision=mixed] [--gpus=8] [--rate=IMAGES_PER_SECOND] [--collective_us=25]`: counts what batch
 * normalisation, shortcut and ReLU launch, read and write on a GPU in one step, and LARS and the target's average, on one
 * GPU and on each of several that normalise their images as one batch, and what the GPUs exchange. Nothing is run.
 *
 * --batch_size: images of each GPU. --rate: images per second measured on one GPU without the CUDA graph, from which the
 * expected rate on several GPUs follows. --collective_us: microseconds that one gathering of statistics is assumed to
 * take; no machine with several GPUs has confirmed the default.
 */

/** A batch normalisation, and what shares its pass. */
export interface Norm {
  channels: number;
  /** Values of one channel in one view. */
  pixels: number;
  relu: boolean;
  shortcut: boolean;
  /** True where a block follows: the output goes into the block and past it. */
  forked: boolean;
}

/** Layers of an encoder that matter here. */
export interface Encoder {
  norms: Norm[];
  /** Learned numbers, of which `vectors` stand in tensors of one dimension. */
  parameters: number;
  vectors: number;
  features: number;
}

/** Learned numbers that an update goes through. */
export interface Learned {
  all: number;
  /** Those of tensors of one dimension, which LARS does not adapt. */
  vectors: number;
  /** Those of encoder and projector, which the target follows. */
  followed: number;
}

/** Widths of the heads. */
export interface Widths {
  hiddenDim: number;
  zDim: number;
}

/** Work of batch normalisation in one step of one GPU. */
export interface Traffic {
  launches: number;
  /** Read and written in the GPU's memory, of activations and their gradients. */
  bytes: number;
  /** Gatherings of statistics. */
  collectives: number;
  /** Brought to them by this GPU. */
  gatheredBytes: number;
}

interface Plan {
  depths: readonly number[];
  width: number;
  expansion: 1 | 4;
  /** False: shortcuts that change the shape are padded with zeros. */
  projections: boolean;
}

const basic = (...depths: number[]): Plan => ({
  ...{ depths, width: 64 },
  ...{ expansion: 1, projections: true },
});
const bottleneck = (...depths: number[]): Plan => ({ ...basic(...depths), expansion: 4 });
/** Networks of native/src/network/resnet.rs. */
const PLANS: Readonly<Record<string, Plan>> = {
  resnet18: basic(2, 2, 2, 2),
  resnet34: basic(3, 4, 6, 3),
  resnet50: bottleneck(3, 4, 6, 3),
  resnet101: bottleneck(3, 4, 23, 3),
  resnet152: bottleneck(3, 8, 36, 3),
  resnet20: { ...basic(3, 3, 3), width: 16, projections: false },
};

/**
 * Returns the layers of a network for views of `side` pixels.
 *
 * @param stem "imagenet" for the 7×7 convolution of stride 2 with max-pooling, "cifar" for the 3×3 convolution
 */
export function encoderOf(network: string, side: number, stem: "cifar" | "imagenet"): Encoder {
  const plan = PLANS[network];
  if (plan === undefined) {
    throw new Error(`Cannot count --resnet_type=${network}: expected ${Object.keys(PLANS).join()}`);
  }
  const norms: Norm[] = [];
  let [parameters, vectors] = [0, 0];
  const convolution = (
    inputs: number,
    outputs: number,
    kernel: number,
    norm: Omit<Norm, "channels">,
  ): void => {
    parameters += inputs * outputs * kernel ** 2 + 2 * outputs;
    vectors += 2 * outputs;
    norms.push({ channels: outputs, ...norm });
  };
  let at = stem === "imagenet" ? Math.ceil(side / 2) : side;
  const plain = { relu: true, shortcut: false, forked: false };
  // Pooling stands between the stem for photos and the first block.
  const forked = stem !== "imagenet";
  convolution(3, plan.width, forked ? 3 : 7, { pixels: at ** 2, ...plain, forked });
  if (stem === "imagenet") at = Math.ceil(at / 2);
  let inputs = plan.width;
  for (const [stage, depth] of plan.depths.entries()) {
    const inner = plan.width * 2 ** stage;
    const outputs = inner * plan.expansion;
    for (let block = 0; block < depth; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const before = at ** 2;
      at = Math.ceil(at / stride);
      const pixels = at ** 2;
      const isLast = stage + 1 === plan.depths.length && block + 1 === depth;
      const last = { pixels, relu: true, shortcut: true, forked: !isLast };
      if (plan.expansion === 1) {
        convolution(inputs, inner, 3, { pixels, ...plain });
        convolution(inner, outputs, 3, last);
      } else {
        convolution(inputs, inner, 1, { pixels: before, ...plain });
        convolution(inner, inner, 3, { pixels, ...plain });
        convolution(inner, outputs, 1, last);
      }
      if (plan.projections && (stride > 1 || inputs !== outputs)) {
        convolution(inputs, outputs, 1, { pixels, ...plain, relu: false });
      }
      inputs = outputs;
    }
  }
  return { norms, parameters, vectors, features: inputs };
}

/** Share of an activation's bytes that ReLU's mask takes: a byte for each pack of 16. */
const MASK = 1 / 16;

/**
 * Passes over one normalisation's values, each a reading or a writing (native/shim/gpu/batch_norm.cuh); `forked` those of
 * an output that goes two ways, into a block and past it. Only a pass with gradients keeps ReLU's mask.
 */
function passesOf(
  { relu, shortcut, forked }: Norm,
): { forward: number; mask: number; backward: number } {
  const mask = relu ? MASK : 0;
  // Statistics read x; then x and the shortcut are read, and y is written.
  const forward = 1 + 2 + Number(shortcut);
  // Each gradient of the output, and ReLU's mask.
  const gradient = 1 + Number(forked) + mask;
  // Sums read the gradient and x. At the end of a block they write the shortcut's gradient, which the second pass reads.
  const backward = shortcut ? gradient + 1 + 1 + 2 + 1 : 2 * (gradient + 1) + 1;
  return { forward, mask, backward };
}

/**
 * Returns the work of one step.
 *
 * @param step.images images of one GPU, of which each has two views
 * @param step.elementBytes bytes of one activation: 2 in mixed precision, or 4
 * @param step.joint true where the statistics are those of several GPUs
 */
export function trafficOf(
  { norms }: Encoder,
  { hiddenDim }: Widths,
  { images, elementBytes, joint }: { images: number; elementBytes: number; joint: boolean },
): Traffic {
  const head = { channels: hiddenDim, pixels: 1, relu: true, shortcut: false, forked: false };
  const target = [...norms, head];
  const online = [...target, head];
  const values = (norm: Norm): number => 2 * images * norm.pixels * norm.channels;
  const moved = (layers: readonly Norm[], passes: (norm: Norm) => number): number =>
    layers.reduce((sum, norm) => sum + passes(norm) * values(norm) * elementBytes, 0);
  const forwards = [...target, ...online];
  const channels = (layers: readonly Norm[]): number =>
    layers.reduce((sum, norm) => sum + norm.channels, 0);
  const calls = forwards.length + online.length;
  return {
    // Sums, their end, and the second pass; of several ranks the end of a rank's own and the merging.
    launches: calls * (joint ? 4 : 3),
    bytes: moved(forwards, (norm) => passesOf(norm).forward) +
      moved(online, (norm) => passesOf(norm).mask + passesOf(norm).backward),
    collectives: joint ? calls : 0,
    // Mean and variance of each channel with the number of rows; backward, two sums of each channel. In float32.
    gatheredBytes: joint
      ? 4 * (2 * channels(forwards) + forwards.length + 2 * channels(online))
      : 0,
  };
}

/** Returns the learned numbers of encoder, projector and predictor. */
export function learnedOf(
  { parameters, vectors, features }: Encoder,
  { hiddenDim, zDim }: Widths,
): Learned {
  const ofHead = 2 * hiddenDim + zDim;
  const head = (inputs: number): number => inputs * hiddenDim + hiddenDim * zDim + ofHead;
  const followed = parameters + head(features);
  return { all: followed + head(zDim), vectors: vectors + 2 * ofHead, followed };
}

/**
 * Returns the bytes that LARS and the target's average read and write (native/shim/gpu/optimizer.cuh), in float32: norms
 * read weights and gradients, the step reads these and the momentum and writes weights and momentum; the average reads
 * weights and target, and writes the target.
 */
export function updateBytesOf({ all, vectors, followed }: Learned): number {
  return 4 * (2 * (all - vectors) + 5 * all + 3 * followed);
}

/** Prints the table. */
export function bench(args: readonly string[]): void {
  const option = (name: string, fallback: string): string =>
    args.map((arg) => arg.match(`^--${name}=(.+)$`)?.[1]).find(Boolean) ?? fallback;
  const number = (name: string, fallback: number): number => Number(option(name, `${fallback}`));
  const [network, side] = [option("resnet_type", "resnet18"), number("image_size", 32)];
  const [images, gpus] = [number("batch_size", 512), number("gpus", 8)];
  const elementBytes = option("precision", "mixed") === "mixed" ? 2 : 4;
  const widths = { hiddenDim: number("hidden_dim", 4096), zDim: number("z_dim", 256) };
  const encoder = encoderOf(network, side, side > 64 ? "imagenet" : "cifar");
  const shape = { images, elementBytes };
  const alone = trafficOf(encoder, widths, { ...shape, joint: false });
  const joint = trafficOf(encoder, widths, { ...shape, joint: true });
  const learned = learnedOf(encoder, widths);
  const [gradients, update] = [4 * learned.all, gigabytes(updateBytesOf(learned))];
  console.log(
    `${network}, ${side} pixels, ${images} images on each GPU, ${elementBytes} bytes an activation\n`,
  );
  const rows: [string, string, string][] = [
    ["kernels of batch normalisation", `${alone.launches}`, `${joint.launches}`],
    ["activations read and written", gigabytes(alone.bytes), gigabytes(joint.bytes)],
    ["learned numbers read and written", update, update],
    ["gatherings of statistics", "0", `${joint.collectives}`],
    ["statistics that a GPU brings", "0", kilobytes(joint.gatheredBytes)],
    ["gradients averaged beside", "0", `${(gradients / 1e6).toFixed(1)} MB`],
  ];
  console.log(
    `| in a step | one GPU | each of ${gpus} |\n| --- | ---: | ---: |`,
  );
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
  const [rate, microseconds] = [number("rate", 0), number("collective_us", 25)];
  if (rate <= 0) return;
  const seconds = images / rate + joint.collectives * microseconds / 1e6;
  const share = images / seconds / rate;
  console.log(
    `\nExpected at ${microseconds} µs for each gathering, with the gradients' average hidden behind the backward pass: ` +
      `${(images / seconds).toFixed(0)} images/s on each GPU, ${(100 * share).toFixed(1)} % of ` +
      `${rate}; ${(gpus * images / seconds).toFixed(0)} on ${gpus}.`,
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1e3).toFixed(1)} kB`;
}
