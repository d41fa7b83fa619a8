"""Recomputes training steps of ours from their trace files, with PyTorch's autograd.

  python step.py trace-000000.safetensors [trace-000001.safetensors …]
      [--total_steps=N --warmup_steps=N --lr_init=X --tau_base=X]   check the metadata's learningRate and tau as well
      [--allow_gap]                                                  files need not be consecutive steps
      [--memory_format=channels_last|contiguous]                     of PyTorch's float32 runs, see below
      [--device=cpu|cuda]                                            where PyTorch computes
      [--autocast=bf16]                                              ours computed in mixed precision, see below
  python step.py --follow [same options]
      reads file names from stdin, a line each, and answers each with a report in one line; the file is then needed no
      more. An empty line ends it, and is answered too.

Trace file: view1, view2; online.before.*, target.before.*, momentum.before.*, grad.* (as autograd gives them, before
weight decay), online.after.*, target.after.*, momentum.after.*; metadata "byol": loss, effectiveRank, learningRate, tau, step, momentum,
weightDecay, eta, larsVariant, bnViews, resnetType, stem, hiddenDim, zDim, dtype, and heads where they are not the
reference program's. With the rotation auxiliary also view3 and rotation_logits (its four rotations, one behind the other:
4N x 4), online.*.rotation.*, and in the metadata rotationWeight, rotationLoss and rotationAccuracy. learningRate, tau and the
hyper-parameters are taken from the metadata: they are given, everything else is recomputed from the `before` tensors.

What is demanded, with |.| the Euclidean norm and G the largest norm of a gradient:
  float64  |ours - PyTorch's| <= 1e-9 |PyTorch's| for every tensor.
  float32  |ours - truth| <= 2 |PyTorch's float32 - truth|, truth = the same step in float64 from the same float32 inputs.
           PyTorch's float32 distance is the largest over --orders (default 4) orders of the batch: the order is
           mathematically irrelevant, so each is as much "PyTorch in float32" as the others, and one order alone may be
           exact by luck. It runs in channels_last, as ours does (the format PyTorch itself recommends for convolutions on
           a CPU). The format matters: PyTorch's batch_norm kernel for channels_last adds up the mean of N*H*W values in
           float32, one after another, where its kernel for contiguous tensors adds in float64, so PyTorch's own running
           means are up to 30 times further from the truth in channels_last. --memory_format=contiguous shows that.
  mixed    (--autocast) |ours - truth| <= 2 |PyTorch's autocast - truth|, both from the same float32 inputs, for the loss
           and for each kind of tensor as one vector: all gradients, all parameters after the step, all momentum, all
           running statistics. bf16 keeps 8 bits, so a single small tensor's error is a matter of luck on both sides.
           PyTorch's distance is the largest over --orders orders of the batch.
Floors, below which a difference means nothing:
  gradients            float64 1e-12 G, float32 1e-7 G: some gradients are truly 0 (the projector's last bias) and
                       hold nothing but the cancellation of terms of size G.
  parameters, buffers  float32 1e-7 |tensor|: storing the true value in float32 alone moves it by up to 6e-8 of itself.
  momentum and parameters of tensors with one dimension, in addition: the gradient's floor times the factor with which
                       the gradient enters (lr, or 1 for the deepmind buffer; 1 - tau more for the target): no adaptation
                       rescales what was noise.
effectiveRank is compared in float64 alone, with the singular values themselves: within 1e-6.
num_batches_tracked must be equal; with several files, every `after` tensor must be the next file's `before`, bit for bit.
"""

import argparse
import contextlib
import sys

import torch
from torch.nn import functional as F

from byol import lars, learning_rate_at, loss_of, move_target, rotation_classes, rotation_logits, tau_at
from common import DTYPES, BadInput, Report, below, distance, load, need, run
from models import Online, Target

FLOAT64, FLOAT32_RATIO = 1e-9, 2.0
GRADIENT_FLOOR = {"float64": 1e-12, "float32": 1e-7}
TENSOR_FLOOR = {"float64": 0.0, "float32": 1e-7}
SCHEDULE = 1e-12
RANK, RANK_ROWS = 1e-6, 128
# The loss is a mean of terms up to 8 that are sums of rounded products: closer to the truth is luck.
MIXED_LOSS = 1e-2
AUTOCAST = {"bf16": torch.bfloat16}
MEMORY_FORMATS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
GROUPS = ("online.after", "target.after", "momentum.after", "grad")


