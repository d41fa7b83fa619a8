"""Our rendered views against torchvision.transforms.v2.functional.

  python views.py images --out=FILE [--size=64] PHOTO …     decode photos (or take a CIFAR-10 .bin file's first images, --count)
                                                            and write the source file; without --size, keep their sizes
  python views.py cases --images=FILE --out=CASES [--crop_size=32] [--blur_kernel=3] [--resize=36] [--count=N] [--seed=0]
                                                            [--mean a b c --std a b c]: every operation alone, and all together
  python views.py compare --images=FILE --cases=CASES --views=FILE

Source file: safetensors, either images uint8 [N,3,H,W], or image.000 … uint8 [3,H,W] of any sizes.
Cases: JSON {
  "cropSize": 32, "blurKernel": 3,
  "mean": [r,g,b] | null, "std": [r,g,b] | null,                       null: the views are in [0,1], not normalised
  "cases": [ {"name": "hue", "image": 0, "parameters": ViewParameters}            a training view
           , {"name": "centre", "image": 0, "resize": 36} ] }                     the probe's test transform
ViewParameters: {top, left, height, width, flip, jitter: null | {order: [0 brightness, 1 contrast, 2 saturation, 3 hue in
any order], brightness, contrast, saturation, hue}, grayscale, blurSigma: null | number, solarize: null | threshold in [0,1]}.
Views file: safetensors, views float32 [cases, 3, cropSize, cropSize] (NCHW).

Conventions. The truth is torchvision on float images in [0,1]. The bicubic resize (antialias=True: PIL's filter, a = -0.5,
widened by the scale when shrinking) is done columns first, then rows, and clamped to [0,1] after each: on bytes, where PIL,
torchvision and the reference program work, each pass saturates; torchvision's own float resize clamps nowhere and
differs there by up to 6/255 at sharp edges. So the crop is asked for one axis at a time here, and cases that only crop
or resize are compared with torchvision's unaltered uint8 result too. The blur reflects at the border without repeating the edge.
Cases that crop, resize or blur must agree within 2/255, all others within 1/255, in [0,1] units. A pixel whose value just
before solarize is within that tolerance of the threshold may fall on either side, and only such a pixel; where nothing resamples
or recolours before solarize, the values are exact bytes and there is no such band. The report also says how far the
views are from torchvision on 8-bit images, which rounds or truncates after every operation ("worst8bit").
"""

import argparse
import json
import random

import numpy as np
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as F
from torchvision.transforms.v2 import InterpolationMode

from common import BadInput, Report, load, need, run, save

EXACT, RESAMPLED = 1 / 255, 2 / 255
BICUBIC = {"interpolation": InterpolationMode.BICUBIC, "antialias": True}
JITTER = ("brightness", "contrast", "saturation", "hue")
ADJUST = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)


def resized(x, height, width):
    if not x.is_floating_point():
        return F.resize(x, [height, width], **BICUBIC)
    # Bicubic overshoots at edges; bytes saturate there after each pass, floats must be clamped to mean the same image.
    x = F.resize(x, [x.shape[-2], width], **BICUBIC).clamp(0, 1)
    return F.resize(x, [height, width], **BICUBIC).clamp(0, 1)


def smaller_side(x, side):
    """Resize's rule for one number: the smaller side becomes `side`, the longer one keeps the ratio, rounded down."""
    height, width = x.shape[-2:]
    if height <= width:
        return side, int(side * width / height)
    return int(side * height / width), side


def up_to_solarize(x, case, cases):
    """All operations before solarize, on a float image in [0,1] or on bytes."""
    size = [cases["cropSize"]] * 2
    if "resize" in case:
        return F.center_crop(resized(x, *smaller_side(x, case["resize"])), size)
    p = case["parameters"]
    x = resized(F.crop(x, p["top"], p["left"], p["height"], p["width"]), *size)
    if p["flip"]:
        x = F.horizontal_flip(x)
    if p["jitter"] is not None:
        for operation in p["jitter"]["order"]:
            x = ADJUST[operation](x, p["jitter"][JITTER[operation]])
    if p["grayscale"]:
        x = F.rgb_to_grayscale(x, num_output_channels=3)
    if p["blurSigma"] is not None:
        x = F.gaussian_blur(x, [cases["blurKernel"]] * 2, [p["blurSigma"]] * 2)
    return x


