"""Our linear probe and k-nearest-neighbour classifier against PyTorch's.

  python probe.py linear FILE
      safetensors: features [N,D], labels int64 [N]; order int64 [K], the row of `features` used by each presented example, in
      order; sizes int64 [S], examples in each of the S steps (their sum is K); lrs float64 [S]; init.weight [C,D], init.bias
      [C]; weight, bias: ours after the last step; test.features [M,D], test.labels [M]; test.predictions int64 [M], ours;
      optional test.top5 int64 [M,5], ours, best first. Metadata "byol": {momentum, weightDecay, top1, top5} (top1, top5:
      our accuracies in percent, optional). The type of `features` is the type of the run.
      PyTorch trains the same nn.Linear with cross-entropy (mean over the step) and torch.optim.SGD(nesterov=True). float64:
      weights to 1e-9 of their norm and every prediction equal; float32: weights to 1e-4, predictions all but 0.1 %.
      A features file may hold each epoch's augmented rows one after another; `order` then simply counts up.

  python probe.py knn FILE
      safetensors: train.features [N,D], train.labels int64 [N], test.features [M,D], test.labels int64 [M], predictions int64
      [M], ours; optional scores [M,C], our sum of weights of each class, relative to the nearest neighbour's weight; metadata {k, temperature, classes, top1 (percent,
      optional)}. Features as the encoder gives them.
      Published definition (Wu et al. 2018): cosine similarity, the k most similar, weights exp(similarity / temperature), the
      class with the largest sum. Predictions equal: float64 all, float32 all but 0.1 % (compared with the float64 truth);
      each row of scores to 1e-9 or 1e-4 of its norm (predictions alone hardly notice one neighbour more or less of
      200). Where float32 cannot tell which of several images is the k-th neighbour, because their similarities differ
      from the k-th by no more than the rounding of a cosine, either choice is right: such a row may differ by the
      weights of those images too. At most 5 % of the rows may be such.
"""

import argparse

import torch
from torch import nn
from torch.nn import functional as F

from common import BadInput, Report, distance, load, need, run

WEIGHTS = {torch.float64: 1e-9, torch.float32: 1e-4}
WRONG_SHARE = {torch.float64: 0.0, torch.float32: 1e-3}
PERCENT = 1e-9
# Rounding of a cosine of two float32 rows: a few units in the last place of 1 (6e-8).
TIE = {torch.float64: 0.0, torch.float32: 5e-7}
TIED_SHARE = 0.05


def check_accuracy(report, name, meta, correct):
    if name in meta:
        report.check(f"{name} (percent)", abs(meta[name] - 100 * correct.double().mean().item()), PERCENT)


def check_predictions(report, name, ours, truth, allowed_share):
    if ours.shape != truth.shape:
        raise BadInput(f"Cannot compare {name} of shape {tuple(ours.shape)}: expected {tuple(truth.shape)}")
    rows = (ours.long() != truth).reshape(len(truth), -1).any(dim=1)
    report.check(f"{name}: share of rows that differ", rows.double().mean().item(), allowed_share)
    if rows.any():
        report.extra[f"{name} differ"] = rows.nonzero().flatten()[:10].tolist()


