"""Recomputes one step of a probe with clipped logits and a penalty on them, as BYOL's appendix C.1 defines both.

  python clipped.py BEFORE AFTER RATE BOUND PENALTY
      BEFORE, AFTER: the probe's `weight` and `bias` before and after the step, with the batch's `features` and `labels`.
      PyTorch takes one step of plain SGD on cross_entropy(clipped) + PENALTY · mean(clipped²), where clipped is
      BOUND · tanh(logits / BOUND). Weights to 1e-12 of their norm.
"""

import argparse

import torch
from torch.nn import functional as F

from common import Report, distance, load, run

NEAR = 1e-12


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs=2)
    parser.add_argument("numbers", nargs=3, type=float)
    parsed = parser.parse_args()
    (start, _), (end, _) = map(load, parsed.files)
    rate, bound, penalty = parsed.numbers
    weight, bias = (start[name].clone().requires_grad_(True) for name in ("weight", "bias"))
    clipped = bound * torch.tanh(F.linear(start["features"], weight, bias) / bound)
    (F.cross_entropy(clipped, start["labels"]) + penalty * clipped.square().mean()).backward()
    report = Report("clipped probe")
    for name, tensor in (("weight", weight), ("bias", bias)):
        expected = (tensor - rate * tensor.grad).detach()
        report.require(distance(expected, start[name]) > 1e-3, f"{name} has not moved")
        report.check(name, distance(end[name], expected), NEAR * expected.norm().item())
    return report.finish()


if __name__ == "__main__":
    run(main)
