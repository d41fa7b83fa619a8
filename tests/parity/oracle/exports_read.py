"""Loads exported encoders as their own programs do, strictly, and embeds the same images with each.

  python exports_read.py FOLDER RESNET STEM

FOLDER holds those of torchvision.pt, torchvision.safetensors, encoder.safetensors, timm.safetensors and reference.pt that were
exported; outputs.safetensors, what the Deno program made of `input`; and given.safetensors, what networks.py made of the
same checkpoint with its own heads. Prints the largest difference of each embedding
from `output.eval`, relative to its norm, as JSON.
"""

import json
import pathlib
import sys

import onnx
import onnxruntime
import timm
import torch
import torchvision
from models import encoder, head
from safetensors.torch import load_file


def with_stem(model, stem):
    if stem == "cifar":
        model.conv1, model.maxpool = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False), torch.nn.Identity()
    return model.eval()


def torchvision_model(resnet, stem):
    model = with_stem(getattr(torchvision.models, resnet)(), stem)
    model.fc = torch.nn.Identity()
    return model


@torch.no_grad()
def heads_of(weights, given):
    """Loads both heads into the reference program's layers, strictly; returns the difference of the predictions."""
    value = given["output.eval"]
    for prefix in ("proj_head_inv.", "predictor_inv."):
        mine = {n.removeprefix(prefix): t for n, t in weights.items() if n.startswith(prefix)}
        hidden, inputs = mine["0.weight"].shape
        layers = head(inputs, hidden, len(mine["3.weight"])).eval()
        layers.load_state_dict(mine, strict=True)
        value = layers(value)
    truth = given["prediction.eval"]
    return ((value - truth).norm() / truth.norm()).item()


def main():
    folder, resnet, stem = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    outputs = load_file(folder / "outputs.safetensors")
    found = {}

    def compare(name, model, weights):
        model.load_state_dict(weights, strict=True)
        with torch.no_grad():
            embedding = model(outputs["input"])
        truth = outputs["output.eval"]
        found[name] = ((embedding - truth).norm() / truth.norm()).item()

    def pickled(name):
        return torch.load(folder / name, weights_only=True)

    if (folder / "torchvision.pt").exists():
        compare("torchvision.pt", torchvision_model(resnet, stem), pickled("torchvision.pt"))
    for name in ("torchvision.safetensors", "encoder.safetensors"):
        if (folder / name).exists():
            model = encoder(resnet, stem).eval() if resnet == "resnet20" else torchvision_model(resnet, stem)
            compare(name, model, load_file(folder / name))
    if (folder / "timm.safetensors").exists():
        model = with_stem(timm.create_model(resnet, num_classes=0), stem)
        compare("timm.safetensors", model, load_file(folder / "timm.safetensors"))
    if (folder / "encoder.onnx").exists():
        onnx.checker.check_model(str(folder / "encoder.onnx"), full_check=True)
        session = onnxruntime.InferenceSession(str(folder / "encoder.onnx"))
        for count in (1, len(outputs["input"])):  # any batch
            embedding, = session.run(None, {"images": outputs["input"][:count].numpy()})
            truth = outputs["output.eval"][:count].numpy()
            found[f"encoder.onnx, {count}"] = float(abs(embedding - truth).max() / abs(truth).max())
    if (folder / "reference.pt").exists():
        checkpoint = pickled("reference.pt")
        parts = {name.split(".")[0] for name in checkpoint["model"]}
        assert parts == {"resnet", "proj_head_inv", "predictor_inv"}, parts
        parts = {name.split(".")[0] for name in checkpoint["momentum_model"]}
        assert parts == {"m_resnet", "m_proj_head_inv"}, parts
        weights = {n.removeprefix("resnet."): t for n, t in checkpoint["model"].items() if n.startswith("resnet.")}
        model = encoder(resnet, stem).eval() if resnet == "resnet20" else torchvision_model(resnet, stem)
        compare("reference.pt", model, weights)
        found["last_epoch"] = checkpoint["last_epoch"]
        found["reference.pt, heads"] = heads_of(checkpoint["model"], load_file(folder / "given.safetensors"))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
