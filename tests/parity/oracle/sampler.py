"""Sampled view parameters against torchvision's own transforms.

  python sampler.py PARAMETERS --recipe=RECIPE --height=32 --width=32 [--seed=0]

PARAMETERS: JSON lines, one ViewParameters object a line (see views.py), at least 1,000, better 10,000, all drawn with the
ViewRecipe in the JSON file RECIPE for images of height x width: {cropSize, cropScale, cropRatio, flipProbability,
jitterProbability, brightness, contrast, saturation, hue, grayscaleProbability, blurProbability, blurSigma, blurKernel,
solarizeProbability, solarizeThreshold}.

As many sets are drawn from torchvision.transforms.v2 (RandomResizedCrop, ColorJitter, GaussianBlur: make_params). Each
number is compared by a two-sample Kolmogorov-Smirnov test, jitter's order by chi-square over its 24 permutations, each
probability by a normal test of the count, and pairs of decisions that must not depend on each other by their correlation.
Every p-value must exceed 0.001 (the correlations', of which there are many: 0.001 divided by their number). The report's
"difference" is the p-value, its "allowed" what that must exceed.
"""

import argparse
import itertools
import json
import math

import numpy as np
import torch
from torchvision.transforms import v2

from common import BadInput, Report, run

P_ALLOWED = 0.001


def kolmogorov_smirnov(a, b):
    """p-value of the two-sample test, by the asymptotic distribution (conservative where values tie)."""
    a, b = np.sort(a), np.sort(b)
    everything = np.concatenate([a, b])
    apart = np.searchsorted(a, everything, "right") / len(a) - np.searchsorted(b, everything, "right") / len(b)
    effective = math.sqrt(len(a) * len(b) / (len(a) + len(b)))
    x = (effective + 0.12 + 0.11 / effective) * np.abs(apart).max()
    if x < 0.2:
        return 1.0  # the series below converges slowly there, towards 1
    return float(np.clip(2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * x) ** 2) for k in range(1, 101)), 0, 1))


def chi_square(counts):
    """p-value of equal probabilities."""
    expected = sum(counts) / len(counts)
    statistic = sum((c - expected) ** 2 / expected for c in counts)
    half = torch.tensor([(len(counts) - 1) / 2, statistic / 2], dtype=torch.float64)
    return torch.special.gammaincc(half[0], half[1]).item()


def normal(z):
    return math.erfc(abs(z) / math.sqrt(2))


def bernoulli(hits, count, probability):
    if probability in (0, 1):
        return 1.0 if hits == probability * count else 0.0
    return normal((hits - count * probability) / math.sqrt(count * probability * (1 - probability)))


def crop_numbers(boxes, height, width):
    """The four numbers of a box, and what the published distribution is about: area, ratio, position."""
    top, left, h, w = (np.array([box[k] for box in boxes], dtype=float) for k in ("top", "left", "height", "width"))
    return {
        "top": top, "left": left, "height": h, "width": w, "area": h * w / (height * width), "logRatio": np.log(w / h),
        "relativeTop": top / np.maximum(height - h, 1), "relativeLeft": left / np.maximum(width - w, 1),
    }


