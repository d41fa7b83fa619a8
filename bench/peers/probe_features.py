"""Accuracies of embeddings by a linear probe and by their nearest neighbours, with standard errors.

  python probe_features.py TRAIN.npy TEST.npy [--held_out=N] [--exact=1017] [--device=cuda]

The files are those of `deno task embed`, with TRAIN.labels.npy and TEST.labels.npy beside. Three test sets: the test images; the first --exact of them, where only those
are the official ones; and the last --held_out training images (a tenth of them), with a probe of its own that was trained on the others.
The probe is a linear layer on standardised features: SGD with Nesterov momentum 0.9, batches of 256, 90 epochs, a cosine
from 0.1. k-NN as in the runs: k = 200, T = 0.1, cosine similarity. One JSON line for each set.
"""

import argparse
import json

import numpy as np
import torch
from torch.nn import functional as F

NEIGHBOURS, TEMPERATURE = 200, 0.1


def trained_probe(features, labels, classes, epochs=90, batch=256, lr=0.1):
    torch.manual_seed(0)
    layer = torch.nn.Linear(features.shape[1], classes).to(features.device)
    optimizer = torch.optim.SGD(layer.parameters(), lr=lr, momentum=0.9, nesterov=True)
    steps = epochs * ((len(features) + batch - 1) // batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(epochs):
        for indices in torch.randperm(len(features), device=features.device).split(batch):
            optimizer.zero_grad()
            F.cross_entropy(layer(features[indices]), labels[indices]).backward()
            optimizer.step()
            schedule.step()
    return layer


@torch.no_grad()
def nearest(bank, labels, features, classes):
    bank, features = F.normalize(bank), F.normalize(features)
    scores = []
    for part in features.split(1000):
        similarity, indices = (part @ bank.T).topk(min(NEIGHBOURS, len(bank)))
        votes = F.one_hot(labels[indices], classes) * (similarity / TEMPERATURE).exp().unsqueeze(2)
        scores.append(votes.sum(1))
    return torch.cat(scores)


def percent(hits):
    share = hits.double().mean().item()
    return round(100 * share, 2), round(100 * (share * (1 - share) / len(hits)) ** 0.5, 2)


def report(name, scores, neighbours, labels):
    order = scores.argsort(dim=1, descending=True)
    top1, error = percent(order[:, 0] == labels)
    top5, _ = percent((order[:, :5] == labels.unsqueeze(1)).any(1))
    knn, knn_error = percent(neighbours.argmax(1) == labels)
    print(json.dumps({"set": name, "images": len(labels), "linear_top1": top1, "standard_error": error,
                      "linear_top5": top5, "knn_top1": knn, "knn_standard_error": knn_error}))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs=2)
    parser.add_argument("--held_out", type=int, default=None)
    parser.add_argument("--exact", type=int, default=1017)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    names = [part for name in args.files for part in (name, name.replace(".npy", ".labels.npy"))]
    train, train_labels, test, test_labels = (torch.from_numpy(np.load(name)).to(args.device) for name in names)
    train_labels, test_labels = train_labels.long(), test_labels.long()
    held_out = args.held_out or len(train) // 10
    classes = int(train_labels.max()) + 1

    def standardised(bank, features):
        return (features.float() - bank.float().mean(0)) / (bank.float().std(0) + 1e-6)

    with torch.no_grad():
        whole, tested = standardised(train, train), standardised(train, test)
    probe = trained_probe(whole, train_labels, classes)
    with torch.no_grad():
        scores, neighbours = probe(tested), nearest(train.float(), train_labels, test.float(), classes)
    report("test", scores, neighbours, test_labels)
    first = slice(0, args.exact)
    report(f"first {args.exact} of test", scores[first], neighbours[first], test_labels[first])
    kept = slice(0, len(train) - held_out)
    left = slice(len(train) - held_out, None)
    probe = trained_probe(standardised(train[kept], train[kept]), train_labels[kept], classes)
    with torch.no_grad():
        scores = probe(standardised(train[kept], train[left]))
    neighbours = nearest(train[kept].float(), train_labels[kept], train[left].float(), classes)
    report("held-out training images", scores, neighbours, train_labels[left])


if __name__ == "__main__":
    main()