def sizes_of(meta):
    """What both networks are built by."""
    return meta["resnetType"], meta["stem"], meta["hiddenDim"], meta["zDim"], meta.get("heads", "reference")


def online_of(trace, meta):
    """The online network of a trace, with its state before the step."""
    weights = below(trace, "online.before.")
    hidden = len(need(weights, "rotation.0.weight", "the trace")) if "view3" in trace else 0
    # In float64, before the state comes: it would be rounded to float32 otherwise.
    online = Online(*sizes_of(meta), rotation=hidden).to(trace["view1"].device).double()
    online.load_state_dict(weights, strict=True)
    return online


def recompute(trace, meta, dtype, memory_format=torch.contiguous_format, order=None, device="cpu", autocast=None):
    """One whole step in the given type; returns all tensors under the names of the trace file, and the loss."""
    trace = {name: tensor.to(device) for name, tensor in trace.items()}
    online = online_of(trace, meta).to(dtype).to(memory_format=memory_format)
    target = Target(*sizes_of(meta)).to(device, dtype).to(memory_format=memory_format)
    target.load_state_dict(below(trace, "target.before."), strict=True)
    online.train(), target.train()
    views = [trace[name].to(dtype) for name in ("view1", "view2", "view3") if name in trace]
    if order is not None:
        views = [view[order.to(device)] for view in views]
    views = [view.contiguous(memory_format=memory_format) for view in views]

    with torch.autocast(device, AUTOCAST[autocast]) if autocast else contextlib.nullcontext():
        loss = total = loss_of(online, target, *views[:2], meta["bnViews"])
        rotation = {}
        if len(views) > 2:
            logits, classes = rotation_logits(online, views[2]), rotation_classes(len(views[2])).to(device)
            entropy = F.cross_entropy(logits.to(dtype), classes)
            total = loss + meta["rotationWeight"] * entropy
            rotation = {"rotation_logits": logits.to(dtype) if order is None else in_order(logits.to(dtype), order.to(device))}
            meta = meta | {"rotation": (entropy.item(), (logits.argmax(1) == classes).double().mean().item())}
    names = [name for name, _ in online.named_parameters()]
    gradients = dict(zip(names, torch.autograd.grad(total, list(online.parameters()))))
    momentum = {name: need(trace, f"momentum.before.{name}", "the trace").to(dtype).clone() for name in names}
    for name, p in online.named_parameters():
        lars(
            p, gradients[name], momentum[name], lr=meta["learningRate"], momentum=meta["momentum"],
            weight_decay=meta["weightDecay"], eta=meta["eta"], variant=meta["larsVariant"],
        )
    move_target(target, online, meta["tau"])
    groups = (online.state_dict(), target.state_dict(), momentum, gradients)
    found = {f"{g}.{n}": t.detach().cpu() for g, tensors in zip(GROUPS, groups) for n, t in tensors.items()}
    found |= {name: tensor.detach().cpu() for name, tensor in rotation.items()}
    return found, [loss.item(), *meta.get("rotation", ())]


def in_order(logits, order):
    """The logits of a shuffled batch in the order of the batch; each of the four rotations is a block of rows."""
    blocks = torch.empty_like(logits).view(4, len(order), -1)
    blocks[:, order] = logits.view(4, len(order), -1)
    return blocks.view_as(logits)


@torch.no_grad()
def effective_rank(trace, meta, device):
    """exp of the entropy of the normalised singular values of view 1's embeddings (RankMe, Garrido et al. 2023)."""
    trace = {name: tensor.to(device) for name, tensor in trace.items()}
    online = online_of(trace, meta)
    view1, view2 = trace["view1"].double(), trace["view2"].double()
    passed = torch.cat([view1, view2]) if meta["bnViews"] == "joint" else view1
    embeddings = online.train().encoder(passed)[: min(len(view1), RANK_ROWS)]
    values = torch.linalg.svdvals(embeddings)
    shares = values / values.sum()
    return torch.special.entr(shares).sum().exp().item()


def orders_of(count, images):
    """Batch orders for the float32 runs: as given, reversed, then shuffled."""
    generator = torch.Generator().manual_seed(0)
    yield None
    if count > 1:
        yield torch.arange(images - 1, -1, -1)
    for _ in range(count - 2):
        yield torch.randperm(images, generator=generator)


