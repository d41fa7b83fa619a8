"""Our networks against torchvision's.

  python networks.py compare WEIGHTS OUTPUTS
      WEIGHTS  an encoder file (torchvision's names) or a full checkpoint (online.encoder.* …) of ours; its metadata
               says resnetType and stem, for a checkpoint also hiddenDim and zDim (or --resnet_type … say so).
      OUTPUTS  safetensors: input [N,3,H,W]; output.eval and output.train, the encoder's features; optional, for a
               checkpoint: projection.{eval,train} and prediction.{eval,train}; after.<buffer>: the BN buffers after the
               one train-mode pass, <buffer> = torchvision's name for an encoder file, encoder.<name>, projector.<name>,
               predictor.<name> for a checkpoint. The eval pass comes first and sees the buffers as loaded.
      The truth is computed in float64 from the same weights and inputs; float64 outputs must agree to 1e-9 of a
      tensor's norm, float32 outputs to 1e-5.

  python networks.py randomise --resnet_type=resnet18 --stem=cifar --dtype=float64 --out=FILE --outputs=FILE
               [--metadata=JSON_FILE] [--hidden_dim=32] [--z_dim=16] [--batch=4] [--size=64] [--seed=0] [--kind=checkpoint|encoder]
      Writes a checkpoint (or encoder file) with every gamma, beta, running statistic and weight random, which our side
      must load, and the expected outputs in the format above (ours may read `input` from it).

  python networks.py init-stats FILE FILE … (at least 5, of different seeds; encoder files or checkpoints)
      Mean, standard deviation and kurtosis of each layer, over all files, against as many seeds of torchvision's own
      initialisation; BN parameters and buffers exactly.
"""

import argparse
import json
import math

import torch
from torch import nn

from common import DTYPES, BadInput, Report, below, distance, load, need, run, save
from models import Online, encoder, randomise

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5}
# 5.5 standard errors: over the roughly 500 statistics of ResNet-152 a right program fails once in 50,000 runs.
Z_ALLOWED = 5.5


class EncoderOnly(nn.Module):
    """Gives an encoder the names it has inside a checkpoint."""

    def __init__(self, resnet_type, stem):
        super().__init__()
        self.encoder = encoder(resnet_type, stem)


def build(weights, metadata, options):
    """Returns the model our file describes, filled with load_state_dict(strict=True), and whether it is a checkpoint."""
    def value(key, option):
        return option if option is not None else need(metadata, key, "the metadata (or as an option)")

    kind = value("resnetType", options.resnet_type), value("stem", options.stem)
    is_checkpoint = any(name.startswith("online.") for name in weights)
    if is_checkpoint:
        weights = below(weights, "online.")
        model = Online(*kind, value("hiddenDim", options.hidden_dim), value("zDim", options.z_dim))
    else:
        model = EncoderOnly(*kind)
        weights = {f"encoder.{name}": tensor for name, tensor in weights.items()}
    floats = {t.dtype for t in weights.values() if t.is_floating_point()}
    if len(floats) != 1:
        raise BadInput(f"Cannot compare weights of the types {floats}: expected one")
    dtype = floats.pop()
    model.to(dtype).load_state_dict(weights, strict=True)
    return model, is_checkpoint, dtype


@torch.no_grad()
def forward(model, x, heads):
    """The eval pass, then the train pass; returns all outputs and the buffers after."""
    outputs = {}
    for mode in ("eval", "train"):
        model.train(mode == "train")
        h = outputs[f"output.{mode}"] = model.encoder(x)
        if heads:
            z = outputs[f"projection.{mode}"] = model.projector(h)
            outputs[f"prediction.{mode}"] = model.predictor(z)
    return outputs, {f"after.{name}": buffer for name, buffer in model.named_buffers()}


def compare(options):
    weights, metadata = load(options.weights)
    ours, _ = load(options.outputs)
    model, is_checkpoint, dtype = build(weights, metadata, options)
    if not is_checkpoint:
        ours = {n.replace("after.", "after.encoder.", 1) if not n.startswith("after.encoder.") else n: t for n, t in ours.items()}
    x = ours.pop("input", None)
    if x is None:
        raise BadInput(f"Cannot find input in {options.outputs}")
    if x.dtype != dtype:
        raise BadInput(f"Cannot compare input {x.dtype} with weights {dtype}: expected the same type")
    heads = is_checkpoint and any(n.startswith("prediction.") for n in ours)
    outputs, after = forward(model.double(), x.double(), heads)
    if not heads:
        after = {n: b for n, b in after.items() if n.startswith("after.encoder.")}

    report = Report("networks")
    truth = outputs | after
    report.same_names(ours, truth, options.outputs)
    for name in sorted(set(ours) & set(truth)):
        a, b = ours[name], truth[name]
        if not b.is_floating_point():
            report.require(torch.equal(a.long(), b.long()), f"{name}: {a.tolist()}, expected {b.tolist()}")
            continue
        report.require(a.dtype == dtype, f"{name}: has type {a.dtype}, expected {dtype}")
        report.check(name, distance(a, b), TOLERANCE[dtype] * b.double().norm().item())
    return report.finish()


