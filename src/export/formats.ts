/**
 * The forms that an encoder is exported in: which files each is, and how its program reads them.
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

/** The name of a form on the command line. */
type FormName = Values<typeof EXPORT.options>["to"][number];

/** One form. */
export interface ExportFormat {
  /** Its files by name. @throws UserError (usage, checkpoint) where the checkpoint has no such form */
  files(run: ExportedRun): Record<string, Uint8Array>;
  /** Python that loads it, for the model card. */
  usage(run: ExportedRun): string;
}

/** The forms by their names on the command line, names of earlier versions included. */
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
      // timm's ResNets call their tensors as torchvision's do.
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

/** Returns the form of a name on the command line. */
export function formatNamed(name: FormName): ExportFormat {
  return FORMATS[name];
}

/** Returns the form that the reference program (ADevillers/BYOL) reads, as the file `<name>.pt`. */
function referenceForm(name: string): ExportFormat {
  return {
    files: (run) => ({ [`${name}.pt`]: torchFile(referenceLayout(run, name)) }),
    usage: () =>
      `import torch
checkpoint = torch.load("${name}.pt", weights_only=True)
checkpoint["model"], checkpoint["momentum_model"], checkpoint["last_epoch"]`,
  };
}

/** A 3×3 first convolution without pooling, for images of 32 pixels. */
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

/** The heads' linear and normalisation layers have the same places in both programs. */
function referenceLayout(run: ExportedRun, to: string): Map<string, Saved> {
  if (run.state.size === 0) {
    throw new UserError(
      `Cannot export ${run.path} --to=${to}: it is an encoder alone, expected a checkpoint with both networks ` +
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
