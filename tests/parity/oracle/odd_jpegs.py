"""JPEG files that are whole, odd or damaged, as {name: bytes}: all that photos.py holds our decoders against.

Not run by itself.
"""

import base64
import io
import random
import struct

from PIL import Image

# A picture of 24 x 20 pixels that jpegtran -arithmetic wrote, sequential and progressive: Pillow cannot write such files.
ARITHMETIC = {
    "sequential": "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCNl4x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/yQARCAAUABgDASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/AGqZpeFJ7udOQ3FbZmURle8pCcYdaz7j7givs4UnDuUjnigTM3DqDcM8mYrMNr2EnRUOWGIOKPTY6YTdvF+VU9+sVsGjRcrPtxQtkaUucWD/2Q==",
    "progressive": "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCNl4x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/ygARCAAUABgDASIAAhEBAxEB/8wABgAQARD/2gAMAwEAAhADEAAAAf7ba8NaU4vwYTRV2AFCXMVkeqz/zAAEEAX/2gAIAQEAAQUCEzLMIYQa4cD/zAAEEQX/2gAIAQMBAT8BF7UDwgj/zAAEEQX/2gAIAQIBAT8BHYLp5wmXmBr/zAAEEAX/2gAIAQEABj8CwP/MAAQQBf/aAAgBAQABPyGNCJzeRLAZgP/aAAwDAQACAAMAAAAQ9LbB/8wABBEF/9oACAEDAQE/EDSb+ieA/8wABBEF/9oACAECAQE/EHLJ4cx1Jv8Aof/MAAQQBf/aAAgBAQABPxAfXlFDp2z8VXqOPV7aQP/Z",
}
SIZE = (61, 47)
# Of a table with one code each: EOB for AC, and a category of 0 to 11 in 4 bits for DC.
DC_TABLE = bytes([0, 0, 0, 0, 12, *[0] * 12, *range(12)])
AC_TABLE = bytes([0x10, 1, *[0] * 15, 0])


