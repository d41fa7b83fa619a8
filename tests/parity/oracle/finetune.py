"""Recomputes the first steps of a fine-tuning with PyTorch, in float64.

  python finetune.py BEFORE AFTER BATCH …
      BEFORE, AFTER: safetensors of the whole classifier under torchvision's names (encoder, fc.weight, fc.bias), before the
      first and after the last step; AFTER's metadata "byol": {resnetType, stem, learningRates [S], losses [S], momentum,
      weightDecay}. BATCH: for each of the S steps `views` and `labels`.
      PyTorch trains the same network in train mode with cross-entropy and torch.optim.SGD(nesterov=True). Every parameter
      and running statistic to 1e-9 of its norm, every loss to 1e-9.

  python finetune.py probe PROBE EMBEDDINGS LABELS
      PROBE: a linear probe as `deno task eval --save_probe` writes it; the others as `deno task embed` writes them.
      Prints the accuracies in percent that its weight and bias give, and its metadata, in "extra".
"""

import argparse

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from common import BadInput, Report, distance, load, need, run
from models import encoder, feature_dim

NEAR, FLOOR = 1e-9, 1e-12


def steps(before, after, batches):
    (start, _), (end, meta) = load(before), load(after)
    model = encoder(meta["resnetType"], meta["stem"])
    model.fc = nn.Linear(feature_dim(meta["resnetType"]), len(need(start, "fc.bias", before)))
    body = model.forward
    model.double().load_state_dict(start, strict=True)
    model.train()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=1.0, momentum=meta["momentum"], weight_decay=meta["weightDecay"], nesterov=True
    )
    report = Report("fine-tuning")
    if not len(batches) == len(meta["learningRates"]) == len(meta["losses"]):
        raise BadInput(f"Cannot recompute {len(batches)} steps: expected a rate and a loss for each")
    for path, rate, ours in zip(batches, meta["learningRates"], meta["losses"]):
        batch, _ = load(path)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        # The small network of the tests has no fc of its own in forward().
        loss = F.cross_entropy(model.fc(body(batch["views"])), batch["labels"])
        report.check(f"{path}: loss", abs(loss.item() - ours), NEAR)
        loss.backward()
        optimizer.step()
    truth = model.state_dict()
    report.same_names(end, truth, after)
    for name in sorted(set(end) & set(truth)):
        moved = distance(end[name], start[name])
        report.require(moved > 0, f"{name} has not moved")
        report.check(name, distance(end[name], truth[name]), NEAR * truth[name].double().norm().item() + FLOOR)
    return report.finish()


def probe(path, embeddings, labels):
    tensors, meta = load(path)
    features = torch.from_numpy(numpy.load(embeddings)).to(tensors["weight"].dtype)
    truth = torch.from_numpy(numpy.load(labels))
    report = Report("saved probe")
    report.require(set(tensors) == {"weight", "bias"}, f"{path} holds {sorted(tensors)}")
    best = F.linear(features, tensors["weight"], tensors["bias"]).topk(5, dim=1).indices
    hits = best == truth[:, None]
    report.extra["extra"] = {
        "top1": 100 * hits[:, 0].double().mean().item(), "top5": 100 * hits.any(dim=1).double().mean().item(), "meta": meta,
    }
    return report.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    first, *others = parser.parse_args().files
    return probe(*others) if first == "probe" else steps(first, others[0], others[1:])


if __name__ == "__main__":
    run(main)
