/** The options of `export`, as data. */

import type { CommandSpec } from "../../base/command_line.ts";

/** `deno task export`. */
export const EXPORT = {
  name: "export",
  summary: "Writes a checkpoint's encoder as files for other programs, with a model card",
  examples: [["--checkpoint=FILE --to=torchvision,timm --out=DIR"]],
  options: {
    checkpoint: {
      option: "checkpoint",
      value: { kind: "path" },
      placeholder: "FILE",
      help:
        "A checkpoint or encoder.safetensors of a run, or the folder of a run for its newest checkpoint",
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
      help: "Formats, separated by commas",
      choicesHelp: {
        safetensors: "encoder.safetensors: the encoder by torchvision's names",
        torchvision:
          "torchvision.pt and torchvision.safetensors: for torchvision's ResNet without its fc",
        timm: "timm.safetensors: for timm.create_model(…, num_classes=0)",
        onnx:
          "encoder.onnx: for ONNX Runtime and others, with any batch and image size; also resnet20",
        reference:
          "reference.pt: both networks in the layout of the reference program (ADevillers/BYOL)",
      },
      required: true,
    },
    out: {
      option: "out",
      value: { kind: "path" },
      placeholder: "DIR",
      help:
        "Folder of the files, which is created where it is missing. Existing files are replaced",
      default: "export",
    },
  },
  remarks: [
    "Weights are written in float32. A format that the checkpoint cannot be written in is reported, the other " +
    "formats are written, and the exit code is not 0.",
  ],
} as const satisfies CommandSpec;