def picture(mode="RGB", size=SIZE):
    """Smooth colours with an edge."""
    width, height = size
    image = Image.new("RGB", size)
    image.putdata([(40 + x * 150 // width, 60 + y * 120 // height, 200 if x + y > 60 else 90)
                   for y in range(height) for x in range(width)])
    return image.convert(mode)


def saved(mode="RGB", size=SIZE, **options):
    file = io.BytesIO()
    picture(mode, size).save(file, "JPEG", **{"quality": 90, **options})
    return file.getvalue()


def segment(marker, data, length=None):
    return bytes([0xff, marker]) + struct.pack(">H", len(data) + 2 if length is None else length) + data


def segments(file):
    """Cuts a file: (marker, data) of each segment before the first scan's data, and the rest from that scan on."""
    found, at = [], 2
    while True:
        marker, length = file[at + 1], struct.unpack(">H", file[at + 2:at + 4])[0]
        if marker == 0xda:
            return found, file[at:]
        found.append((marker, file[at + 4:at + 2 + length]))
        at += 2 + length


def joined(parts, rest):
    return b"\xff\xd8" + b"".join(segment(*part) for part in parts) + rest


def without(file, *markers):
    parts, rest = segments(file)
    return joined([part for part in parts if part[0] not in markers], rest)


def replaced(file, marker, edit):
    parts, rest = segments(file)
    return joined([(m, edit(data) if m == marker else data) for m, data in parts], rest)


def after_start(file, data):
    return file[:2] + data + file[2:]


class Bits:
    """Bits of a scan's data, with a zero after each byte of ones."""

    def __init__(self):
        self.text = ""

    def put(self, value, length):
        self.text += format(value, f"0{length}b") if length else ""

    def signed(self, value):
        """A difference: its category in the 4 bits of DC_TABLE, then its bits."""
        length = abs(value).bit_length()
        self.put(length, 4)
        self.put(value if value >= 0 else value + (1 << length) - 1, length)

    def data(self):
        text = self.text + "1" * (-len(self.text) % 8)
        return bytes(int(text[at:at + 8], 2) for at in range(0, len(text), 8)).replace(b"\xff", b"\xff\x00")


def frame(kind, size, factors, precision=8, ids=None):
    ids = ids or range(1, len(factors) + 1)
    layers = b"".join(bytes([name, h * 16 + v, 0]) for name, (h, v) in zip(ids, factors))
    return segment(kind, struct.pack(">BHHB", precision, size[1], size[0], len(factors)) + layers)


def scan(ids, spectrum=(0, 63, 0)):
    return segment(0xda, bytes([len(ids), *[byte for name in ids for byte in (name, 0)], *spectrum]))


TABLES = segment(0xdb, bytes([0] + [8] * 64)) + segment(0xc4, DC_TABLE) + segment(0xc4, AC_TABLE)


def blocks(size, factors, restart=0, ids=None):
    """A baseline file of flat blocks with any sampling factors (columns, rows) of its layers."""
    # A single layer is stored block by block, whatever its factors.
    widest, highest = (1, 1) if len(factors) == 1 else (max(h for h, _ in factors), max(v for _, v in factors))
    units = -(-size[0] // (8 * widest)) * -(-size[1] // (8 * highest))
    draws, parts, bits = random.Random(1), [], Bits()
    last = [0] * len(factors)
    for unit in range(units):
        if restart and unit and unit % restart == 0:
            parts.append(bits.data() + bytes([0xff, 0xd0 + (unit // restart - 1) % 8]))
            bits, last = Bits(), [0] * len(factors)
        for layer, (h, v) in enumerate(factors):
            for _ in range(1 if len(factors) == 1 else h * v):
                value = draws.randrange(-90, 90)
                bits.signed(value - last[layer])
                bits.put(0, 1)
                last[layer] = value
    names = list(ids or range(1, len(factors) + 1))
    interval = segment(0xdd, struct.pack(">H", restart)) if restart else b""
    return (b"\xff\xd8" + TABLES + frame(0xc0, size, factors, ids=ids) + interval + scan(names) + b"".join(parts)
            + bits.data() + b"\xff\xd9")


def lossless(layers, size=(19, 11), ids=None, extra=b""):
    """A file of SOF3, each pixel told by the difference from its left neighbour."""
    draws, bits = random.Random(2), Bits()
    rows = [[[draws.randrange(40, 200) for _ in range(layers)] for _ in range(size[0])] for _ in range(size[1])]
    for y, row in enumerate(rows):
        for x, pixel in enumerate(row):
            for layer, value in enumerate(pixel):
                before = row[x - 1] if x else rows[y - 1][0] if y else [128] * layers
                bits.signed(value - before[layer])
    names = list(ids or range(1, layers + 1))
    return (b"\xff\xd8" + extra + segment(0xc4, DC_TABLE) + frame(0xc3, size, [(1, 1)] * layers, ids=ids)
            + scan(names, (1, 0, 0)) + bits.data() + b"\xff\xd9")


def kinds():
    whole = saved()
    found = {"whole": whole, "gray": saved("L"), "progressive": saved(progressive=True),
             "progressive_gray": saved("L", progressive=True), "rgb_kept": saved(keep_rgb=True),
             "large_quality": saved(quality=100), "small_quality": saved(quality=1), "optimized": saved(optimize=True)}
    found |= {f"sampled_{name}": saved(subsampling=name) for name in ("4:4:4", "4:2:2", "4:2:0")}
    found |= {f"restarts_{kind}_{count}": saved(restart_marker_blocks=count, progressive=kind == "progressive")
              for kind in ("sequential", "progressive") for count in (1, 3, 7)}
    found |= {f"size_{width}x{height}": saved(size=(width, height)) for width, height in
              [(1, 1), (1, 9), (9, 1), (7, 8), (8, 8), (9, 17), (16, 16), (17, 33), (1, 3000), (3000, 1)]}
    for progressive in (False, True):
        cmyk = saved("CMYK", progressive=progressive)
        found |= {f"cmyk_{progressive}": cmyk, f"cmyk_unmarked_{progressive}": without(cmyk, 0xee),
                  f"ycck_{progressive}": replaced(cmyk, 0xee, lambda data: data[:-1] + b"\x02"),
                  f"cmyk_transform_{progressive}": replaced(cmyk, 0xee, lambda data: data[:-1] + b"\x01")}
    adobe = lambda transform: segment(0xee, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform))
    found |= {f"adobe_{transform}": after_start(without(whole, 0xe0), adobe(transform)) for transform in (0, 1, 2, 9)}
    found |= {f"adobe_and_jfif_{transform}": after_start(whole, adobe(transform)) for transform in (0, 1)}
    found |= {f"factors_{name}": blocks((61, 47), factors) for name, factors in {
        "440": [(1, 2), (1, 1), (1, 1)], "411": [(4, 1), (1, 1), (1, 1)], "410": [(4, 2), (1, 1), (1, 1)],
        "441": [(1, 4), (1, 1), (1, 1)], "31": [(3, 1), (1, 1), (1, 1)], "chroma": [(1, 1), (2, 2), (2, 2)],
        "uneven": [(2, 2), (2, 1), (1, 2)], "one_chroma": [(2, 1), (2, 1), (1, 1)], "all_2x2": [(2, 2)] * 3,
        "third": [(3, 3), (1, 1), (1, 1)], "fraction": [(3, 1), (2, 1), (1, 1)], "gray_2x2": [(2, 2)],
        "gray_1x4": [(1, 4)], "gray": [(1, 1)], "two": [(1, 1)] * 2, "cmyk": [(1, 1)] * 4,
        "cmyk_sampled": [(2, 2), (1, 1), (1, 1), (2, 2)], "five": [(1, 1)] * 5}.items()}
    found |= {f"ids_{name}": blocks((33, 17), [(1, 1)] * 3, ids=ids) for name, ids in {
        "rgb": b"RGB", "zero": [0, 1, 2], "odd": [7, 8, 9], "BGR": b"BGR", "ycc": b"YCc", "same": [1, 1, 1]}.items()}
    found |= {f"arithmetic_{name}": base64.b64decode(text) for name, text in ARITHMETIC.items()}
    found |= {"lossless_gray": lossless(1), "lossless_rgb": lossless(3, ids=b"RGB"), "lossless_123": lossless(3),
              "lossless_jfif": lossless(3, extra=segment(0xe0, b"JFIF\0\1\1\0\0\1\0\1\0\0")), "lossless_cmyk": lossless(4)}
    file = blocks((33, 17), [(1, 1)])
    found |= {"of_12_bits": file.replace(b"\x08\x00\x11\x00\x21", b"\x0c\x00\x11\x00\x21"),
              "of_no_lines": file.replace(b"\x08\x00\x11\x00\x21", b"\x08\x00\x00\x00\x21"),
              "of_no_columns": file.replace(b"\x08\x00\x11\x00\x21", b"\x08\x00\x11\x00\x00")}
    return found


def segments_of_others():
    """What cameras and programs write before the picture, right and wrong."""
    whole = saved()
    exif = Image.Exif()
    exif[274] = 6
    found = {"exif_rotated": saved(exif=exif), "jfif_thumbnail": replaced(
        whole, 0xe0, lambda data: data[:-2] + b"\x04\x04" + bytes(48))}
    found |= {f"exif_{name}": after_start(whole, segment(0xe1, b"Exif\0\0" + data)) for name, data in {
        "empty": b"", "zeros": bytes(40), "cut": b"MM\0*\0\0\0\x08\0\x05\x01", "far": b"II*\0\xff\xff\xff\x7f",
        "big": b"MM\0*\0\0\0\x08" + bytes(65000), "loop": b"MM\0*\0\0\0\x08\0\0\0\0\0\x08"}.items()}
    icc = b"ICC_PROFILE\0"
    found |= {f"icc_{name}": after_start(whole, segment(0xe2, icc + data)) for name, data in {
        "empty": b"\1\1", "of_three": b"\1\3abc", "zeroth": b"\0\0abc", "garbage": b"\1\1" + b"\xff" * 3000}.items()}
    found |= {"icc_short": after_start(whole, segment(0xe2, icc)),
              "icc_twice": after_start(whole, segment(0xe2, icc + b"\1\2abc") * 2)}
    found |= {f"app_{number}": after_start(whole, segment(0xe0 + number, b"anything\xff\xd9\xff\xda")) for number in range(16)}
    found |= {f"length_{length}_{marker:x}": after_start(whole, segment(marker, b"abcdef", length))
              for length in (0, 1, 2, 7, 9, 30, 65535) for marker in (0xe0, 0xe1, 0xe2, 0xed, 0xee, 0xfe)}
    found |= {f"short_{name}": after_start(whole, segment(marker, data)) for name, marker, data in [
        ("jfif", 0xe0, b"JFIF\0"), ("adobe", 0xee, b"Adobe"), ("adobe_cut", 0xee, b"Adobe\0\x64\0\0\0\0"),
        ("photoshop", 0xed, b"Photoshop 3.0\x008BIM\x04"), ("mpf", 0xe2, b"MPF\0"), ("comment", 0xfe, b"")]}
    parts, rest = segments(whole)
    for name, junk in {"fill": b"\xff\xff\xff", "zeros": b"\0\0\0", "text": b"junk", "stuffed": b"\xff\x00\xff\x00",
                       "soi": b"\xff\xd8", "eoi": b"\xff\xd9", "restart": b"\xff\xd3", "tem": b"\xff\x01",
                       "reserved": b"\xff\x02", "jpg": b"\xff\xc8", "jpg0": b"\xff\xf0", "jpg13": b"\xff\xfd\0\4ab",
                       "dnl": segment(0xdc, b"\0\x2f"), "dac": segment(0xcc, b""), "dri": segment(0xdd, b"\0\0"),
                       "dri_long": segment(0xdd, b"\0\0\0"), "exp": segment(0xdf, b"\0"), "zero_length": b"\xff\xe5\0\0",
                       }.items():
        for at in range(len(parts) + 1):
            found[f"{name}_before_{at}"] = joined(parts[:at], b"") + junk + joined(parts[at:], rest)[2:]
    found |= {f"without_{name}": without(whole, marker) for name, marker in
              [("jfif", 0xe0), ("dqt", 0xdb), ("dht", 0xc4), ("sof", 0xc0)]}
    found |= {"tables_twice": joined([part for part in parts if part[0] in (0xdb, 0xc4)] + parts, rest),
              "sof_twice": joined([part for part in parts if part[0] == 0xc0] + parts, rest),
              "sof_long": replaced(whole, 0xc0, lambda data: data + b"\0"),
              "sof_short": replaced(whole, 0xc0, lambda data: data[:-1]),
              "sof_first": joined(sorted(parts, key=lambda part: part[0] != 0xc0), rest),
              "dqt_long": replaced(whole, 0xdb, lambda data: data + b"\0"),
              "dht_long": replaced(whole, 0xc4, lambda data: data + b"\0"),
              "dqt_of_zeros": replaced(whole, 0xdb, lambda data: data[:1] + bytes(64)),
              "extended": joined([(0xc1 if m == 0xc0 else m, data) for m, data in parts], rest)}
    return found


def damaged():
    """Files that end too early or too late, or have lost bits; the two pictures of a camera's file are whole."""
    found, whole = {}, saved()
    files = {"whole": whole, "progressive": saved(progressive=True), "gray": saved("L"),
             "restarts": saved(restart_marker_blocks=2), "cmyk": saved("CMYK")}
    for name, file in files.items():
        ends = {*range(0, len(file), max(1, len(file) // 40)), *range(len(file) - 12, len(file))}
        found |= {f"{name}_ends_at_{end}": file[:end] for end in sorted(ends)}
        found |= {f"{name}_then_{what}": file + more for what, more in {
            "zeros": bytes(50), "text": b"garbage" * 9, "itself": file, "ff": b"\xff" * 9, "eoi": b"\xff\xd9"}.items()}
        found |= {f"{name}_no_eoi_then_{what}": file[:-2] + more for what, more in {
            "zeros": bytes(50), "text": b"garbage" * 9, "itself": file, "ff": b"\xff" * 9, "ff_zero": b"\xff\x00" * 9}.items()}
        start = len(file) - len(segments(file)[1])
        for trial in range(60):
            draws, broken = random.Random(f"{name}{trial}"), bytearray(file)
            low = 2 if trial % 3 == 0 else start
            for _ in range(1 + trial % 4):
                broken[draws.randrange(low, len(file))] = draws.randrange(256)
            found[f"{name}_bits_{trial}"] = bytes(broken)
        for trial in range(12):
            draws = random.Random(f"{name}cut{trial}")
            at = draws.randrange(start + 12, len(file) - 4)
            found[f"{name}_lost_{trial}"] = file[:at] + file[at + draws.randrange(1, 9):]
            found[f"{name}_zeros_{trial}"] = file[:at] + bytes(9) + file[at + 9:]
    for marker in range(8):
        found[f"wrong_restart_{marker}"] = files["restarts"].replace(b"\xff\xd2", bytes([0xff, 0xd0 + marker]), 1)
    found["no_restarts"] = b"".join(files["restarts"].split(b"\xff\xd1", 1))
    found["blocks_restarts"] = blocks((200, 9), [(1, 1)], restart=3)
    mpo = io.BytesIO()
    picture().save(mpo, "MPO", save_all=True, append_images=[picture(size=(20, 20))])
    found |= {"mpo": mpo.getvalue(), "mpo_cut": mpo.getvalue()[:-40]}
    return found


def large():
    """Close to the most pixels that Pillow takes."""
    file = io.BytesIO()
    Image.new("L", (12_000, 14_000), 90).save(file, "JPEG", quality=5)
    return {"gray_of_168_megapixels": file.getvalue()}


def files():
    return {f"{group.__name__}/{name}": file for group in (kinds, segments_of_others, damaged, large)
            for name, file in group().items()}
