"""Our networks against torchvision's.

  python networks.py compare WEIGHTS OUTPUTS [WEIGHTS OUTPUTS …]
      WEIGHTS  an encoder file (torchvision's names) or a full checkpoint (online.encoder.* …) of ours; its metadata
               says resnetType and stem, for a checkpoint also hiddenDim and zDim (or --resnet_type … say so).
      OUTPUTS  safetensors: input [N,3,H,W]; output.eval and output.train, the encoder's features; optional, for a
               checkpoint: projection.{eval,train} and prediction.{eval,train}; after.<buffer>: the BN buffers after the
               one train-mode pass, <buffer> = torchvision's name for an encoder file, encoder.<name>, projector.<name>,
               predictor.<name> for a checkpoint. The eval pass comes first and sees the buffers as loaded.
      The truth is computed in float64 from the same weights and inputs; float64 outputs must agree to 1e-9 of a
      tensor's norm, float32 outputs to 1e-5. In float32 each head is compared on the input that it got: the truth of
      projection is made of our output, that of prediction of our projection. A head's batch normalisation in train
      mode divides by the spread of a few much-alike rows and multiplies the encoder's rounding by ten, PyTorch's as
      ours (PyTorch's own float32 ends 2e-5 to 4e-5 from the truth in ResNet-101 and -152): end to end, the bound would
      judge the images drawn, not the heads. End to end they are compared in float64.

  python networks.py randomise --resnet_type=resnet18 --stem=cifar --dtype=float64 --out=FILE --outputs=FILE
               [--metadata=JSON_FILE] [--hidden_dim=32] [--z_dim=16]
               [--heads=reference|deepmind] [--rotation=WIDTH] [--batch=4] [--size=64] [--seed=0] [--kind=checkpoint|encoder]
      Writes a checkpoint (or encoder file) with every gamma, beta, running statistic and weight random, which our side
      must load, and the expected outputs in the format above (ours may read `input` from it).

  python networks.py init-stats FILE FILE … (at least 5, of different seeds; encoder files or checkpoints)
      Mean, standard deviation and kurtosis of each layer, over all files, against as many seeds of torchvision's own
      initialisation; BN parameters and buffers exactly.
  python networks.py init-stats --follow
      reads the file names from stdin, a line each, and answers each with a line; the file is then needed no more. An
      empty line ends it, and is answered with the report.
"""

import argparse
import hashlib
import json
import math
import sys

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
        model = Online(*kind, value("hiddenDim", options.hidden_dim), value("zDim", options.z_dim), metadata.get("heads", "reference"),
                       len(weights.get("rotation.0.weight", ())))
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
def forward(model, x, heads, given=None):
    """The eval pass, then the train pass; returns all outputs and the buffers after. `given` holds outputs of another
    run from which the heads start, instead of from what came before them here."""
    outputs = {}

    def input_of_head(name):
        return (given or outputs)[name].to(x.dtype)

    for mode in ("eval", "train"):
        model.train(mode == "train")
        outputs[f"output.{mode}"] = model.encoder(x)
        if heads:
            outputs[f"projection.{mode}"] = model.projector(input_of_head(f"output.{mode}"))
            outputs[f"prediction.{mode}"] = model.predictor(input_of_head(f"projection.{mode}"))
    return outputs, {f"after.{name}": buffer for name, buffer in model.named_buffers()}


def compare(options):
    if len(options.files) % 2 != 0:
        raise BadInput(f"Cannot compare {len(options.files)} files: expected WEIGHTS OUTPUTS, in pairs")
    report = Report("networks")
    for weights, outputs in zip(options.files[::2], options.files[1::2]):
        compare_pair(report, weights, outputs, options)
    return report.finish()


def compare_pair(report, weights_path, outputs_path, options):
    weights, metadata = load(weights_path)
    ours, _ = load(outputs_path)
    model, is_checkpoint, dtype = build(weights, metadata, options)
    where = "checkpoint" if is_checkpoint else "encoder file"
    if not is_checkpoint:
        ours = {n.replace("after.", "after.encoder.", 1) if not n.startswith("after.encoder.") else n: t for n, t in ours.items()}
    x = ours.pop("input", None)
    if x is None:
        raise BadInput(f"Cannot find input in {outputs_path}")
    if x.dtype != dtype:
        raise BadInput(f"Cannot compare input {x.dtype} with weights {dtype}: expected the same type")
    heads = is_checkpoint and any(n.startswith("prediction.") for n in ours)
    given = ours if dtype == torch.float32 else None
    for mode in ("eval", "train") if heads else ():
        for name in ("output", "projection"):
            need(ours, f"{name}.{mode}", outputs_path)
    outputs, after = forward(model.double(), x.double(), heads, given)
    if not heads:
        after = {n: b for n, b in after.items() if n.startswith("after.encoder.")}

    truth = outputs | after
    report.same_names(ours, truth, outputs_path)
    for name in sorted(set(ours) & set(truth)):
        a, b = ours[name], truth[name]
        if not b.is_floating_point():
            report.require(torch.equal(a.long(), b.long()), f"{where}: {name}: {a.tolist()}, expected {b.tolist()}")
            continue
        report.require(a.dtype == dtype, f"{where}: {name}: has type {a.dtype}, expected {dtype}")
        report.check(f"{where}: {name}", distance(a, b), TOLERANCE[dtype] * b.double().norm().item())


