"""Recomputes one step of the online probe with PyTorch's SGD and cross-entropy.

  python online_probe.py --before=step-A.safetensors --after=step-B.safetensors --trace=trace-A.safetensors
      --metrics=metrics.jsonl --learning_rate=X --momentum=X

The two checkpoints are those before and after the step that the trace holds, in float64. The labels are in none of them
and need not be: given the embeddings, affinely independent, the step has one set of answers, which must be a
single 1 among zeros for each image. PyTorch then repeats the step with these labels, and the loss and the accuracy of
the step's row in the metrics are compared with its own.
"""

import argparse
import json

import torch
from torch.nn import functional as F

from common import BadInput, Report, below, load, run
from models import Online

NEAR, ANSWER = 1e-9, 1e-6


@torch.no_grad()
def embeddings_of(trace, meta):
    online = Online(meta["resnetType"], meta["stem"], meta["hiddenDim"], meta["zDim"]).double()
    online.load_state_dict(below(trace, "online.before."), strict=True)
    both = torch.cat([trace["view1"], trace["view2"]]).double()
    return online.train().encoder(both)[: len(trace["view1"])]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("before", "after", "trace", "metrics"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--learning_rate", type=float, required=True)
    parser.add_argument("--momentum", type=float, required=True)
    options = parser.parse_args()
    before, after = (below(load(path)[0], "online_probe.") for path in (options.before, options.after))
    trace, meta = load(options.trace)
    if meta["dtype"] != "float64" or meta["bnViews"] != "joint":
        raise BadInput("Cannot check the online probe: expected a float64 trace with joint batch statistics")
    embeddings = embeddings_of(trace, meta)
    images = len(embeddings)
    embeddings = embeddings - embeddings.mean(0)
    embeddings = embeddings / embeddings.square().sum(1).mean().sqrt()

    report = Report("online probe")
    logits = F.linear(embeddings, before["weight"], before["bias"])
    gradients = [after[f"momentum.{n}"] - options.momentum * before[f"momentum.{n}"] for n in ("weight", "bias")]
    gradient = torch.cat([gradients[0], gradients[1][:, None]], 1)
    # gradient = (softmax - answers)^T [embeddings, 1] / images
    inputs = torch.cat([embeddings, torch.ones(images, 1, dtype=torch.float64)], 1)
    answers = logits.softmax(1) - images * torch.linalg.lstsq(inputs.T, gradient.T, driver="gelsd").solution
    labels = answers.argmax(1)
    truth = F.one_hot(labels, logits.shape[1]).double()
    report.check("answers are ones among zeros", (answers - truth).abs().max().item(), ANSWER)

    weight, bias = before["weight"].clone().requires_grad_(), before["bias"].clone().requires_grad_()
    sgd = torch.optim.SGD([weight, bias], lr=options.learning_rate, momentum=options.momentum)
    for parameter, name in ((weight, "weight"), (bias, "bias")):
        sgd.state[parameter]["momentum_buffer"] = before[f"momentum.{name}"].clone()
    loss = F.cross_entropy(F.linear(embeddings, weight, bias), labels)
    loss.backward()
    sgd.step()
    for parameter, name in ((weight, "weight"), (bias, "bias")):
        buffer = sgd.state[parameter]["momentum_buffer"]
        for label, ours, theirs in ((name, after[name], parameter), (f"momentum.{name}", after[f"momentum.{name}"], buffer)):
            report.check(label, (ours - theirs.detach()).norm().item(), NEAR * theirs.norm().item())

    with open(options.metrics, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    row = next(row for row in rows if row["kind"] == "train" and row["step"] == meta["step"])
    report.check("probe_loss", abs(row["probe_loss"] - loss.item()), NEAR * loss.item())
    right = 100 * (logits.argmax(1) == labels).double().mean().item()
    report.check("probe_top1", abs(row["probe_top1"] - right), NEAR)
    return report.finish()


if __name__ == "__main__":
    run(main)
