"""TIFF, WebP, BMP, PPM and PGM files made by Pillow, tifffile and OpenCV, whole, odd and damaged, as {name: bytes}.

Not run by itself.
"""

import io
import random
import struct
import zlib

import cv2
import numpy as np
import tifffile
from PIL import Image

from odd_jpegs import picture

# OpenCV tells of each kind of file that it does not read.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

SIZES = [(61, 47), (1, 1), (2, 3), (300, 1), (1, 300), (16, 16)]
MODES = ("1", "L", "LA", "P", "RGB", "RGBA")


def saved(kind, mode="RGB", size=(61, 47), **options):
    file = io.BytesIO()
    image = picture("L", size).convert(mode) if mode.startswith("I") else picture(mode, size)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.linear_gradient("L").resize(size))
    image.save(file, kind, **options)
    return file.getvalue()


def noise(shape, dtype=np.uint8, most=None):
    draws = np.random.default_rng(7)
    return draws.integers(0, np.iinfo(dtype).max if most is None else most, shape, dtype, endpoint=True)


def tiffed(array, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def by_opencv(end, array, *parameters):
    done, file = cv2.imencode(end, array, list(parameters))
    assert done, end
    return file.tobytes()


def tiffs():
    found = {f"pillow_{mode}_{way}": saved("TIFF", mode, compression=way) for mode in (*MODES, "I;16", "CMYK")
             for way in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "tiff_deflate")}
    found |= {f"size_{size[0]}x{size[1]}_{mode}": saved("TIFF", mode, size, compression=way) for size in SIZES
              for mode, way in (("1", None), ("P", "tiff_lzw"), ("RGB", "tiff_adobe_deflate"), ("I;16", None))}
    found |= {f"big_{mode}": saved("TIFF", mode, big_tiff=True) for mode in ("L", "RGB")}
    found |= {f"orientation_{turn}_{mode}": saved("TIFF", mode, tiffinfo={274: turn}, compression=way) for turn in range(1, 9)
              for mode, way in (("L", None), ("RGB", "tiff_lzw"))}
    found |= {f"strips_of_{rows}": saved("TIFF", "RGB", tiffinfo={278: rows}, compression="tiff_lzw") for rows in (1, 7, 46, 47, 1000)}
    found |= {f"predictor_{mode}_{way}": saved("TIFF", mode, compression=way, tiffinfo={317: 2}) for mode in ("L", "RGB", "RGBA", "I;16")
              for way in ("tiff_lzw", "tiff_adobe_deflate")}
    found |= {f"jpeg_{mode}": saved("TIFF", mode, compression="jpeg", quality=90) for mode in ("L", "RGB")}
    found |= {f"jpeg_of_{rows}": saved("TIFF", "RGB", (200, 90), compression="jpeg", tiffinfo={278: rows}) for rows in (16, 32)}
    gray, colors = noise((70, 90)), noise((70, 90, 3))
    for order in "<>":
        found |= {f"tifffile_{order}_{name}": tiffed(array, byteorder=order, photometric=photometric, **options)
                  for name, array, photometric, options in [
                      ("gray", gray, "minisblack", {}), ("white_is_zero", gray, "miniswhite", {}), ("rgb", colors, "rgb", {}),
                      ("gray16", noise((70, 90), np.uint16), "minisblack", {}), ("of_12_bits", noise((70, 90), np.uint16, 4095), "minisblack", {}),
                      ("rgb16", noise((70, 90, 3), np.uint16), "rgb", {}), ("deflated", gray, "minisblack", {"compression": "zlib"}),
                      ("gray16_deflated", noise((70, 90), np.uint16), "minisblack", {"compression": "zlib"}),
                      ("rgb16_deflated", noise((70, 90, 3), np.uint16), "rgb", {"compression": "zlib", "rowsperstrip": 9}),
                      ("tiles", colors, "rgb", {"tile": (32, 16)}), ("tiles_deflated", gray, "minisblack", {"tile": (16, 48), "compression": "zlib"}),
                      ("tiles16", noise((70, 90), np.uint16), "minisblack", {"tile": (32, 32), "compression": "zlib"}),
                      ("one_tile", colors, "rgb", {"tile": (128, 128)}), ("planar", noise((3, 70, 90)), "rgb", {"planarconfig": "separate"}),
                      ("planar_deflated", noise((3, 70, 90)), "rgb", {"planarconfig": "separate", "compression": "zlib", "rowsperstrip": 11}),
                      ("planar_tiles", noise((3, 70, 90)), "rgb", {"planarconfig": "separate", "tile": (32, 32), "compression": "zlib"}),
                      ("planar16", noise((3, 70, 90), np.uint16), "rgb", {"planarconfig": "separate", "compression": "zlib"}),
                      ("rgba", noise((70, 90, 4)), "rgb", {"extrasamples": ["unassalpha"]}),
                      ("rgb_multiplied", noise((70, 90, 4)), "rgb", {"extrasamples": ["assocalpha"]}),
                      ("rgbx", noise((70, 90, 4)), "rgb", {"extrasamples": ["unspecified"], "compression": "zlib"}),
                      ("rgba16", noise((70, 90, 4), np.uint16), "rgb", {"extrasamples": ["unassalpha"]}),
                      ("rgba16_multiplied", noise((70, 90, 4), np.uint16), "rgb", {"extrasamples": ["assocalpha"]}),
                      ("bilevel", gray > 99, "minisblack", {}), ("bilevel_white", gray > 99, "miniswhite", {}),
                      ("palette", gray, "palette", {"colormap": noise((3, 256), np.uint16)}),
                      ("cmyk", noise((70, 90, 4)), "separated", {}), ("pages", noise((3, 70, 90)), "minisblack", {}),
                      ("big", gray, "minisblack", {"bigtiff": True}), ("imagej", gray, None, {"imagej": True}),
                      ("float", gray.astype(np.float32), "minisblack", {}), ("of_32_bits", noise((70, 90), np.uint32), "minisblack", {}),
                      ("with_sign", noise((70, 90), np.int16), "minisblack", {}), ("with_sign_of_8", noise((70, 90), np.int8), "minisblack", {}),
                  ] if not (name == "imagej" and order == "<")}
    found |= {f"opencv_{name}_{way}": by_opencv(".tiff", array, cv2.IMWRITE_TIFF_COMPRESSION, way) for name, array in
              [("gray", gray), ("colors", colors), ("gray16", noise((70, 90), np.uint16)), ("colors16", noise((70, 90, 3), np.uint16)),
               ("with_transparency", noise((70, 90, 4)))] for way in (1, 5, 8, 32773)}
    found |= {f"shallow_{bits}_{photometric}": shallow(bits, photometric) for bits in (1, 2, 4) for photometric in (0, 1, 3)}
    return found