def only_resamples(case):
    p = case.get("parameters")
    return p is None or not (p["jitter"] or p["grayscale"] or p["flip"] or p["blurSigma"] or p["solarize"])


def unaltered(image, case, cases):
    """The one torchvision call on bytes."""
    size, p = [cases["cropSize"]] * 2, case.get("parameters")
    if p is None:
        return F.center_crop(F.resize(image, [case["resize"]], **BICUBIC), size)
    return F.resized_crop(image, p["top"], p["left"], p["height"], p["width"], size, **BICUBIC)


def is_identity_crop(case, cases):
    p = case.get("parameters")
    return p is not None and p["height"] == p["width"] == cases["cropSize"]


def tolerance(case, cases):
    if not is_identity_crop(case, cases) or case["parameters"]["blurSigma"] is not None:
        return RESAMPLED
    return EXACT


def difference(ours, image, case, cases):
    """Largest difference in [0,1] units outside the solarize band, the size of that band, and the 8-bit difference."""
    threshold = case.get("parameters", {}).get("solarize")
    x = up_to_solarize(image.float() / 255, case, cases)
    truths, band = [x], torch.zeros_like(x, dtype=torch.bool)
    if threshold is not None:
        p = case["parameters"]
        recoloured = p["jitter"] is not None or p["grayscale"]
        if recoloured or tolerance(case, cases) > EXACT or not is_identity_crop(case, cases):
            band = (x - threshold).abs() <= tolerance(case, cases)
        solarized = F.solarize(x, torch.tensor(threshold, dtype=torch.float32).item())
        truths = [solarized, torch.where(band, 1 - solarized, solarized)]
    if cases.get("mean") is not None:
        mean, std = (torch.tensor(cases[k]).view(3, 1, 1) for k in ("mean", "std"))
        # Normalise with torchvision and compare there, then scale the difference back to [0,1] units.
        apart = [(ours - F.normalize(t, cases["mean"], cases["std"])).abs() * std for t in truths]
        ours = ours * std + mean
    else:
        apart = [(ours - t).abs() for t in truths]
    worst = torch.stack(apart).amin(dim=0).max().item()

    if only_resamples(case):
        bytes8 = unaltered(image, case, cases)
    else:
        bytes8 = up_to_solarize(image, case, cases)
    if threshold is not None:
        bytes8 = F.solarize(bytes8, round(threshold * 255))
    off = (ours - bytes8.float() / 255).abs()
    return worst, int(band.sum()), off[~band].max().item() if (~band).any() else 0.0


def sources(path):
    tensors, _ = load(path)
    if "images" in tensors:
        return list(tensors["images"])
    return [tensors[name] for name in sorted(tensors) if name.startswith("image.")]


def compare(options):
    images = sources(options.images)
    cases = json.load(open(options.cases))
    views = need(load(options.views)[0], "views", options.views)
    size = cases["cropSize"]
    expected = (len(cases["cases"]), 3, size, size)
    if tuple(views.shape) != expected or views.dtype != torch.float32:
        raise BadInput(f"Cannot compare views {views.dtype} {tuple(views.shape)}: expected float32 {expected}")
    report, by_name = Report("views"), {}
    for number, (case, ours) in enumerate(zip(cases["cases"], views)):
        image = images[case["image"]]
        worst, band, off = difference(ours, image, case, cases)
        report.check(f"{case['name']} (case {number}, image {case['image']})", worst, tolerance(case, cases))
        if only_resamples(case):
            report.check(f"{case['name']} against uint8 (case {number}, image {case['image']})", off, RESAMPLED)
        row = by_name.setdefault(case["name"], {"cases": 0, "worst": 0.0, "worst8bit": 0.0, "solarizeBand": 0})
        row["cases"] += 1
        row["solarizeBand"] += band
        row["worst"], row["worst8bit"] = max(row["worst"], worst), max(row["worst8bit"], off)
    report.extra["operations"] = by_name
    return report.finish()


