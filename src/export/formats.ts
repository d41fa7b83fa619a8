/**
 * The formats of export: the files of each, and the Python that loads them.
 *
 * @module
 */

import type { Values } from "../base/command_line.ts";
import type { EXPORT } from "../options/commands/export.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { below, type ExportedRun } from "./encoder.ts";
import { onnxEncoder } from "./onnx_resnet.ts";
import { EMBED_LINES, imageLines, modelLines, SMALL_STEM } from "./python.ts";
import { safetensorsFile } from "./safetensors_file.ts";
import { type Saved, type SavedTensor, torchFile } from "./torch_file.ts";

/** The name of a format on the command line (`--to`). */
type FormName = Values<typeof EXPORT.options>["to"][number];

/** One format of export. */
export interface ExportFormat {
  /** Returns the files by name. @throws UserError (usage, checkpoint) where the checkpoint has no such format */
  files(run: ExportedRun): Record<string, Uint8Array>;
  /** Returns a Python program for the model card, from the file image.png to `embeddings`. */
  usage(run: ExportedRun): string;
}

/** The formats by name; "seed" is the name of "reference" in earlier versions. */
const FORMATS: Readonly<Record<FormName, ExportFormat>> = {
  safetensors: {
    files: (run) => ({ "encoder.safetensors": safetensorsFile(run.encoder, noteOf(run)) }),
    usage: (run) =>
      program(
        imageLines(run),
        "from safetensors.torch import load_file",
        modelLines(run),
        'model.load_state_dict(load_file("encoder.safetensors"))',
        EMBED_LINES,
      ),
  },
  torchvision: {
    files: (run) => {
      requireTorchvision(run, "torchvision");
      return {
        "torchvision.pt": torchFile(new Map(run.encoder)),
        "torchvision.safetensors": safetensorsFile(run.encoder, noteOf(run)),
      };
    },
    usage: (run) =>
      program(
        imageLines(run),
        modelLines(run),
        'model.load_state_dict(torch.load("torchvision.pt", weights_only=True))',
        EMBED_LINES,
      ),
  },
  timm: {
    files: (run) => {
      requireTorchvision(run, "timm");
      // timm's ResNets have torchvision's names of tensors.
      return { "timm.safetensors": safetensorsFile(run.encoder, noteOf(run)) };
    },
    usage: (run) =>
      program(
        imageLines(run),
        "import timm, torch",
        "from safetensors.torch import load_file",
        `model = timm.create_model("${run.resnetType}", num_classes=0)`,
        ...run.stem === "cifar" ? [SMALL_STEM] : [],
        'model.load_state_dict(load_file("timm.safetensors"))',
        EMBED_LINES,
      ),
  },
  onnx: {
    files: (run) => ({ "encoder.onnx": onnxEncoder(run) }),
    usage: (run) =>
      program(
        imageLines(run),
        "import onnxruntime",
        'session = onnxruntime.InferenceSession("encoder.onnx")',
        `embeddings, = session.run(None, {"images": images.numpy()})  # batch x ${run.features}`,
      ),
  },
  reference: referenceForm("reference"),
  seed: referenceForm("seed"),
};

/** Returns the format of a name on the command line. */
export function formatNamed(name: FormName): ExportFormat {
  return FORMATS[name];
}

/** Returns the format that the reference program reads, with the file `<name>.pt`. */
function referenceForm(name: string): ExportFormat {
  return {
    files: (run) => ({ [`${name}.pt`]: torchFile(referenceLayout(run, name)) }),
    usage: (run) =>
      program(
        imageLines(run),
        modelLines(run),
        `checkpoint = torch.load("${name}.pt", weights_only=True)  # model, momentum_model, last_epoch`,
        'encoder = {name: value for name, value in checkpoint["model"].items() if name.startswith("resnet.")}',
        'model.load_state_dict({name.removeprefix("resnet."): value for name, value in encoder.items()})',
        EMBED_LINES,
      ),
  };
}

function program(...parts: readonly string[]): string {
  return parts.join("\n");
}

function requireTorchvision({ path, resnetType }: ExportedRun, to: string): void {
  if (resnetType !== "resnet20") return;
  throw new UserError(
    `Cannot export ${path} --to=${to}: ${to} has no resnet20, expected --to=safetensors or --to=reference`,
    ExitCode.usage,
  );
}

/** Returns the metadata of a safetensors file, as strings. */
function noteOf({ resnetType, stem, sha256, epoch }: ExportedRun): Record<string, string> {
  return { format: "pt", resnet_type: resnetType, stem, epoch: String(epoch), source: sha256 };
}

/**
 * Returns the dictionary that the reference program saves. Encoder and heads are renamed by prefix alone: the layers of
 * the heads have the same indices in both programs. Heads with DeepMind's layers are converted to the reference
 * program's.
 */
function referenceLayout(run: ExportedRun, to: string): Map<string, Saved> {
  if (run.state.size === 0) {
    throw new UserError(
      `Cannot export ${run.path} --to=${to}: it holds an encoder alone, expected a checkpoint with both networks ` +
        "(checkpoints/step-….safetensors of a run)",
      ExitCode.checkpoint,
    );
  }
  const model = new Map<string, Saved>();
  const average = new Map<string, Saved>();
  const parts: [Map<string, Saved>, string, string][] = [
    [model, "online.encoder.", "resnet."],
    [model, "online.projector.", "proj_head_inv."],
    [model, "online.predictor.", "predictor_inv."],
    [average, "target.encoder.", "m_resnet."],
    [average, "target.projector.", "m_proj_head_inv."],
  ];
  for (const [into, from, name] of parts) {
    for (const [rest, tensor] of withReferenceHead(below(run.state, from))) {
      into.set(`${name}${rest}`, tensor);
    }
  }
  return new Map<string, Saved>([
    ["last_epoch", run.epoch],
    ["log_dir", ""],
    ["model", model],
    ["momentum_model", average],
  ]);
}

/**
 * Returns the tensors of a network, with the layers of the reference program where it is a head with DeepMind's: a first
 * layer without bias, whose bias the running mean loses, and a last layer with a bias of zeros. The function is the same.
 */
function withReferenceHead(network: Map<string, SavedTensor>): Map<string, SavedTensor> {
  const [bias, mean, last] = ["0.bias", "1.running_mean", "3.weight"].map((name) =>
    network.get(name)
  );
  if (bias === undefined || mean === undefined || last === undefined) return network;
  const shifted = Float32Array.from(
    mean.values as Float32Array,
    (value, index) => value - Number(bias.values[index]),
  );
  const [outputs = 0] = last.shape;
  const changed = new Map(network);
  changed.delete("0.bias");
  changed.set("1.running_mean", { shape: mean.shape, values: shifted });
  changed.set("3.bias", { shape: [outputs], values: new Float32Array(outputs) });
  return changed;
}
