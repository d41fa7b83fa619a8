"""Fits scikit-learn's LogisticRegression, by L-BFGS, to the embeddings that ours was fitted to.

  python logistic.py EMBEDDINGS PROBE …
      EMBEDDINGS: safetensors with `features` [N, D] and `labels` [N], float64. PROBE: `weight` and `bias`, fitted to all
      of them; metadata "byol": {strength}. The same objective, C = 1/strength. Coefficients and intercepts to 1e-5 of
      their norm, the objective to 1e-10 of its value, the answers the same.

  python logistic.py test TRAIN TEST STRENGTH
      Prints the accuracy in percent on TEST of a regression on TRAIN, both as EMBEDDINGS, in "extra".
"""

import argparse

import torch
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from torch.nn import functional as F

from common import Report, distance, load, run

NEAR, SAME_LOSS = 1e-5, 1e-10


def fitted(path, strength, tolerance=1e-12):
    tensors, _ = load(path)
    features, labels = tensors["features"].double().numpy(), tensors["labels"].numpy()
    # Centred and divided by one number, which C and the intercepts make up for: scikit-learn ends far from the minimum
    # on numbers far from 0 and 1. The objective below is that of the features as they are.
    mean = features.mean(axis=0)
    scale = (features - mean).std()
    model = LogisticRegression(C=scale**2 / strength, solver="lbfgs", tol=tolerance, max_iter=20_000)
    # One thread, as PyTorch has.
    with threadpool_limits(1):
        model.fit((features - mean) / scale, labels)
    weight = torch.from_numpy(model.coef_ / scale)
    bias = torch.from_numpy(model.intercept_) - weight @ torch.from_numpy(mean)
    return weight, bias, torch.from_numpy(features), torch.from_numpy(labels)


def objective(weight, bias, features, labels, strength):
    loss = F.cross_entropy(F.linear(features, weight, bias), labels, reduction="sum")
    return (loss + strength / 2 * weight.square().sum()).item()


def compare(embeddings, probes):
    report = Report("logistic regression")
    for path in probes:
        ours, meta = load(path)
        strength = meta["strength"]
        weight, bias, features, labels = fitted(embeddings, strength)
        name = f"strength {strength:g}"
        report.check(f"{name}: coefficients", distance(ours["weight"], weight), NEAR * weight.norm().item())
        report.check(f"{name}: intercepts", distance(ours["bias"], bias), NEAR * bias.norm().item())
        losses = [objective(*pair, features, labels, strength) for pair in ((ours["weight"], ours["bias"]), (weight, bias))]
        report.check(f"{name}: objective", abs(losses[0] - losses[1]), SAME_LOSS * losses[1])
        answers = [F.linear(features, *pair).argmax(dim=1) for pair in ((ours["weight"], ours["bias"]), (weight, bias))]
        report.require(bool((answers[0] == answers[1]).all()), f"{name}: other answers")
    return report.finish()


def test(train, other, strength):
    weight, bias, _, _ = fitted(train, float(strength), tolerance=1e-6)
    tensors, _ = load(other)
    answers = F.linear(tensors["features"].double(), weight, bias).argmax(dim=1)
    report = Report("logistic regression, tested")
    report.extra["extra"] = {"top1": 100 * (answers == tensors["labels"]).double().mean().item()}
    return report.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    first, *others = parser.parse_args().files
    return test(*others) if first == "test" else compare(first, others)


if __name__ == "__main__":
    run(main)
