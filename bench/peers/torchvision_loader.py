"""What torchvision's loader delivers on one core: two finished, normalised float views of each image.

    python3 bench/peers/torchvision_loader.py FOLDER ROUNDS {pil,v2,crops}

FOLDER is one of class folders. pil: the reference program's transforms on PIL images; v2: the same by torchvision's
v2 transforms on decoded tensors; crops: PIL decoding with two crops and resizes alone. Prints JSON: images, seconds of
CPU time.
"""

import json
import sys
import time

import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms import v2

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def pil_view(blur, solarize):
    return v1.Compose([
        v1.RandomResizedCrop(224, scale=(0.08, 1), interpolation=Image.BICUBIC),
        v1.RandomHorizontalFlip(),
        v1.RandomApply([v1.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8),
        v1.RandomGrayscale(0.2),
        v1.RandomApply([v1.GaussianBlur(23, (0.1, 2.0))], p=blur),
        v1.RandomSolarize(128, p=solarize),
        v1.ToTensor(),
        v1.Normalize(MEAN, STD),
    ])


def v2_view(blur, solarize):
    return v2.Compose([
        v2.RandomResizedCrop(224, scale=(0.08, 1), interpolation=v2.InterpolationMode.BICUBIC, antialias=True),
        v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8),
        v2.RandomGrayscale(0.2),
        v2.RandomApply([v2.GaussianBlur(23, (0.1, 2.0))], p=blur),
        v2.RandomSolarize(128, p=solarize),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(MEAN, STD),
    ])


def crop():
    return v1.RandomResizedCrop(224, scale=(0.08, 1), interpolation=Image.BICUBIC)


class Two:
    def __init__(self, first, second):
        self.views = (first, second)

    def __call__(self, image):
        return [view(image) for view in self.views]


def main():
    folder, rounds, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if kind == "v2":
        data = ImageFolder(
            folder,
            Two(v2_view(1.0, 0.0), v2_view(0.1, 0.2)),
            loader=lambda path: decode_image(path, ImageReadMode.RGB),
        )
    elif kind == "pil":
        data = ImageFolder(folder, Two(pil_view(1.0, 0.0), pil_view(0.1, 0.2)))
    else:
        data = ImageFolder(folder, Two(crop(), crop()))
    collate = None if kind != "crops" else (lambda batch: batch)
    loader = DataLoader(data, batch_size=64, shuffle=True, num_workers=0, collate_fn=collate)
    images, start = 0, time.process_time()
    for _ in range(rounds):
        for batch in loader:
            images += len(batch) if kind == "crops" else len(batch[1])
    print(json.dumps({"images": images, "seconds": time.process_time() - start}))


if __name__ == "__main__":
    main()
