"""Does the oracle catch what it is meant to catch? Writes traces with a second, independent implementation of the step
and with planted errors, and runs step.py on them. Needs nothing of ours.

  python selftest.py [--dir=DIR] [--resnet_type=resnet20]

The second implementation shares the networks but neither loss, LARS nor EMA: F.mse_loss of normalised vectors,
torch.optim.SGD on rescaled gradients, lerp_.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import torch
from torch.nn import functional as F

from common import DTYPES, run, save
from models import Online, Target, randomise

HIDDEN, Z, BATCH, SIZE, TOTAL, WARMUP, LR, TAU = 16, 8, 6, 16, 20, 2, 0.5, 0.99
MOMENTUM, DECAY, ETA = 0.9, 1e-4, 1e-2

# What each planted error is, and a tensor or number that must be named in the failures.
PLANTED = {
    "one-direction": "loss", "mean-of-directions": "loss", "target-with-gradient": "grad.",
    "decay-on-bias": "momentum.after.encoder.bn1", "adapt-bias": "momentum.after.encoder.bn1",
    "no-decay": "momentum.after.encoder.conv1", "ema-of-buffers": "running_mean", "ema-before-update": "target.after",
    "tau-index": "tau", "lr-index": "learningRate", "target-eval-mode": "loss",
    "biased-variance": "running_var", "other-variant": "momentum.after", "joint-for-separate": "grad.", "lost-buffer": "missing",
    "broken-chain": "did not begin", "swapped-views": None,
}


def variables(step, error):
    at = step + 1 if error == "lr-index" else step
    rate = LR * at / WARMUP if at < WARMUP else LR * 0.5 * (1 + math.cos(math.pi * (at - WARMUP) / (TOTAL - WARMUP)))
    at = step + 1 if error == "tau-index" else step
    return rate, 1 - (1 - TAU) * (math.cos(math.pi * at / TOTAL) + 1) / 2


def write_traces(folder, options, error=None):
    """Three steps; returns the paths. `error` plants one mistake."""
    dtype, joint = DTYPES[options["dtype"]], options["bnViews"] == "joint"
    if error == "joint-for-separate":
        joint = not joint
    sizes = options["resnetType"], "cifar", HIDDEN, Z
    online, target = Online(*sizes).to(dtype), Target(*sizes).to(dtype)
    generator = torch.Generator().manual_seed(3)
    randomise(online, generator), randomise(target, generator)
    online.train(), target.train(error != "target-eval-mode")
    reference = (options["larsVariant"] == "reference") != (error == "other-variant")
    sgd = torch.optim.SGD(online.parameters(), lr=1.0, momentum=MOMENTUM)
    names = {p: n for n, p in online.named_parameters()}
    momentum = {n: torch.zeros_like(p) for p, n in names.items()}
    paths = []
    for step in range(3):
        rate, tau = variables(step, error)
        v1, v2 = (torch.randn(BATCH, 3, SIZE, SIZE, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2))
        trace = {"view1": v1, "view2": v2}
        state = {"online": online.state_dict(), "target": target.state_dict(), "momentum": momentum}
        trace |= {f"{g}.before.{n}": t.clone() for g, ts in state.items() for n, t in ts.items()}
        passes = [torch.cat([v1, v2])] if joint else [v1, v2]
        with torch.set_grad_enabled(error == "target-with-gradient"):
            z = torch.cat([target(x) for x in passes])
        # 2 - 2 cos(p, z) is the squared distance of the normalised vectors; the sum of both directions is twice the mean.
        embedded = []
        hook = online.encoder.register_forward_hook(lambda _module, _inputs, output: embedded.append(output.detach()))
        p, z = F.normalize(torch.cat([online(x) for x in passes])), F.normalize(z).roll(BATCH, 0)
        hook.remove()
        shares = F.normalize(torch.linalg.svd(embedded[0][:BATCH].double()).S, p=1, dim=0)
        if error == "target-with-gradient":
            z = z + p - p.detach()  # gives the target's side a path into the online network
            z = F.normalize(z * 0.9)
        loss = F.mse_loss(p, z, reduction="sum") / BATCH
        if error == "one-direction":
            loss = F.mse_loss(p[:BATCH], z[:BATCH], reduction="sum") / BATCH
        if error == "mean-of-directions":
            loss = loss / 2
        sgd.zero_grad()
        loss.backward()
        trace |= {f"grad.{n}": p.grad.clone() for p, n in names.items()}
        with torch.no_grad():
            if error == "ema-before-update":
                for n, p in target.named_parameters():
                    p.lerp_(online.get_parameter(n), 1 - tau)
            for p in names:
                full = p.ndim > 1
                if (full and error != "no-decay") or error == "decay-on-bias":
                    p.grad.add_(p, alpha=DECAY)
                if full or error == "adapt-bias":
                    p.grad.mul_(ETA * p.norm() / p.grad.norm())
                if reference:
                    p.grad.mul_(rate)
        sgd.param_groups[0]["lr"] = 1.0 if reference else rate
        sgd.step()
        momentum = {n: sgd.state[p]["momentum_buffer"].clone() for p, n in names.items()}
        with torch.no_grad():
            if error != "ema-before-update":
                for n, p in target.named_parameters():
                    p.lerp_(online.get_parameter(n), 1 - tau)
            if error == "ema-of-buffers":
                for n, b in target.named_buffers():
                    if b.is_floating_point():
                        b.lerp_(online.get_buffer(n), 1 - tau)
            if error == "biased-variance":
                count = (2 if joint else 1) * BATCH
                online.predictor[1].running_var.mul_(1 - 0.1 / count)
        state = {"online": online.state_dict(), "target": target.state_dict(), "momentum": momentum}
        trace |= {f"{g}.after.{n}": t.clone() for g, ts in state.items() for n, t in ts.items()}
        if error == "lost-buffer":
            del trace["target.after.encoder.bn1.running_var"]
        if error == "swapped-views" and step == 1:
            trace["view1"], trace["view2"] = trace["view2"], trace["view1"].flip(0)
        if error == "broken-chain" and step == 2:
            # A last-bit change of the state: the step itself still agrees within its tolerance.
            name = "target.before.projector.3.bias"
            trace[name] = torch.nextafter(trace[name], trace[name] + 1)
        meta = options | {
            "loss": loss.item(), "effectiveRank": torch.distributions.Categorical(shares).entropy().exp().item(),
            "learningRate": rate, "tau": tau, "step": step, "momentum": MOMENTUM, "weightDecay": DECAY,
            "eta": ETA, "stem": "cifar", "hiddenDim": HIDDEN, "zDim": Z,
        }
        paths.append(str(folder / f"trace-{step:06d}.safetensors"))
        save(paths[-1], trace, meta)
    return paths


def judge(paths):
    here = pathlib.Path(__file__).parent
    schedule = [f"--total_steps={TOTAL}", f"--warmup_steps={WARMUP}", f"--lr_init={LR}", f"--tau_base={TAU}"]
    done = subprocess.run([sys.executable, here / "step.py", *paths, *schedule], capture_output=True, text=True)
    if done.returncode == 2:
        raise ValueError(done.stderr)
    return done.returncode, json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir")
    parser.add_argument("--resnet_type", default="resnet20")
    options = parser.parse_args()
    wrong = []
    with tempfile.TemporaryDirectory(dir=options.dir) as name:
        folder = pathlib.Path(name)
        for dtype in ("float64", "float32"):
            for variant in ("reference", "deepmind"):
                for views in ("joint", "separate"):
                    base = {"resnetType": options.resnet_type, "dtype": dtype, "larsVariant": variant, "bnViews": views}
                    code, result = judge(write_traces(folder, base))
                    worst = result["worst"][0]
                    print(f"right {dtype} {variant} {views}: exit {code}, worst {worst['name']} {worst['difference']:.2g} "
                          f"of {worst['allowed']:.2g}, ratio {result.get('float32WorstRatio', 0):.2f}", file=sys.stderr)
                    if code != 0:
                        wrong.append({"right": base, "failures": result["failures"][:3]})
        for dtype in ("float64", "float32"):
            for error, named in PLANTED.items():
                views = "separate" if error == "joint-for-separate" else "joint"
                base = {"resnetType": options.resnet_type, "dtype": dtype, "larsVariant": "reference", "bnViews": views}
                code, result = judge(write_traces(folder, base, error))
                caught = code == 1 and (named is None or any(named in f for f in result["failures"]))
                first = result["failures"][0] if result["failures"] else "-"
                print(f"planted {dtype} {error}: exit {code}, {result['failureCount']} failures, first {first}", file=sys.stderr)
                if not caught:
                    wrong.append({"planted": error, "dtype": dtype, "failures": result["failures"][:3]})
    print(json.dumps({"what": "selftest", "ok": not wrong, "wrong": wrong}))
    return 1 if wrong else 0


if __name__ == "__main__":
    run(main)
