"""Our decoders against Pillow, over whole, odd and damaged files.

  python photos.py make FOLDER [PHOTO …]
      Writes the files of odd_jpegs.py, odd_pngs.py and odd_images.py, and copies of photos, as FOLDER/<number>.JPEG; prints
      their names.
  python photos.py compare FOLDER PIXELS [--own]
      FOLDER/decoded.json: for each of the names in their order {width, height, crc32} or {problem}; PIXELS/<number>.rgb:
      the file's pixels, unless they are many. --own: these are the JPEG files alone, decoded by the core's own decoder.

Pillow opens a file where torchvision's loader does: Image.open(file).convert("RGB"), which reads all of it. What Pillow
opens as one of FORMATS must be opened, with the same size and pixels: the same bytes, but of a JPEG by the core's own
decoder, within OWN_MEAN on average, of files that are not damaged. These differ: 16-bit gray, whose high byte is taken
where Pillow makes every value above 255 white; the files of OWN_DIFFERS; those of REFUSED, whose values have no fixed
range; and damaged files of odd_images.py, which may be refused.
The report counts in "groups", for each group of files, those that both open, both refuse, we alone open, Pillow alone opens.
"""

import argparse
import collections
import json
import os
import pathlib
import warnings
import zlib

import numpy as np
from PIL import Image

import odd_images
import odd_jpegs
import odd_pngs
from common import Report, run

# Of 255; the core's own decoder interpolates colours that are stored at half the resolution in another way.
OWN_MEAN = 3.0
# What the core's own decoder refuses, or decodes into other colours: kinds of JPEG that cameras and programs do not write.
OWN_DIFFERS = {"jpeg/kinds/arithmetic_sequential", "jpeg/kinds/arithmetic_progressive", "jpeg/kinds/lossless_gray",
               "jpeg/kinds/lossless_rgb", "jpeg/kinds/lossless_123", "jpeg/kinds/lossless_cmyk", "jpeg/kinds/factors_31",
               "jpeg/kinds/factors_chroma", "jpeg/kinds/ids_same", "jpeg/segments_of_others/without_dht"}
FORMATS = {"JPEG", "MPO", "PNG", "TIFF", "WEBP", "BMP", "PPM"}
# Kinds of TIFF that are refused, and why: 32 bits a sample.
REFUSED = {"tiff/kinds/tifffile_<_float": "floating point of 32 bits", "tiff/kinds/tifffile_>_float": "floating point of 32 bits",
           "tiff/kinds/tifffile_<_of_32_bits": "whole numbers of 32 bits"}


def make(folder, photos):
    files = {f"jpeg/{name}": file for name, file in odd_jpegs.files().items()}
    files |= {f"jpeg/photos/{os.path.basename(path)}": pathlib.Path(path).read_bytes() for path in photos}
    files |= {f"png/{name}": file for name, file in odd_pngs.files().items()} | odd_images.files()
    names = list(files)
    for number, file in enumerate(files.values()):
        pathlib.Path(folder, f"{number}.JPEG").write_bytes(file)
    pathlib.Path(folder, "names.json").write_text(json.dumps(names))
    print(json.dumps(names))
    return 0


def opened(path):
    """Pillow's picture and format, or None and the reason."""
    try:
        with open(path, "rb") as file:
            image = Image.open(file)
            kind, mode = image.format, image.mode
            if mode.startswith("I"):
                # With a sign only in TIFF, and there from the least value to the largest.
                values = np.asarray(image).astype(np.int32) + (32768 if mode == "I" and kind == "TIFF" else 0)
                return np.repeat((values >> 8).astype(np.uint8)[..., None], 3, axis=2), kind
            return np.asarray(image.convert("RGB")), kind
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def compare(folder, pixels, own):
    report = Report("our decoders equal Pillow's")
    groups = collections.defaultdict(lambda: {"both": 0, "neither": 0, "ours alone": 0, "Pillow alone": 0})
    names, found = (json.loads(pathlib.Path(folder, name).read_text()) for name in ("names.json", "decoded.json"))
    if own:
        names = [name for name in names if name.startswith("jpeg/")]
    report.require(len(names) == len(found), f"{len(found)} answers for {len(names)} files")
    for number, (name, mine) in enumerate(zip(names, found)):
        picture, kind = opened(os.path.join(folder, f"{number}.JPEG"))
        group = groups["/".join(name.split("/")[:2])]
        if picture is None or kind not in FORMATS:
            if "problem" in mine:
                group["neither"] += 1
            else:
                group["ours alone"] += 1
            continue
        if "problem" in mine:
            group["Pillow alone"] += 1
            if own and name in OWN_DIFFERS or REFUSED.get(name, "?") in mine["problem"]:
                continue
            if "/damaged/" in name and not name.startswith(("jpeg", "png")):
                continue
            report.failures.append(f"{name}: Pillow opens it as {kind} ({picture.shape}), we say: {mine['problem']}")
            continue
        group["both"] += 1
        height, width = picture.shape[:2]
        if not (mine["width"] == width and mine["height"] == height):
            report.failures.append(f"{name}: {mine['width']} x {mine['height']}, expected {width} x {height}")
        elif not own:
            report.rows.append((0.0, name, 0.0, 0.0))
            if zlib.crc32(np.ascontiguousarray(picture)) != mine["crc32"]:
                report.failures.append(f"{name}: other pixels{difference(picture, pixels, number)}")
        elif name not in OWN_DIFFERS and not name.startswith(("jpeg/damaged", "jpeg/large")):
            bytes_ = np.fromfile(os.path.join(pixels, f"{number}.rgb"), np.uint8).reshape(picture.shape)
            report.check(name, float(np.abs(bytes_.astype(int) - picture).mean()), OWN_MEAN)
    report.extra["groups"] = groups
    return report.finish()


def difference(picture, pixels, number):
    path = os.path.join(pixels, f"{number}.rgb")
    if not os.path.exists(path):
        return ""
    distance = np.abs(np.fromfile(path, np.uint8).reshape(picture.shape).astype(int) - picture)
    return f", by {distance.max()} at most, {distance.mean():.2f} on average"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["make", "compare"])
    parser.add_argument("folder")
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--own", action="store_true")
    options = parser.parse_args()
    # Of files that claim more pixels than Pillow warns of, and of broken EXIF.
    warnings.simplefilter("ignore")
    if options.what == "make":
        return make(options.folder, options.paths)
    # libtiff prints what is wrong with a file.
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        return compare(options.folder, options.paths[0], options.own)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


if __name__ == "__main__":
    run(main)
