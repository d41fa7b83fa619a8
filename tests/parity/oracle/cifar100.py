"""CIFAR-100's Python archive in the layout of the official one, with made-up images.

  python cifar100.py FOLDER
      Writes the archive, and prints its classes and the SHA-256 over images, then fine labels, of both halves.
"""

import hashlib
import io
import json
import pickle
import sys
import tarfile
from pathlib import Path

import numpy as np

FOLDER = "cifar-100-python"


def half(count, seed):
    """The dictionary of one half, as the official files have it, and its SHA-256."""
    random = np.random.default_rng(seed)
    data = np.repeat(random.integers(0, 256, (count, 48), dtype=np.uint8), 64, axis=1)
    fine = random.integers(0, 100, count).tolist()
    entry = {
        "filenames": [f"image_s_{index:06d}.png" for index in range(count)],
        "batch_label": "batch 1 of 1",
        "fine_labels": fine,
        "coarse_labels": [label % 20 for label in fine],
        "data": data,
    }
    return entry, hashlib.sha256(data.tobytes() + bytes(fine)).hexdigest()


def main():
    [path] = sys.argv[1:]
    names = [f"class_{number:02d}" for number in range(100)]
    meta = {"fine_label_names": names, "coarse_label_names": [f"coarse_{number}" for number in range(20)]}
    entries, digests = {"meta": meta}, {}
    for name, count, seed in (("train", 50_000, 1), ("test", 10_000, 2)):
        entries[name], digests[name] = half(count, seed)
    with tarfile.open(Path(path) / f"{FOLDER}.tar.gz", "w:gz", compresslevel=1) as archive:
        for name, entry in entries.items():
            content = pickle.dumps(entry, protocol=2)
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    print(json.dumps({"classes": names, "digests": digests}))


if __name__ == "__main__":
    main()
