/**
 * A ResNet encoder as an ONNX graph, with the same operators as the Rust core's ResNet in eval mode.
 *
 * @module
 */

import type { ExportedRun } from "./encoder.ts";
import { type OnnxConstant, onnxFile, type OnnxNode } from "./onnx_file.ts";

const BN_EPSILON = 1e-5;

/**
 * Returns the bytes of the ONNX model, which maps `images` (batch × 3 × height × width, normalised) to `embeddings`
 * (batch × features).
 */
export function onnxEncoder(run: ExportedRun): Uint8Array {
  const graph = new ResNetGraph(run);
  const output = graph.build();
  return onnxFile({
    name: `byol_${run.resnetType}`,
    nodes: graph.nodes,
    constants: graph.constants,
    input: { name: "images", shape: ["batch", 3, "height", "width"] },
    output: { name: output, shape: ["batch", run.features] },
    metadata: { resnet_type: run.resnetType, stem: run.stem, source: run.sha256 },
  });
}

class ResNetGraph {
  readonly nodes: OnnxNode[] = [];
  readonly constants = new Map<string, OnnxConstant>();
  readonly #run: ExportedRun;

  constructor(run: ExportedRun) {
    this.#run = run;
  }

  /** Builds the graph. @returns the name of the output */
  build(): string {
    const { stem, encoder } = this.#run;
    let hidden = this.#relu(
      this.#normalised("bn1", this.#convolved("conv1", "images", stem === "imagenet" ? 2 : 1)),
    );
    if (stem === "imagenet") {
      hidden = this.#node("MaxPool", "maxpool", [hidden], {
        kernel_shape: [3, 3],
        strides: [2, 2],
        pads: [1, 1, 1, 1],
      });
    }
    const blocks = [...encoder.keys()].filter((name) => /^layer\d+\.\d+\.conv1\.weight$/.test(name))
      .map((name) => name.replace(".conv1.weight", ""));
    for (const block of blocks) hidden = this.#block(block, hidden);
    const pooled = this.#node("GlobalAveragePool", "pooled", [hidden]);
    return this.#node("Flatten", "embeddings", [pooled], { axis: 1 });
  }

  /**
   * Adds a residual block: two convolutions, or three in a bottleneck. The first block of each stage but the first has
   * stride 2.
   */
  #block(name: string, input: string): string {
    const stride = /^layer[2-9]\.0$/.test(name) ? 2 : 1;
    const isBottleneck = this.#run.encoder.has(`${name}.conv3.weight`);
    // torchvision strides the 3×3 convolution of a bottleneck, not its first 1×1.
    const strides = isBottleneck ? [1, stride, 1] : [stride, 1];
    let hidden = input;
    for (const [index, one] of strides.entries()) {
      if (index > 0) hidden = this.#relu(hidden);
      const conv = this.#convolved(`${name}.conv${index + 1}`, hidden, one);
      hidden = this.#normalised(`${name}.bn${index + 1}`, conv);
    }
    const sum = this.#node("Add", `${name}.sum`, [hidden, this.#shortcut(name, input, stride)]);
    return this.#relu(sum);
  }

  #shortcut(name: string, input: string, stride: number): string {
    if (this.#run.encoder.has(`${name}.downsample.0.weight`)) {
      const conv = this.#convolved(`${name}.downsample.0`, input, stride);
      return this.#normalised(`${name}.downsample.1`, conv);
    }
    const { encoder } = this.#run;
    const inputs = encoder.get(`${name}.conv1.weight`)?.shape[1] ?? 0;
    const last = encoder.get(`${name}.conv3.weight`) ?? encoder.get(`${name}.conv2.weight`);
    const outputs = last?.shape[0] ?? 0;
    if (stride === 1 && outputs === inputs) return input;
    // Shortcut without weights (option A of He et al. 2015): every second pixel, padded with channels of zeros.
    const sparse = this.#node("MaxPool", `${name}.sparse`, [input], {
      kernel_shape: [1, 1],
      strides: [stride, stride],
    });
    const [before, after] = [Math.floor((outputs - inputs) / 2), Math.ceil((outputs - inputs) / 2)];
    const pads = `${name}.pads`;
    const values = BigInt64Array.from([0, before, 0, 0, 0, after, 0, 0], BigInt);
    this.constants.set(pads, { shape: [8], values });
    return this.#node("Pad", `${name}.padded`, [sparse, pads]);
  }

  #convolved(name: string, input: string, stride: number): string {
    const weight = this.#weight(`${name}.weight`);
    const side = weight.shape[2] ?? 1;
    const pad = Math.floor(side / 2);
    return this.#node("Conv", name, [input, weight.name], {
      kernel_shape: [side, side],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  }

  #normalised(name: string, input: string): string {
    const parts = ["weight", "bias", "running_mean", "running_var"];
    const weights = parts.map((part) => this.#weight(`${name}.${part}`).name);
    return this.#node("BatchNormalization", name, [input, ...weights], {
      epsilon: { float: BN_EPSILON },
    });
  }

  #relu(input: string): string {
    return this.#node("Relu", `${input}.relu`, [input]);
  }

  #weight(name: string): { name: string; shape: readonly number[] } {
    const tensor = this.#run.encoder.get(name);
    if (tensor === undefined || !(tensor.values instanceof Float32Array)) {
      throw new Error(`the encoder has no ${name}`);
    }
    this.constants.set(name, { shape: tensor.shape, values: tensor.values });
    return { name, shape: tensor.shape };
  }

  #node(
    operator: string,
    output: string,
    inputs: readonly string[],
    attributes: OnnxNode["attributes"] = {},
  ): string {
    this.nodes.push({ operator, inputs, output, attributes });
    return output;
  }
}