def randomised(options):
    generator = torch.Generator().manual_seed(options.seed)
    kind = options.resnet_type, options.stem
    model = EncoderOnly(*kind) if options.kind == "encoder" else Online(*kind, options.hidden_dim, options.z_dim)
    model = model.to(DTYPES[options.dtype])
    randomise(model, generator)
    metadata = json.load(open(options.metadata)) if options.metadata else {}
    metadata = {
        "resnetType": options.resnet_type, "stem": options.stem, "dtype": options.dtype,
        "hiddenDim": options.hidden_dim, "zDim": options.z_dim,
    } | metadata
    state = model.state_dict()
    if options.kind == "encoder":
        tensors = below(state, "encoder.")
    else:
        target = Online(*kind, options.hidden_dim, options.z_dim).to(DTYPES[options.dtype])
        randomise(target, generator)  # other values than the online network's, so that mixing them up shows
        tensors = {f"online.{n}": t for n, t in state.items()}
        tensors |= {f"target.{n}": t for n, t in target.state_dict().items() if not n.startswith("predictor.")}
        tensors |= {
            f"momentum.{n}": torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype) * 1e-3
            for n, p in model.named_parameters()
        }
    save(options.out, tensors, metadata)
    # The outputs are computed from the file just written, the way `compare` will do it.
    model, is_checkpoint, _ = build(*load(options.out), options)
    x = torch.randn(options.batch, 3, options.size, options.size, generator=generator, dtype=torch.float64)
    x = x.to(DTYPES[options.dtype])
    outputs, after = forward(model, x, is_checkpoint)
    if not is_checkpoint:
        after = {n.replace("after.encoder.", "after."): b for n, b in after.items()}
    save(options.outputs, {"input": x} | outputs | after, metadata)
    print(json.dumps({"what": "randomise", "ok": True, "tensors": len(tensors), "out": options.out, "outputs": options.outputs}))
    return 0


def moments(samples):
    """Mean, standard deviation, kurtosis and count of one layer's values over all seeds."""
    x = torch.cat([s.double().flatten() for s in samples])
    deviation = x - x.mean()
    variance = deviation.pow(2).mean()
    kurtosis = (deviation.pow(4).mean() / variance.pow(2)).item() if variance > 0 else 0.0
    return x.mean().item(), math.sqrt(variance.item()), kurtosis, x.numel()


def init_stats(options):
    if len(options.files) < 5:
        raise BadInput(f"Cannot judge an initialisation from {len(options.files)} files: expected at least 5, better 20")
    ours, theirs = [], []
    for seed, path in enumerate(options.files):
        weights, metadata = load(path)
        torch.manual_seed(77_777 + seed)
        model, *_ = build(weights, metadata, options)
        torch.manual_seed(77_777 + seed)
        fresh = Online(model_kind(metadata, options)[0], model_kind(metadata, options)[1], *head_sizes(metadata, options, model))
        ours.append(model.state_dict())
        names = ours[-1].keys()
        theirs.append({n: t for n, t in fresh.state_dict().items() if n in names})

    report = Report("init-stats")
    report.extra["files"] = len(options.files)
    for name, example in ours[0].items():
        a, b = [state[name] for state in ours], [state[name] for state in theirs]
        if torch.equal(b[0], b[1]):  # a constant: gammas, betas, running statistics
            for number, tensor in enumerate(a):
                report.require(
                    torch.equal(tensor.double(), b[0].double()),
                    f"{name}: file {number} differs from the constant {b[0].flatten()[0].item()}",
                )
            continue
        for i in range(len(a)):
            for j in range(i):
                report.require(not torch.equal(a[i], a[j]), f"{name}: files {j} and {i} hold the same values")
        (mean_a, std_a, kurt_a, n), (mean_b, std_b, kurt_b, _) = moments(a), moments(b)
        # Standard errors of a difference of two samples of n values each (kurtosis: bounded by the normal's 24 / n).
        report.check(f"{name} mean", abs(mean_a - mean_b), Z_ALLOWED * std_b * math.sqrt(2 / n))
        report.check(f"{name} std", abs(std_a / std_b - 1), Z_ALLOWED * math.sqrt((kurt_b - 1) / (2 * n)))
        report.check(f"{name} kurtosis", abs(kurt_a - kurt_b), Z_ALLOWED * math.sqrt(48 / n))
    return report.finish()


def model_kind(metadata, options):
    return options.resnet_type or metadata["resnetType"], options.stem or metadata["stem"]


def head_sizes(metadata, options, model):
    if isinstance(model, EncoderOnly):
        return 8, 8  # not looked at
    return options.hidden_dim or metadata["hiddenDim"], options.z_dim or metadata["zDim"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    for mode in ("compare", "randomise", "init-stats"):
        sub = modes.add_parser(mode)
        making = mode == "randomise"
        sub.add_argument("--resnet_type", required=making)
        sub.add_argument("--stem", choices=("cifar", "imagenet"), required=making)
        sub.add_argument("--hidden_dim", type=int, default=32 if making else None)
        sub.add_argument("--z_dim", type=int, default=16 if making else None)
        if mode == "compare":
            sub.add_argument("weights")
            sub.add_argument("outputs")
        elif making:
            sub.add_argument("--dtype", choices=tuple(DTYPES), default="float64")
            sub.add_argument("--out", required=True)
            sub.add_argument("--outputs", required=True)
            sub.add_argument("--metadata")
            sub.add_argument("--kind", choices=("checkpoint", "encoder"), default="checkpoint")
            sub.add_argument("--batch", type=int, default=4)
            sub.add_argument("--size", type=int, default=64)
            sub.add_argument("--seed", type=int, default=0)
        else:
            sub.add_argument("files", nargs="+")
    options = parser.parse_args()
    return {"compare": compare, "randomise": randomised, "init-stats": init_stats}[options.mode](options)


if __name__ == "__main__":
    run(main)