def shallow(bits, photometric, size=(13, 9)):
    """A file of one strip with pixels of less than a byte, which no program here writes."""
    width, height = size
    length = -(-width * bits // 8)
    data = noise((height, length)).tobytes()
    colors = noise((3 << bits,), np.uint16).astype("<u2").tobytes() if photometric == 3 else b""
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, photometric),
               (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, len(data))]
    entries += [(320, 3, 3 << bits, 8 + len(data))] if colors else []
    if len(colors) <= 4 and colors:
        raise ValueError("a palette that is no pointer")
    at = 8 + len(data) + len(colors)
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", at) + data + colors + directory


def webps():
    found = {f"{mode}_{'lossless' if lossless else quality}": saved("WEBP", mode, lossless=lossless, quality=quality, method=method)
             for mode in ("L", "RGB", "RGBA", "LA", "P") for lossless, quality, method in
             [(False, 10, 4), (False, 80, 6), (False, 100, 0), (True, 80, 4), (True, 0, 0), (True, 100, 6)]}
    found |= {f"size_{size[0]}x{size[1]}_{lossless}": saved("WEBP", "RGB", size, lossless=lossless) for size in SIZES for lossless in (False, True)}
    found |= {f"opencv_{name}_{quality}": by_opencv(".webp", array, cv2.IMWRITE_WEBP_QUALITY, quality) for name, array in
              [("gray", noise((70, 90))), ("colors", noise((70, 90, 3))), ("with_transparency", noise((70, 90, 4)))] for quality in (30, 90, 101)}
    frames = [picture("RGBA", (40, 30)), Image.new("RGBA", (40, 30), (9, 200, 3, 77))]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], duration=9, lossless=True)
    exif = Image.Exif()
    exif[274] = 6
    found |= {"animated": file.getvalue(), "with_exif": saved("WEBP", exif=exif), "with_profile": saved("WEBP", icc_profile=bytes(200)),
              "with_notes": saved("WEBP", xmp=b"<x/>"), "exact": saved("WEBP", "RGBA", exact=True, lossless=True)}
    whole = found["RGB_80"]
    found |= {"size_too_large": whole[:4] + b"\xff\xff\xff\x7f" + whole[8:], "more_behind": whole + b"more" * 9}
    return found


