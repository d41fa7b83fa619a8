"""CIFAR-10 for a journey: images.py sheets BATCHES FOLDER writes the official training batches as five pictures (85 MiB,
lossless WebP); images.py batches FOLDER BATCHES makes the batches again. Needs numpy and Pillow.

The test images stay at home: the test batch that is made holds the last 5,000 training images twice, so with
--hold_out=5000 the "test" and the held-out accuracies of an evaluation are of the same images."""
import multiprocessing
import pathlib
import sys

import numpy as np
from PIL import Image

CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()
RECORD = 3073


def sheet(batches, folder, number):
    records = np.fromfile(batches / f"data_batch_{number}.bin", np.uint8).reshape(10_000, RECORD)
    tiles = records[:, 1:].reshape(100, 100, 3, 32, 32).transpose(0, 3, 1, 4, 2)
    image = Image.fromarray(np.ascontiguousarray(tiles).reshape(3200, 3200, 3))
    image.save(folder / f"data_batch_{number}.webp", lossless=True, quality=100, method=6)
    return records[:, 0].tobytes()


def batch(folder, batches, number):
    labels = np.fromfile(folder / "labels.u8", np.uint8)[(number - 1) * 10_000 : number * 10_000]
    image = np.asarray(Image.open(folder / f"data_batch_{number}.webp").convert("RGB"))
    tiles = image.reshape(100, 32, 100, 32, 3).transpose(0, 2, 4, 1, 3).reshape(10_000, RECORD - 1)
    np.concatenate([labels[:, None], tiles], 1).tofile(batches / f"data_batch_{number}.bin")


def main():
    what, source, target = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    target.mkdir(parents=True, exist_ok=True)
    jobs = [(source, target, number) for number in range(1, 6)]
    with multiprocessing.Pool(5) as pool:
        found = pool.starmap({"sheets": sheet, "batches": batch}[what], jobs)
    if what == "sheets":
        (target / "labels.u8").write_bytes(b"".join(found))
        return
    last = (target / "data_batch_5.bin").read_bytes()[5000 * RECORD :]
    (target / "test_batch.bin").write_bytes(2 * last)
    (target / "batches.meta.txt").write_text("\n".join(CLASSES) + "\n\n")


if __name__ == "__main__":
    main()
