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
import { safetensorsFile } from "./safetensors_file.ts";
import { type Saved, torchFile } from "./torch_file.ts";

/** The name of a format on the command line (`--to`). */
type FormName = Values<typeof EXPORT.options>["to"][number];

/** One format of export. */
export interface ExportFormat {
  /** Returns the files by name. @throws UserError (usage, checkpoint) where the checkpoint has no such format */
  files(run: ExportedRun): Record<string, Uint8Array>;
  /** Returns the Python that loads the files, for the model card. */
  usage(run: ExportedRun): string;
}

/** The formats by name; "seed" is the name of "reference" in earlier versions. */
const FORMATS: Readonly<Record<FormName, ExportFormat>> = {
  safetensors: {
    files: (run) => ({ "encoder.safetensors": safetensorsFile(run.encoder, noteOf(run)) }),
    usage: () =>
      `from safetensors.torch import load_file
weights = load_file("encoder.safetensors")  # torchvision's names, without fc`,
  },
  torchvision: {
    files: (run) => {
      requireTorchvision(run, "torchvision");
      return {
        "torchvision.pt": torchFile(new Map(run.encoder)),
        "torchvision.safetensors": safetensorsFile(run.encoder, noteOf(run)),
      };
    },
    usage: ({ resnetType, stem }) =>
      `import torch, torchvision
model = torchvision.models.${resnetType}()
model.fc = torch.nn.Identity()${stem === "cifar" ? cifarStem("model.conv1", "model.maxpool") : ""}
model.load_state_dict(torch.load("torchvision.pt", weights_only=True))`,
  },
  timm: {
    files: (run) => {
      requireTorchvision(run, "timm");
      // timm's ResNets have torchvision's names of tensors.
      return { "timm.safetensors": safetensorsFile(run.encoder, noteOf(run)) };
    },
    usage: ({ resnetType, stem }) =>
      `import timm
from safetensors.torch import load_file
model = timm.create_model("${resnetType}", num_classes=0)${
        stem === "cifar" ? `${cifarStem("model.conv1", "model.maxpool", "import torch\n")}` : ""
      }
model.load_state_dict(load_file("timm.safetensors"))`,
  },
  onnx: {
    files: (run) => ({ "encoder.onnx": onnxEncoder(run) }),
    usage: ({ features }) =>
      `import onnxruntime
session = onnxruntime.InferenceSession("encoder.onnx")
embeddings, = session.run(None, {"images": images})  # batch x 3 x height x width to batch x ${features}`,
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
    usage: () =>
      `import torch
checkpoint = torch.load("${name}.pt", weights_only=True)
checkpoint["model"], checkpoint["momentum_model"], checkpoint["last_epoch"]`,
  };
}

/** Returns Python that replaces a stem by a 3×3 convolution without pooling, for images of 32 pixels. */
function cifarStem(conv: string, pool: string, first = ""): string {
  return `
# the stem for small images: a 3x3 convolution of stride 1, no pooling
${first}${conv} = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
${pool} = torch.nn.Identity()`;
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
 * the heads have the same indices in both programs.
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
    for (const [rest, tensor] of below(run.state, from)) into.set(`${name}${rest}`, tensor);
  }
  return new Map<string, Saved>([
    ["last_epoch", run.epoch],
    ["log_dir", ""],
    ["model", model],
    ["momentum_model", average],
  ]);
}