def bmps():
    found = {f"pillow_{mode}": saved("BMP", mode) for mode in ("1", "L", "P", "RGB", "RGBA")}
    found |= {f"size_{size[0]}x{size[1]}_{mode}": saved("BMP", mode, size) for size in SIZES for mode in ("1", "P", "RGB")}
    found |= {f"opencv_{name}": by_opencv(".bmp", array) for name, array in
              [("gray", noise((7, 9))), ("colors", noise((7, 9, 3))), ("with_transparency", noise((7, 9, 4)))]}
    found |= {f"of_{bits}_{flip}_{header}": bmp(bits, flip, header) for bits in (1, 4, 8, 16, 24, 32) for flip in (False, True)
              for header in (12, 40, 52, 56, 64, 108, 124) if not (flip and header == 12)}
    found |= {f"colors_{count}_of_{bits}": bmp(bits, colors=count) for bits, count in [(4, 3), (4, 16), (8, 5), (8, 256), (1, 2)]}
    found |= {f"masks_{bits}_{index}": bmp(bits, compression=3, masks=masks) for bits, index, masks in [
        (16, 0, (0xf800, 0x7e0, 0x1f)), (16, 1, (0x7c00, 0x3e0, 0x1f)), (16, 2, (0xf000, 0xf00, 0xf0)),
        (24, 0, (0xff0000, 0xff00, 0xff)), (32, 0, (0xff0000, 0xff00, 0xff)), (32, 1, (0xff000000, 0xff0000, 0xff00)),
        (32, 2, (0xff000000, 0xff00, 0xff)), (32, 3, (0, 0, 0)), (32, 4, (0x3ff00000, 0xffc00, 0x3ff))]}
    runs = {"rows": b"".join(bytes([13, y * 9, 0, 0]) for y in range(9)) + b"\0\1",
            "pairs": b"".join(bytes([6, 0x12, 7, 0x34 + y, 0, 0]) for y in range(9)) + b"\0\1",
            "as_they_are": b"".join(b"\0\x0d" + bytes(range(y, y + 13)) + b"\0" + b"\0\0" for y in range(9)) + b"\0\1",
            "skipped": b"\5\x77\0\2\3\2\4\x55\0\0" + b"".join(bytes([13, 9, 0, 0]) for _ in range(8)) + b"\0\1",
            "too_long": b"".join(bytes([200, y, 0, 0]) for y in range(9)) + b"\0\1", "too_short": b"\5\x77\0\1", "cut": b"\5\x77\0",
            "without_end": b"".join(bytes([13, y * 9, 0, 0]) for y in range(9)), "nothing": b""}
    found |= {f"runs_of_{8 // kind}_{name}": bmp(8 // kind, compression=kind, data=data) for kind in (1, 2) for name, data in runs.items()}
    found |= {"without_palette_in_place": bmp(8, place=54), "short": bmp(24)[:-20], "header_cut": bmp(24)[:30], "of_2": bmp(2),
              "of_0": bmp(0), "jpeg": bmp(24, compression=4), "png": bmp(24, compression=5), "more_behind": bmp(24) + b"more" * 9}
    return found


def bmp(bits, flip=False, header=40, colors=0, compression=0, masks=(), data=None, place=None, size=(13, 9)):
    """A file by its parts, with random colours."""
    width, height = size
    if data is None:
        data = noise((height, (width * bits + 31) // 32 * 4)).tobytes()
    if header == 12:
        fields = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        fields = struct.pack("<IiiHHIIiiII", header, width, -height if flip else height, 1, bits, compression, len(data), 2835, 2835, colors, 0)
        fields += (struct.pack("<3I", *masks) if masks else bytes(12)) if header > 40 else b""
        fields = fields.ljust(header, b"\0") + (struct.pack("<3I", *masks) if masks and header == 40 else b"")
    palette = noise((colors or 1 << bits, 3 if header == 12 else 4)).tobytes() if bits <= 8 else b""
    start = 14 + len(fields) + len(palette) if place is None else place
    return struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start) + fields + palette + data


def pnms():
    found = {f"pillow_{mode}": saved("PPM", mode) for mode in ("1", "L", "RGB", "RGBA", "I;16")}
    found |= {f"size_{size[0]}x{size[1]}_{mode}": saved("PPM", mode, size) for size in SIZES for mode in ("1", "L", "RGB")}
    found |= {f"opencv_{end[1:]}_{name}_{binary}": by_opencv(end, array, cv2.IMWRITE_PXM_BINARY, binary) for end, name, array in
              [(".pgm", "gray", noise((7, 9))), (".ppm", "colors", noise((7, 9, 3))), (".pgm", "gray16", noise((7, 9), np.uint16)),
               (".ppm", "colors16", noise((7, 9, 3), np.uint16)), (".pbm", "bilevel", noise((7, 9)))] for binary in (0, 1)}
    draws = random.Random(5)
    for most in (1, 3, 15, 100, 254, 255, 256, 1000, 4095, 65534, 65535):
        for samples, (words, binary) in ((1, (b"P2", b"P5")), (3, (b"P3", b"P6"))):
            values = [draws.randrange(most + 1) for _ in range(9 * 7 * samples)]
            head = b"\n9 7\n%d\n" % most
            found[f"words_{samples}_of_{most}"] = words + head + b" ".join(b"%d" % value for value in values)
            packed = b"".join(struct.pack(">H" if most > 255 else "B", value) for value in values)
            found[f"binary_{samples}_of_{most}"] = binary + head + packed
            found[f"binary_{samples}_of_{most}_short"] = binary + head + packed[:-1]
    found |= {"comments": b"P5 # a\n#b\n3#c\n 2\n# d\r255\n" + bytes(range(6)), "bits_in_words": b"P1\n3 2\n101\n0 1#x\n 0",
              "bits": b"P4\n9 3\n" + bytes([0x80, 0x80, 1, 0, 0xff, 0xff]), "values_joined": b"P2\n2 1\n255\n1#x\n2 3",
              "value_too_large": b"P2\n2 1\n9\n3 10", "negative": b"P2\n2 1\n9\n3 -1", "no_number": b"P2\n2 1\n9\n3 x", "too_few": b"P3\n2 1\n9\n3 1",
              "too_long_a_number": b"P2\n2 1\n9\n12345678901 1", "most_0": b"P5\n2 1\n0\n12", "most_too_large": b"P5\n2 1\n65536\n1234",
              "no_size": b"P5\n", "size_0": b"P5\n0 4\n255\n", "size_huge": b"P5\n99999 99999\n255\n12", "bits_of_2": b"P1\n2 1\n12",
              "behind": b"P5\n2 1\n255\n12more", "tabs": b"P6\t1\t1\t255\tabc"}
    return found


def damaged(found, count):
    """Some of the files with a byte changed, or cut."""
    draws, files = random.Random(11), {}
    names = sorted(found)
    for index in range(count):
        name = names[draws.randrange(len(names))]
        file = bytearray(found[name])
        if index % 2:
            file[draws.randrange(min(len(file), 300))] = draws.randrange(256)
        else:
            del file[draws.randrange(len(file)):]
        files[f"{index}_{name}"] = bytes(file)
    return files


def large():
    """Images up to Pillow's limit in a few bytes, and one beyond."""
    found = {}
    for name, size in (("up_to_the_limit", (13_377, 13_377)), ("beyond", (13_378, 13_378))):
        data = zlib.compress(bytes(-(-size[0] // 8) * size[1]), 9)
        entries = [(256, 4, 1, size[0]), (257, 4, 1, size[1]), (258, 3, 1, 1), (259, 3, 1, 8), (262, 3, 1, 1),
                   (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, size[1]), (279, 4, 1, len(data))]
        directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
        found[f"tiff_{name}"] = b"II*\0" + struct.pack("<I", 8 + len(data) + len(data) % 2) + data + bytes(len(data) % 2) + directory
    found |= {"bmp": bmp(24, data=b"", size=(1 << 20, 1 << 20)), "bmp_without_data": bmp(24, data=b"", size=(13_000, 13_000)),
              "pnm": b"P6\n1000000 1000000\n255\n", "pnm_without_data": b"P6\n13000 13000\n255\n"}
    return found


def files():
    found = {"tiff": tiffs(), "webp": webps(), "bmp": bmps(), "pnm": pnms()}
    groups = {f"{kind}/kinds/{name}": file for kind, one in found.items() for name, file in one.items()}
    for kind, one in found.items():
        groups |= {f"{kind}/damaged/{name}": file for name, file in damaged(one, 150).items()}
    return groups | {f"{name.split('_')[0]}/large/{name}": file for name, file in large().items()}
