"""Our decoders against Pillow, over whole, odd and damaged files.

  python photos.py make FOLDER [PHOTO …]
      Writes the files of odd_jpegs.py, odd_pngs.py and odd_images.py, and copies of photos, as FOLDER/<number>.JPEG; prints
      their names.
  python photos.py compare FOLDER PIXELS [--own]
      FOLDER/decoded.json: for each of the names in their order {width, height, crc32} or {problem}; PIXELS/<number>.rgb:
      the file's pixels, unless they are many. --own: these are the JPEG files alone, decoded by the core's own decoder.
  python photos.py make_deep FOLDER
      Writes the images of 16 bits alone; prints their names.
  python photos.py compare_deep FOLDER
      FOLDER/decoded.json as above, FOLDER/<number>.rgb: their values. They must be those that OpenCV reads of PNG and TIFF,
      of planes tifffile; with a sign, from the least value to the largest; of PGM and PPM, scaled to 65535 as by Pillow.

Pillow opens a file where torchvision's loader does: Image.open(file).convert("RGB"), which reads all of it. What Pillow
opens as one of FORMATS must be opened, with the same size and pixels: the same bytes, but of a JPEG by the core's own
decoder, within OWN_MEAN on average, of files that are not damaged. These differ: 16-bit gray, whose high byte is taken
where Pillow makes every value above 255 white; the files of OWN_DIFFERS; those of REFUSED, whose values have no fixed
range; and damaged files of odd_images.py, which may be refused.
The report counts in "groups", for each group of files, those that both open, both refuse, we alone open, Pillow alone opens.
"""

import argparse
import collections
import io
import json
import os
import pathlib
import warnings
import zlib

import cv2
import numpy as np
import tifffile
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


def make_deep(folder):
    files = {name: file for name, file in odd_images.files().items() if name.startswith(("tiff/kinds", "pnm/kinds"))}
    files |= {f"png/{color}_{interlace}_{size}": odd_pngs.png(color=color, depth=16, interlace=interlace, size=size)
              for color in (odd_pngs.GRAY, odd_pngs.RGB, odd_pngs.GRAY_ALPHA, odd_pngs.RGBA) for interlace in (0, 1)
              for size in ((13, 9), (1, 1), (5, 300))}
    deep = {name: file for name, file in files.items() if values_of(name, file) is not None}
    for number, file in enumerate(deep.values()):
        pathlib.Path(folder, f"{number}.JPEG").write_bytes(file)
    pathlib.Path(folder, "names.json").write_text(json.dumps(list(deep)))
    print(json.dumps(list(deep)))
    return 0


def values_of(name, file):
    """The values of an image of 16 bits as height x width x 3; none of others."""
    if "multiplied" in name:
        return None
    if name.startswith("pnm"):
        words = file.split(None, 4)
        if len(words) < 5 or not words[0] in (b"P2", b"P3", b"P5", b"P6") or not words[3].isdigit():
            return None
        most, samples = int(words[3]), 3 if words[0] in (b"P3", b"P6") else 1
        width, height = int(words[1]), int(words[2])
        if not 255 < most < 65536 or name.endswith("short"):
            return None
        # One space ends the header, whatever the first values are.
        data = file[len(b"\n".join(words[:4])) + 1:]
        found = np.frombuffer(data, ">u2") if words[0] in (b"P5", b"P6") else np.array(words[4].split(), int)
        scaled = np.round(found.astype(float) / most * 65535).astype(np.uint16)
        return np.repeat(scaled.reshape(height, width, samples), 3 // samples, axis=2)
    if "planar16" in name:
        # OpenCV reads planes as if they were rows of pixels.
        return np.moveaxis(tifffile.imread(io.BytesIO(file)), 0, 2)
    found = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype not in (np.uint16, np.int16):
        return None
    found = (found.astype(np.int32) + (32768 if found.dtype == np.int16 else 0)).astype(np.uint16)
    found = found[..., None] if found.ndim == 2 else found
    return found[..., 2::-1] if found.shape[2] > 2 else np.repeat(found[..., :1], 3, axis=2)


def compare_deep(folder):
    report = Report("images of 16 bits keep their values")
    names, found = (json.loads(pathlib.Path(folder, name).read_text()) for name in ("names.json", "decoded.json"))
    for number, (name, mine) in enumerate(zip(names, found)):
        expected = values_of(name, pathlib.Path(folder, f"{number}.JPEG").read_bytes())
        if mine.get("bits") != 16:
            report.failures.append(f"{name}: {mine}")
            continue
        values = np.fromfile(os.path.join(folder, f"{number}.rgb"), "<u2").reshape(mine["height"], mine["width"], 3)
        same = values.shape == expected.shape and (values == expected).all()
        report.rows.append((0.0, name, 0.0, 0.0))
        if not same:
            report.failures.append(f"{name}: other values, {values.ravel()[:6]} and not {expected.ravel()[:6]}")
    return report.finish()


def difference(picture, pixels, number):
    path = os.path.join(pixels, f"{number}.rgb")
    if not os.path.exists(path):
        return ""
    distance = np.abs(np.fromfile(path, np.uint8).reshape(picture.shape).astype(int) - picture)
    return f", by {distance.max()} at most, {distance.mean():.2f} on average"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["make", "compare", "make_deep", "compare_deep"])
    parser.add_argument("folder")
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--own", action="store_true")
    options = parser.parse_args()
    # Of files that claim more pixels than Pillow warns of, and of broken EXIF.
    warnings.simplefilter("ignore")
    if options.what == "make":
        return make(options.folder, options.paths)
    if options.what.endswith("deep"):
        return make_deep(options.folder) if options.what == "make_deep" else compare_deep(options.folder)
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