def linear(path):
    tensors, meta = load(path)

    def get(name):
        return need(tensors, name, path)

    features, labels, order, sizes, lrs = (get(n) for n in ("features", "labels", "order", "sizes", "lrs"))
    if sizes.sum() != len(order) or len(sizes) != len(lrs):
        raise BadInput(f"Cannot train {len(sizes)} steps with {len(lrs)} rates on {len(order)} examples: expected sizes to add up")
    dtype = features.dtype
    classes, width = get("init.weight").shape
    model = nn.Linear(width, classes, dtype=dtype)
    model.load_state_dict({"weight": get("init.weight"), "bias": get("init.bias")}, strict=True)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.1, momentum=meta["momentum"], weight_decay=meta["weightDecay"], nesterov=True
    )
    for rows, lr in zip(order.split(sizes.tolist()), lrs.tolist()):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        F.cross_entropy(model(features[rows]), labels[rows]).backward()
        optimizer.step()

    report = Report("linear probe")
    for name in ("weight", "bias"):
        truth = model.get_parameter(name)
        report.require(get(name).dtype == dtype, f"{name}: has type {get(name).dtype}, expected {dtype}")
        report.check(name, distance(get(name), truth), WEIGHTS[dtype] * truth.double().norm().item())
    with torch.no_grad():
        best = model(get("test.features")).topk(min(5, classes), dim=1).indices
    ours = get("test.predictions")
    check_predictions(report, "test.predictions", ours, best[:, 0], WRONG_SHARE[dtype])
    check_accuracy(report, "top1", meta, ours == get("test.labels"))
    if "test.top5" in tensors:
        check_predictions(report, "test.top5", tensors["test.top5"], best, WRONG_SHARE[dtype])
    correct = (best == get("test.labels")[:, None]).any(dim=1)
    if dtype == torch.float64 or "test.top5" in tensors:
        top5 = tensors.get("test.top5", best)
        check_accuracy(report, "top5", meta, (top5 == get("test.labels")[:, None]).any(dim=1))
    report.extra |= {"steps": len(lrs), "top1": 100 * (best[:, 0] == get("test.labels")).double().mean().item(),
                     "top5": 100 * correct.double().mean().item()}
    return report.finish()


def nearest_classes(train, labels, test, k, temperature, classes, tie):
    """Summed weights of each class [M,C] and, where others are tied with the k-th neighbour, the weights of the tied
    [M], both relative to the nearest neighbour's weight; in float64, in blocks so that the similarities of a whole test
    set need not fit."""
    train, scores, tied = F.normalize(train.double(), dim=1), [], []
    for block in F.normalize(test.double(), dim=1).split(256):
        all_similarities = block @ train.T
        similarity, rows = all_similarities.topk(k, dim=1)
        votes = torch.zeros(len(block), classes, dtype=torch.float64)
        nearest = (similarity[:, :1] / temperature).exp()
        scores.append(votes.scatter_add_(1, labels[rows], (similarity / temperature).exp()) / nearest)
        last = similarity[:, -1:]
        near = (all_similarities - last).abs() <= tie
        # Ties within the k, all of which count, leave no choice.
        choice = near.sum(dim=1) > (similarity - last <= tie).sum(dim=1)
        weights = ((all_similarities / temperature).exp() * near).sum(dim=1) / nearest.squeeze(1)
        tied.append(torch.where(choice, weights, 0.0))
    return torch.cat(scores), torch.cat(tied)


def check_scores(report, ours, truth, tied, tolerance):
    """Row by row: the norm of all scores together would hide a row of small ones."""
    if ours.shape != truth.shape:
        raise BadInput(f"Cannot compare scores of shape {tuple(ours.shape)}: expected {tuple(truth.shape)}")
    differences = (ours.double() - truth).norm(dim=1)
    allowed = tolerance * truth.norm(dim=1) + tied
    row = (differences / allowed).nan_to_num(nan=float("inf")).argmax()
    report.check(f"scores of test image {row.item()}", differences[row].item(), allowed[row].item())
    report.check("share of rows tied at the k-th neighbour", (tied > 0).double().mean().item(), TIED_SHARE)


def knn(path):
    tensors, meta = load(path)
    train, labels, test, ours = (need(tensors, n, path) for n in ("train.features", "train.labels", "test.features", "predictions"))
    k = meta["k"]
    if k > len(train):
        raise BadInput(f"Cannot take {k} neighbours of {len(train)} training images: expected no more than there are")
    dtype = train.dtype
    scores, tied = nearest_classes(train, labels, test, k, meta["temperature"], meta["classes"], TIE[dtype])
    truth = scores.argmax(dim=1)
    report = Report("k-NN")
    if "scores" in tensors:
        check_scores(report, tensors["scores"], scores, tied, WEIGHTS[dtype])
    check_predictions(report, "predictions", ours, truth, WRONG_SHARE[dtype])
    test_labels = need(tensors, "test.labels", path)
    check_accuracy(report, "top1", meta, ours == test_labels)
    report.extra["top1"] = 100 * (truth == test_labels).double().mean().item()
    return report.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("linear", "knn"))
    parser.add_argument("file")
    options = parser.parse_args()
    return {"linear": linear, "knn": knn}[options.mode](options.file)


if __name__ == "__main__":
    run(main)