def floor_of(name, truth, meta, largest_gradient, parameters):
    """What a difference must exceed to mean anything; see the docstring of the file."""
    dtype = meta["dtype"]
    gradient_floor = GRADIENT_FLOOR[dtype] * largest_gradient
    if name.startswith("grad."):
        return gradient_floor
    if name == "rotation_logits":
        return TENSOR_FLOOR[dtype] * truth.double().norm().item()
    floor = TENSOR_FLOOR[dtype] * truth.double().norm().item()
    bare = name.split(".after.")[1]
    if bare in parameters and truth.ndim <= 1:
        factor = meta["learningRate"]
        if name.startswith("momentum.") and meta["larsVariant"] != "reference":
            factor = 1.0
        if name.startswith("target."):
            factor *= 1 - meta["tau"]
        floor += factor * gradient_floor
    return floor


def check_step(report, path, trace, meta, options):
    step, dtype = meta["step"], need(meta, "dtype", path)
    if dtype not in DTYPES:
        raise BadInput(f"Cannot check a trace of type {dtype}: expected float32 or float64")
    ours = {n: t for n, t in trace.items() if n.startswith((*(f"{g}." for g in GROUPS), "rotation_logits"))}
    truth, losses = recompute(trace, meta, torch.float64, device=options.device)
    report.same_names(ours, truth, f"step {step}")
    known = set(truth) | {n.replace(".after.", ".before.") for n in truth} | {"view1", "view2", "view3"}
    for name in sorted(set(trace) - known - set(ours)):
        report.require(False, f"step {step}: {name} is not known to PyTorch's model")
    for name, tensor in trace.items():
        if tensor.is_floating_point():
            report.require(tensor.dtype == DTYPES[dtype], f"step {step}: {name} has type {tensor.dtype}, metadata says {dtype}")

    runs = []
    if dtype == "float32":
        memory_format = MEMORY_FORMATS[options.memory_format]
        orders = orders_of(options.orders, len(trace["view1"]))
        runs = [
            recompute(trace, meta, torch.float32, memory_format, order, options.device, options.autocast) for order in orders
        ]
    if options.autocast:
        return check_mixed(report, step, ours, truth, runs, (meta["loss"], losses[0]))
    named = zip(("loss", "rotationLoss", "rotationAccuracy"), losses)
    for index, (name, truly) in enumerate(named):
        if name == "rotationAccuracy" and dtype == "float32":
            continue  # two logits may be as good as equal
        allowed = FLOAT64 * abs(truly)
        if dtype == "float32":
            # The loss is a mean of terms up to 8, each the rounded result of 2 - 2 cos.
            allowed = max(FLOAT32_RATIO * max(abs(other[index] - truly) for _, other in runs), 1e-6)
        report.check(f"step {step}: {name}", abs(need(meta, name, path) - truly), allowed)

    if dtype == "float64":
        rank = effective_rank(trace, meta, options.device)
        report.check(f"step {step}: effective rank", abs(need(meta, "effectiveRank", path) - rank), RANK * rank)

    gradients = below(truth, "grad.")
    largest = max(g.norm().item() for g in gradients.values())
    worst_ratio = 0.0
    for name in sorted(set(ours) & set(truth)):
        a, b = ours[name], truth[name]
        if not b.is_floating_point():
            report.require(a.dtype == b.dtype and torch.equal(a, b), f"step {step}: {name} is {a.tolist()}, expected {b.tolist()}")
            continue
        floor = floor_of(name, b, meta, largest, gradients)
        allowed = FLOAT64 * b.norm().item()
        if dtype == "float32":
            noise = max(distance(tensors[name], b) for tensors, _ in runs)
            allowed = FLOAT32_RATIO * noise
        difference = distance(a, b)
        if dtype == "float32" and max(difference, noise) > floor:
            base = max(noise, floor)
            worst_ratio = max(worst_ratio, difference / base if base > 0 else float("inf"))
        report.check(f"step {step}: {name}", difference, max(allowed, floor))
    if dtype == "float32":
        report.extra["float32WorstRatio"] = max(report.extra.get("float32WorstRatio", 0.0), worst_ratio)