def randomised(options):
    generator = torch.Generator().manual_seed(options.seed)
    kind = options.resnet_type, options.stem
    sizes = options.hidden_dim, options.z_dim, options.heads
    model = EncoderOnly(*kind) if options.kind == "encoder" else Online(*kind, *sizes, options.rotation)
    model = model.to(DTYPES[options.dtype])
    randomise(model, generator)
    metadata = json.load(open(options.metadata)) if options.metadata else {}
    metadata = {
        "resnetType": options.resnet_type, "stem": options.stem, "dtype": options.dtype,
        "hiddenDim": options.hidden_dim, "zDim": options.z_dim, "heads": options.heads,
    } | metadata
    state = model.state_dict()
    if options.kind == "encoder":
        tensors = below(state, "encoder.")
    else:
        target = Online(*kind, *sizes).to(DTYPES[options.dtype])
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


class Layer:
    """Moments of one layer's values over all seeds, summed up as they come (about 0, where all the means are)."""

    def __init__(self):
        self.count, self.sums, self.digests = 0, [0.0] * 4, []

    def add(self, tensor):
        x = tensor.double().flatten()
        self.count += x.numel()
        self.sums = [total + x.pow(power).sum().item() for power, total in enumerate(self.sums, 1)]
        self.digests.append(hashlib.sha256(tensor.contiguous().numpy().tobytes()).digest())

    def moments(self):
        """Mean, standard deviation and kurtosis."""
        m1, m2, m3, m4 = (total / self.count for total in self.sums)
        variance = m2 - m1 ** 2
        fourth = m4 - 4 * m1 * m3 + 6 * m1 ** 2 * m2 - 3 * m1 ** 4
        return m1, math.sqrt(variance), fourth / variance ** 2


class InitialisationStatistics:
    """Adds one file after another, each beside a fresh model of PyTorch's, and keeps no weights."""

    def __init__(self, options):
        self.options, self.files, self.report = options, 0, Report("init-stats")
        self.ours, self.theirs, self.constants = {}, {}, {}

    def fresh(self, seed, metadata, model):
        torch.manual_seed(77_777 + seed)
        made = Online(*model_kind(metadata, self.options), *head_sizes(metadata, self.options, model)).state_dict()
        return {name: made[name] for name in model.state_dict()}

    def add(self, path):
        weights, metadata = load(path)
        model, *_ = build(weights, metadata, self.options)
        theirs = self.fresh(self.files, metadata, model)
        if self.files == 0:
            other = self.fresh(-1, metadata, model)
            # Gammas, betas and running statistics begin at the same values whatever the seed.
            self.constants = {n: t for n, t in theirs.items() if torch.equal(t, other[n])}
        for name, tensor in model.state_dict().items():
            if name in self.constants:
                constant = self.constants[name]
                self.report.require(
                    torch.equal(tensor.double(), constant.double()),
                    f"{name}: file {self.files} differs from the constant {constant.flatten()[0].item()}",
                )
                continue
            self.ours.setdefault(name, Layer()).add(tensor)
            self.theirs.setdefault(name, Layer()).add(theirs[name])
        self.files += 1

    def finish(self):
        if self.files < 5:
            raise BadInput(f"Cannot judge an initialisation from {self.files} files: expected at least 5, better 20")
        report = self.report
        report.extra |= {"files": self.files, "constants": len(self.constants)}
        for name, ours in self.ours.items():
            report.require(len(set(ours.digests)) == self.files, f"{name}: two files hold the same values")
            (mean_a, std_a, kurt_a), (mean_b, std_b, kurt_b) = ours.moments(), self.theirs[name].moments()
            # Standard errors of a difference of two samples of n values each (kurtosis: bounded by the normal's 24 / n).
            n = ours.count
            report.check(f"{name} mean", abs(mean_a - mean_b), Z_ALLOWED * std_b * math.sqrt(2 / n))
            report.check(f"{name} std", abs(std_a / std_b - 1), Z_ALLOWED * math.sqrt((kurt_b - 1) / (2 * n)))
            report.check(f"{name} kurtosis", abs(kurt_a - kurt_b), Z_ALLOWED * math.sqrt(48 / n))
        return report.finish()


def init_stats(options):
    statistics = InitialisationStatistics(options)
    if not options.follow:
        for path in options.files:
            statistics.add(path)
        return statistics.finish()
    for path in iter(lambda: sys.stdin.readline().rstrip("\n"), ""):
        statistics.add(path)
        print(json.dumps({"what": "init-stats", "ok": True, "files": statistics.files}), flush=True)
    return statistics.finish()


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
            sub.add_argument("files", nargs="+")
        elif making:
            sub.add_argument("--dtype", choices=tuple(DTYPES), default="float64")
            sub.add_argument("--out", required=True)
            sub.add_argument("--outputs", required=True)
            sub.add_argument("--metadata")
            sub.add_argument("--heads", choices=("reference", "deepmind"), default="reference")
            sub.add_argument("--rotation", type=int, default=0)
            sub.add_argument("--kind", choices=("checkpoint", "encoder"), default="checkpoint")
            sub.add_argument("--batch", type=int, default=4)
            sub.add_argument("--size", type=int, default=64)
            sub.add_argument("--seed", type=int, default=0)
        else:
            sub.add_argument("files", nargs="*")
            sub.add_argument("--follow", action="store_true")
    options = parser.parse_args()
    return {"compare": compare, "randomise": randomised, "init-stats": init_stats}[options.mode](options)


if __name__ == "__main__":
    run(main)
