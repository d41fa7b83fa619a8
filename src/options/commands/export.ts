/** The options of `export`, as data. */

import type { CommandSpec } from "../../base/command_line.ts";

/** `deno task export`. */
export const EXPORT = {
  name: "export",
  summary:
    "Writes a checkpoint's encoder as files that other programs load, and a model card beside them",
  examples: [["--checkpoint=FILE --to=torchvision,timm --out=DIR"]],
  options: {
    checkpoint: {
      option: "checkpoint",
      value: { kind: "path" },
      placeholder: "FILE",
      help: "A checkpoint or encoder.safetensors of a run",
      required: true,
    },
    to: {
      option: "to",
      value: {
        kind: "choice",
        choices: ["safetensors", "torchvision", "timm", "onnx", "reference"],
        former: ["seed"],
      },
      list: true,
      placeholder: "FORMAT",
      help: "Which files",
      choicesHelp: {
        safetensors: "encoder.safetensors: the encoder in torchvision's names",
        torchvision:
          "torchvision.pt and torchvision.safetensors: for torchvision's ResNet without its fc",
        timm: "timm.safetensors: for timm.create_model(…, num_classes=0)",
        onnx: "encoder.onnx: for ONNX Runtime and others, any batch and size; resnet20 too",
        reference:
          "reference.pt: both networks in the layout of the reference program (ADevillers/BYOL)",
      },
      required: true,
    },
    out: {
      option: "out",
      value: { kind: "path" },
      placeholder: "DIR",
      help: "The folder, made where it is missing; files of the same names are replaced",
      default: "export",
    },
  },
  remarks: [
    "Weights are written in float32. A form that this checkpoint does not have is reported, the others " +
    "are written, and the exit code tells it.",
  ],
} as const satisfies CommandSpec;