def check_mixed(report, step, ours, truth, runs, losses):
    """Each kind of tensor as one vector, as the docstring of the file says."""
    parameters = {f"online.after.{n.removeprefix('grad.')}" for n in truth if n.startswith("grad.")}
    parameters |= {n.replace("online.", "target.", 1) for n in parameters}
    kinds = {}
    for name, tensor in truth.items():
        group = name.split(".after.")[0].split(".")[0]
        if not tensor.is_floating_point():
            same = name in ours and torch.equal(ours[name], tensor)
            report.require(same, f"step {step}: {name} is not {tensor.tolist()}")
        elif group in ("online", "target"):
            kinds.setdefault(f"{group}'s {'parameters' if name in parameters else 'statistics'}", []).append(name)
        else:
            kinds.setdefault(group, []).append(name)

    def vector(tensors, names):
        return torch.cat([tensors[name].double().flatten() for name in names])

    mine, exact = losses
    noise = max(abs(other[0] - exact) for _, other in runs)
    report.check(f"step {step}: loss", abs(mine - exact), max(FLOAT32_RATIO * noise, MIXED_LOSS))
    for kind, names in kinds.items():
        expected = vector(truth, names)
        noise = max(distance(vector(tensors, names), expected) for tensors, _ in runs)
        floor = TENSOR_FLOOR["float32"] * expected.norm().item()
        report.check(f"step {step}: {kind}", distance(vector(ours, names), expected), max(FLOAT32_RATIO * noise, floor))


def check_schedules(report, meta, options):
    step = meta["step"]
    rate = learning_rate_at(
        step, total_steps=options.total_steps, warmup_steps=options.warmup_steps, lr_init=options.lr_init
    )
    tau = tau_at(step, total_steps=options.total_steps, tau_base=options.tau_base)
    report.check(f"step {step}: learningRate", abs(meta["learningRate"] - rate), SCHEDULE * options.lr_init)
    report.check(f"step {step}: tau", abs(meta["tau"] - tau), SCHEDULE)


def check_chain(report, before, before_step, trace, step):
    """The state a step left is the state the next one found, bit for bit."""
    for group in ("online", "target", "momentum"):
        left, found = below(before, f"{group}.after."), below(trace, f"{group}.before.")
        for name in sorted(set(left) | set(found)):
            same = name in left and name in found and torch.equal(left[name], found[name])
            report.require(same, f"{group}.{name}: step {step} did not begin with what step {before_step} left")


def check_file(report, path, previous, options):
    """Returns what the next file is compared with: a whole trace of ResNet-18 can take 443 MB."""
    trace, meta = load(path)
    check_step(report, path, trace, meta, options)
    if options.total_steps is not None:
        check_schedules(report, meta, options)
    if previous is not None:
        if meta["step"] == previous[1] + 1:
            check_chain(report, *previous, trace, meta["step"])
        else:
            report.require(options.allow_gap, f"{path}: is step {meta['step']}, expected {previous[1] + 1}")
    report.extra.setdefault("losses", []).append(meta["loss"])
    return {n: t for n, t in trace.items() if ".after." in n}, meta["step"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", nargs="*")
    parser.add_argument("--follow", action="store_true")
    parser.add_argument("--total_steps", type=int)
    parser.add_argument("--warmup_steps", type=int)
    parser.add_argument("--lr_init", type=float)
    parser.add_argument("--tau_base", type=float)
    parser.add_argument("--orders", type=int, default=4)
    parser.add_argument("--allow_gap", action="store_true")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--autocast", choices=tuple(AUTOCAST))
    parser.add_argument("--memory_format", choices=tuple(MEMORY_FORMATS), default="channels_last")
    options = parser.parse_args()
    schedule = (options.total_steps, options.warmup_steps, options.lr_init, options.tau_base)
    if any(v is not None for v in schedule) and None in schedule:
        parser.error("--total_steps, --warmup_steps, --lr_init and --tau_base come together")
    if options.follow == bool(options.traces):
        parser.error("expected trace files, or --follow and their names on stdin")

    # As ours does on a GPU: algorithms are chosen by measuring them.
    torch.backends.cudnn.benchmark = options.device == "cuda"
    previous, code = None, 0
    if options.follow:
        for path in iter(lambda: sys.stdin.readline().rstrip("\n"), ""):
            report = Report("step")
            previous = check_file(report, path, previous, options)
            code |= report.finish()
        Report("step").finish()
        return code
    report = Report("step")
    for path in options.traces:
        previous = check_file(report, path, previous, options)
    return report.finish()


if __name__ == "__main__":
    run(main)