def theirs(recipe, count, height, width):
    image = torch.empty(3, height, width)
    crop = v2.RandomResizedCrop(recipe["cropSize"], tuple(recipe["cropScale"]), tuple(recipe["cropRatio"]))
    jitter = v2.ColorJitter(recipe["brightness"], recipe["contrast"], recipe["saturation"], recipe["hue"])
    blur = v2.GaussianBlur(recipe["blurKernel"], tuple(recipe["blurSigma"]))
    numbers = crop_numbers([crop.make_params([image]) for _ in range(count)], height, width)
    colours = [jitter.make_params([image]) for _ in range(count)]
    for name, neutral in (("brightness", 1), ("contrast", 1), ("saturation", 1), ("hue", 0)):
        # torchvision says None where the strength is 0: the operation then does nothing.
        values = [c[f"{name}_factor"] for c in colours]
        numbers[name] = np.array([neutral if v is None else v for v in values], dtype=float)
    numbers["blurSigma"] = np.array([blur.make_params([image])["sigma"][0] for _ in range(count)])
    return numbers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parameters")
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--height", type=int, required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    recipe = json.load(open(options.recipe))
    with open(options.parameters) as file:
        views = [json.loads(line) for line in file if line.strip()]
    count = len(views)
    if count < 1000:
        raise BadInput(f"Cannot judge a sampler from {count} draws: expected at least 1000")

    report = Report("sampler")
    p_values = report.extra["p"] = {}

    def check(name, p, allowed=P_ALLOWED):
        p_values[name] = float(f"{p:.4g}")
        report.rows.append((allowed / max(p, 1e-300), name, p, allowed))
        report.require(p > allowed, f"{name}: p = {p:.3g}, expected more than {allowed:.3g}")

    ours = crop_numbers(views, options.height, options.width)
    inside = all(v["top"] >= 0 and v["left"] >= 0 and v["top"] + v["height"] <= options.height
                 and v["left"] + v["width"] <= options.width and min(v["height"], v["width"]) > 0 for v in views)
    report.require(inside, "crop: a box reaches outside its image")
    jitters = [v["jitter"] for v in views if v["jitter"] is not None]
    for name in ("brightness", "contrast", "saturation", "hue"):
        ours[name] = np.array([j[name] for j in jitters], dtype=float)
    ours["blurSigma"] = np.array([v["blurSigma"] for v in views if v["blurSigma"] is not None], dtype=float)
    for name, values in theirs(recipe, count, options.height, options.width).items():
        if len(ours[name]):
            # Rounded to float32 on both sides: a constant (a strength of 0) must not differ in its last bits.
            check(name, kolmogorov_smirnov(ours[name].astype(np.float32), values.astype(np.float32)))
    if jitters:
        orders = list(itertools.permutations(range(4)))
        seen = [tuple(j["order"]) for j in jitters]
        report.require(set(seen) <= set(orders), "order: not a permutation of 0, 1, 2, 3")
        check("order", chi_square([seen.count(order) for order in orders]))

    decisions = {
        "flip": [v["flip"] for v in views], "jitter": [v["jitter"] is not None for v in views],
        "grayscale": [v["grayscale"] for v in views], "blur": [v["blurSigma"] is not None for v in views],
        "solarize": [v["solarize"] is not None for v in views],
    }
    for name, hits in decisions.items():
        check(f"{name} probability", bernoulli(sum(hits), count, recipe[f"{name}Probability"]))
    thresholds = {v["solarize"] for v in views if v["solarize"] is not None}
    report.require(all(abs(t - recipe["solarizeThreshold"]) < 1e-6 for t in thresholds), f"solarize: thresholds {sorted(thresholds)[:3]}")

    # Independent draws do not correlate; one number used for two decisions does. The numbers of one crop do depend on each
    # other (a box as high as the image has top 0), so only decisions are paired with them.
    columns = {k: np.array(v, dtype=float) for k, v in decisions.items()}
    pairs = [(a, b, columns[a], columns[b]) for a, b in itertools.combinations(columns, 2)]
    crop = ("area", "logRatio", "relativeTop", "relativeLeft")
    pairs += [(a, b, columns[a], ours[b]) for a, b in itertools.product(columns, crop)]
    inner = ("brightness", "contrast", "saturation", "hue")
    columns = {k: ours[k] for k in inner} | {"first": np.array([j["order"][0] for j in jitters], dtype=float)}
    pairs += [(a, b, columns[a], columns[b]) for a, b in itertools.combinations(columns, 2)]
    pairs += [("area", k, ours["area"][np.array(decisions["jitter"])], ours[k]) for k in inner]
    pairs = [pair for pair in pairs if len(pair[2]) > 2 and pair[2].std() > 0 and pair[3].std() > 0]
    for a, b, x, y in pairs:
        p = normal(np.corrcoef(x, y)[0, 1] * math.sqrt(len(x)))
        report.require(p > P_ALLOWED / len(pairs), f"{a} and {b} depend on each other: p = {p:.3g}")
    report.extra |= {"draws": count, "pairs": len(pairs), "smallestP": min(p_values.values())}
    return report.finish()


if __name__ == "__main__":
    run(main)