def write_images(options):
    images = []
    for path in options.photos:
        if path.endswith(".bin"):
            records = np.fromfile(path, dtype=np.uint8, count=3073 * options.count).reshape(-1, 3073)
            images += [torch.from_numpy(r[1:].reshape(3, 32, 32).copy()) for r in records]
            continue
        image = Image.open(path).convert("RGB")
        if options.size:
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            image = image.resize((options.size,) * 2, Image.BICUBIC, (left, top, left + side, top + side))
        images.append(torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy()))
    same = len({i.shape for i in images}) == 1
    save(options.out, {"images": torch.stack(images)} if same else {f"image.{n:03d}": i for n, i in enumerate(images)}, {})
    print(json.dumps({"what": "images", "ok": True, "images": len(images), "stacked": same}))
    return 0


def write_cases(options):
    """One operation at a time, at the ends and inside of its range, then all together; on every image."""
    rng, size, cases = random.Random(options.seed), options.crop_size, []
    for index, image in enumerate(sources(options.images)[: options.count]):
        height, width = image.shape[1:]

        def add(name, **changes):
            # A crop of the view's own size is copied, not resampled; smaller images can only be enlarged.
            h, w = min(height, size), min(width, size)
            plain = {
                "top": rng.randint(0, height - h), "left": rng.randint(0, width - w), "height": h, "width": w, "flip": False,
                "jitter": None, "grayscale": False, "blurSigma": None, "solarize": None,
            }
            cases.append({"name": name, "image": index, "parameters": plain | changes})

        def crop():
            h, w = rng.randint(max(1, height // 4), height), rng.randint(max(1, width // 4), width)
            return {"top": rng.randint(0, height - h), "left": rng.randint(0, width - w), "height": h, "width": w}

        def jitter(**factors):
            return {"order": rng.sample(range(4), 4), "brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0} | factors

        add("copy")
        add("flip", flip=True)
        for name, values in {
            "brightness": (0.6, 1.4, rng.uniform(0.6, 1.4)), "contrast": (0.6, 1.4, rng.uniform(0.6, 1.4)),
            "saturation": (0.8, 1.2, 0.0, rng.uniform(0.8, 1.2)), "hue": (-0.1, 0.1, 0.5, rng.uniform(-0.1, 0.1)),
        }.items():
            for value in values:
                add(name, jitter=jitter(**{name: value}))
        add("grayscale", grayscale=True)
        add("solarize", solarize=128 / 255)
        for sigma in (0.1, 2.0, rng.uniform(0.1, 2.0)):
            add("blur", blurSigma=sigma)
        for _ in range(3):
            add("crop", **crop())
        for _ in range(4):
            full = jitter(
                brightness=rng.uniform(0.6, 1.4), contrast=rng.uniform(0.6, 1.4), saturation=rng.uniform(0.8, 1.2),
                hue=rng.uniform(-0.1, 0.1),
            )
            gray, solarize = rng.random() < 0.3, 128 / 255 if rng.random() < 0.5 else None
            add("all", **crop(), flip=rng.random() < 0.5, jitter=full, grayscale=gray, blurSigma=rng.uniform(0.1, 2.0), solarize=solarize)
        if options.resize:
            cases.append({"name": "centre", "image": index, "resize": options.resize})
    with open(options.out, "w") as file:
        json.dump({
            "cropSize": size, "blurKernel": options.blur_kernel, "mean": options.mean, "std": options.std, "cases": cases,
        }, file)
    print(json.dumps({"what": "cases", "ok": True, "cases": len(cases)}))
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    sub = modes.add_parser("images")
    sub.add_argument("photos", nargs="+")
    sub.add_argument("--out", required=True)
    sub.add_argument("--size", type=int)
    sub.add_argument("--count", type=int, default=8)
    sub = modes.add_parser("cases")
    sub.add_argument("--images", required=True)
    sub.add_argument("--out", required=True)
    sub.add_argument("--crop_size", type=int, default=32)
    sub.add_argument("--blur_kernel", type=int, default=3)
    sub.add_argument("--resize", type=int)
    sub.add_argument("--count", type=int)
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("--mean", type=float, nargs=3)
    sub.add_argument("--std", type=float, nargs=3)
    sub = modes.add_parser("compare")
    for name in ("images", "cases", "views"):
        sub.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    return {"images": write_images, "cases": write_cases, "compare": compare}[options.mode](options)


if __name__ == "__main__":
    run(main)
