"""PNG files that are whole, odd or damaged, and files that are neither JPEG nor PNG, as {name: bytes}.

Not run by itself.
"""

import io
import random
import struct
import zlib

from PIL import Image

from odd_jpegs import picture, saved

# Twice Image.MAX_IMAGE_PIXELS: Image.open refuses more.
MOST = 178_956_970
MAGIC = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
SAMPLES = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
DEPTHS = {GRAY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GRAY_ALPHA: (8, 16), RGBA: (8, 16)}
# Adam7: first column, first row, and their steps.
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(name, data, crc=None, length=None):
    crc = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">I", len(data) if length is None else length) + name + data + struct.pack(">I", crc)


def header(size=(13, 9), depth=8, color=RGB, compression=0, filters=0, interlace=0):
    return struct.pack(">IIBBBBB", *size, depth, color, compression, filters, interlace)


def rows(size=(13, 9), depth=8, color=RGB, interlace=0, filters=range(5), least=0, most=256):
    """Random rows, unfiltered: each says a filter and is then taken for filtered."""
    draws, data = random.Random(3), b""
    passes = PASSES if interlace else [(0, 0, 1, 1)]
    for left, top, across, down in passes:
        width, height = -(-(size[0] - left) // across), -(-(size[1] - top) // down)
        if width <= 0 or height <= 0:
            continue
        length = -(-width * SAMPLES[color] * depth // 8)
        for y in range(height):
            data += bytes([list(filters)[y % len(list(filters))]]) + bytes(draws.randrange(least, most) for _ in range(length))
    return data


def colors(count, start=0):
    return bytes(value * step % 256 for value in range(start, start + count) for step in (3, 5, 7))


def png(before=b"", after=b"", data=None, parts=1, palette=None, end=chunk(b"IEND", b""), **options):
    """A file: `before` stands between header and data, `after` behind the data."""
    data = zlib.compress(rows(**{key: value for key, value in options.items() if key in ("size", "depth", "color", "interlace")})
                         ) if data is None else data
    if options.get("color") == PALETTE and palette is None:
        palette = colors(1 << options.get("depth", 8))
    size = -(-len(data) // parts)
    pieces = [data[at:at + size] for at in range(0, len(data), size)] if parts > 1 else [data]
    return (MAGIC + chunk(b"IHDR", header(**options)) + (chunk(b"PLTE", palette) if palette else b"") + before
            + b"".join(chunk(b"IDAT", piece) for piece in pieces) + after + end)


def kinds():
    found = {f"{color}_of_{depth}{'_interlaced' * interlace}": png(color=color, depth=depth, interlace=interlace)
             for color, depths in DEPTHS.items() for depth in depths for interlace in (0, 1)}
    found |= {f"size_{size[0]}x{size[1]}_{color}_of_{depth}_{interlace}": png(
        size=size, color=color, depth=depth, interlace=interlace) for size in [(1, 1), (1, 300), (300, 1), (2, 3), (5, 5), (9, 2)]
        for color, depth in [(GRAY, 1), (RGB, 8), (RGBA, 16), (PALETTE, 2)] for interlace in (0, 1)}
    trns = {GRAY: b"\0\x05", RGB: b"\0\1\0\2\0\3", PALETTE: b"\0\x80\xff"}
    found |= {f"trns_{color}_of_{depth}": png(color=color, depth=depth, before=chunk(b"tRNS", data))
              for color, data in trns.items() for depth in DEPTHS[color]}
    found |= {f"trns_{color}_{name}": png(color=color, before=chunk(b"tRNS", data)) for color in trns for name, data in
              [("empty", b""), ("long", bytes(300)), ("zeros", bytes(6)), ("opaque", b"\xff" * 256)]}
    gray = lambda values: png(color=GRAY, depth=16, size=(len(values), 1),
                              data=zlib.compress(b"\0" + struct.pack(f">{len(values)}H", *values)))
    found |= {"gray16_small": gray(range(0, 256, 5)), "gray16_of_12_bits": gray(range(0, 4096, 91)),
              "gray16_whole": gray(range(0, 65536, 1023)), "gray16_edges": gray([0, 1, 127, 128, 254, 255, 256, 257, 65535])}
    found |= {f"mode_{mode}": png_of(mode) for mode in ("1", "L", "P", "LA", "RGB", "RGBA", "I;16")}
    return found


def png_of(mode):
    file = io.BytesIO()
    (picture("L").convert(mode) if mode == "I;16" else picture(mode)).save(file, "PNG")
    return file.getvalue()


def palettes():
    """Palettes that are short, long, missing, twice there, or of pictures without one."""
    found = {f"of_{count}": png(color=PALETTE, palette=colors(count)) for count in (1, 2, 100, 255)}
    found |= {f"of_{count}_and_{depth}_bits": png(color=PALETTE, depth=depth, palette=colors(count))
              for depth in (1, 2, 4) for count in (1, 2, 3, 5, 17, 256)}
    found |= {"missing": png(color=PALETTE, palette=b""), "too_long": png(color=PALETTE, palette=colors(300)),
              "odd_length": png(color=PALETTE, palette=colors(20)[:-1]), "one_byte": png(color=PALETTE, palette=b"\x09"),
              "twice": png(color=PALETTE, before=chunk(b"PLTE", colors(256, 9))),
              "behind_data": png(color=PALETTE, palette=b"", after=chunk(b"PLTE", colors(256))),
              "with_alpha_first": png(color=PALETTE, palette=b"", before=chunk(b"tRNS", b"\0") + chunk(b"PLTE", colors(256))),
              "of_rgb": png(palette=colors(9)), "of_rgb_odd": png(palette=b"ab"), "of_gray": png(color=GRAY, palette=colors(9)),
              "of_gray_twice": png(color=GRAY, palette=colors(9), before=chunk(b"PLTE", colors(3))),
              "bad_crc": png(color=PALETTE, palette=b"", before=chunk(b"PLTE", colors(256), crc=7))}
    found |= {f"missing_of_{depth}": png(color=PALETTE, depth=depth, palette=b"") for depth in (1, 2, 4)}
    return found


def headers():
    found = {f"{name}_{value}": png(data=zlib.compress(rows()), **{name: value}) for name in ("compression", "filters", "interlace")
             for value in (1, 2, 64, 255)}
    found |= {f"color_{color}_of_{depth}": png(data=zlib.compress(bytes(3000)), color=color, depth=depth, palette=colors(3))
              for color in range(8) for depth in (0, 1, 2, 3, 4, 8, 9, 16, 32)}
    found |= {f"size_{width}x{height}": png(size=(width, height), data=zlib.compress(bytes(99)))
              for width, height in [(0, 1), (1, 0), (0, 0), (1 << 31, 1), (1, 1 << 31), (2**32 - 1, 2**32 - 1), (1 << 20, 1 << 20)]}
    body = png()[8 + 25:]
    head = header()
    found |= {"header_long": MAGIC + chunk(b"IHDR", head + b"more") + body, "header_short": MAGIC + chunk(b"IHDR", head[:-1]) + body,
              "header_twice": MAGIC + chunk(b"IHDR", head) * 2 + body,
              "header_of_another_first": MAGIC + chunk(b"IHDR", header((4, 4))) + chunk(b"IHDR", head) + body,
              "header_missing": MAGIC + body, "header_bad_crc": MAGIC + chunk(b"IHDR", head, crc=1) + body,
              "text_before_header": MAGIC + chunk(b"tEXt", b"a\0b") + chunk(b"IHDR", head) + body,
              "unknown_before_header": MAGIC + chunk(b"CgBI", b"\x50\0\x20\2") + chunk(b"IHDR", head) + body,
              "data_before_header": MAGIC + chunk(b"IDAT", b"any") + chunk(b"IHDR", head) + body,
              "header_behind_data": MAGIC + body[:-12] + chunk(b"IHDR", head) + body[-12:],
              "magic_cut": png()[:7], "magic_of_text": MAGIC.replace(b"\r\n", b"\n") + png()[8:], "magic_alone": MAGIC}
    return found


def chunks():
    """Ancillary and unknown chunks before and behind the data: whole, cut, too long, twice, with a wrong checksum."""
    icc = b"name\0\0" + zlib.compress(bytes(3000))
    known = {b"gAMA": b"\0\0\xb1\x8f", b"cHRM": bytes(32), b"sRGB": b"\0", b"iCCP": icc, b"pHYs": bytes(9), b"sBIT": b"\x08\x08\x08",
             b"bKGD": bytes(6), b"hIST": bytes(6), b"tIME": bytes(7), b"sPLT": b"a\0\x08", b"tEXt": b"key\0text", b"zTXt": b"key\0\0"
             + zlib.compress(b"text"), b"iTXt": b"key\0\0\0\0\0text", b"eXIf": b"MM\0*\0\0\0\x08\0\0", b"cICP": bytes(4),
             b"mDCV": bytes(24), b"cLLI": bytes(8), b"acTL": bytes(8), b"oFFs": bytes(9), b"caNv": bytes(16), b"prVt": b"any",
             b"UNKN": b"critical", b"abCd": b"", b"ab1d": b"", b"a_Cd": b"", b"a-Cd": b"", b"\0\0\0\0": b"", b"JDAT": b"a", b"DDAT": b"a"}
    found = {}
    for name, data in known.items():
        forms = {"whole": chunk(name, data), "twice": chunk(name, data) * 2, "cut": chunk(name, data[:-1]), "empty": chunk(name, b""),
                 "long": chunk(name, data + bytes(40)), "bad_crc": chunk(name, data, crc=5),
                 "beyond": chunk(name, data, length=1 << 20), "negative": chunk(name, data, length=(1 << 32) - 1)}
        for form, piece in forms.items():
            found[f"{name.decode()}_{form}"] = png(before=piece)
            found[f"{name.decode()}_{form}_behind"] = png(after=piece)
    bomb = zlib.compress(bytes(80 << 20), 9)
    found |= {"iCCP_bomb": png(before=chunk(b"iCCP", b"name\0\0" + bomb)), "zTXt_bomb": png(before=chunk(b"zTXt", b"k\0\0" + bomb)),
              "iCCP_damaged": png(before=chunk(b"iCCP", icc[:-9] + b"damaged!!")), "iCCP_nameless": png(before=chunk(b"iCCP", icc[4:])),
              "iCCP_method": png(before=chunk(b"iCCP", b"name\0\1" + icc[6:])), "text_long": png(before=chunk(b"tEXt", b"k\0" + bytes(9 << 20))),
              "many_texts": png(before=chunk(b"tEXt", b"key\0text") * 3000),
              "exif_rotated": png(before=chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"))}
    return found


def data():
    """Image data in one chunk and in many, with more, less or wrong content than the picture needs."""
    plain, whole = rows(), zlib.compress(rows())
    row = 1 + 13 * 3
    found = {f"in_{parts}": png(parts=parts) for parts in (2, 3, 50, 10_000)}
    found |= {f"level_{level}": png(data=zlib.compress(plain, level)) for level in (0, 1, 9)}
    found |= {f"window_{bits}": png(data=packed(plain, bits)) for bits in (9, 12, 15)}
    found |= {f"filter_{kind}": png(data=zlib.compress(rows(filters=[kind]))) for kind in (0, 1, 2, 3, 4, 5, 255)}
    found |= {"bad_adler": png(data=whole[:-4] + b"\0\0\0\0"), "no_adler": png(data=whole[:-4]), "half_adler": png(data=whole[:-2]),
              "end_cut": png(data=whole[:-5]), "more_after_end": png(data=whole + b"more" * 9), "two_streams": png(data=whole * 2),
              "raw_deflate": png(data=packed(plain, -15)), "gzip": png(data=packed(plain, 31)), "dictionary": png(data=b"\x78\xbb" + whole[2:]),
              "method": png(data=b"\x79" + whole[1:]), "window_too_large": png(data=b"\x88\x1c" + whole[2:]), "none": png(data=b""),
              "bad_check": png(data=b"\x78\x9d" + whole[2:]), "not_deflated": png(data=plain)}
    found |= {f"{count}_bytes_more": png(data=zlib.compress(plain + bytes(count))) for count in (1, row, 10 * row, 100_000)}
    found |= {f"{level}_{count}_bytes_less": png(data=zlib.compress(plain[:-count], level))
              for count in (1, row - 1, row, row + 1, 5 * row, 8 * row) for level in (0, 6)}
    first, rest = whole[:len(whole) // 2], whole[len(whole) // 2:]
    idat = lambda piece, **options: chunk(b"IDAT", piece, **options)
    framed = lambda middle: MAGIC + chunk(b"IHDR", header()) + middle + chunk(b"IEND", b"")
    found |= {"bad_crc": framed(idat(whole, crc=3)), "bad_crc_first": framed(idat(first, crc=3) + idat(rest)),
              "bad_crc_second": framed(idat(first) + idat(rest, crc=3)), "bad_end_crc": png(end=chunk(b"IEND", b"", crc=1)),
              "empty_chunks": framed(idat(b"") * 3 + idat(first) + idat(b"") + idat(rest) + idat(b"")),
              "text_between": framed(idat(first) + chunk(b"tEXt", b"a\0b") + idat(rest)),
              "text_then_data": framed(idat(whole) + chunk(b"tEXt", b"a\0b") + idat(b"more")),
              "beyond": framed(idat(whole, length=1 << 20)), "negative": framed(idat(whole, length=(1 << 32) - 1)),
              "short_length": framed(idat(whole, length=len(whole) - 9)), "no_end": png(end=b""), "end_twice": png(end=chunk(b"IEND", b"") * 2),
              "end_long": png(end=chunk(b"IEND", b"more")), "end_first": framed(chunk(b"IEND", b"") + idat(whole)),
              "then_zeros": png() + bytes(99), "then_text": png() + b"garbage" * 9, "then_itself": png() * 2, "then_jpeg": png() + saved()}
    return found


def packed(plain, bits):
    pack = zlib.compressobj(6, zlib.DEFLATED, bits)
    return pack.compress(plain) + pack.flush()


def animations():
    frames = [picture(size=(30, 20)), picture("L", size=(30, 20)).convert("RGB").rotate(180)]
    found = {}
    for mode in ("RGB", "RGBA", "L", "P"):
        for default in (False, True):
            file = io.BytesIO()
            frames[0].convert(mode).save(file, "PNG", save_all=True, append_images=[frames[1].convert(mode)] * 2, default_image=default)
            found[f"{mode}_{default}"] = file.getvalue()
            found[f"{mode}_{default}_cut"] = file.getvalue()[:-60]
    act = lambda count: chunk(b"acTL", struct.pack(">II", count, 0))
    fct = lambda size=(13, 9), at=(0, 0), number=0, ways=b"\0\0": chunk(b"fcTL", struct.pack(">IIIIIHH", number, *size, *at, 1, 10) + ways)
    found |= {"one": png(before=act(1) + fct()), "none": png(before=act(0) + fct()), "many": png(before=act(1 << 31) + fct()),
              "twice": png(before=act(2) * 2 + fct()), "control_alone": png(before=fct()), "count_alone": png(before=act(3)),
              "wrong_number": png(before=act(1) + fct(number=5)), "two_controls": png(before=act(2) + fct() + fct(number=1)),
              "ways": png(before=act(1) + fct(ways=b"\7\7")), "control_cut": png(before=act(1) + chunk(b"fcTL", bytes(25))),
              "control_long": png(before=act(1) + chunk(b"fcTL", struct.pack(">IIIIIHH", 0, 13, 9, 0, 0, 1, 1) + bytes(9))),
              "too_large": png(before=act(1) + fct(size=(14, 9))), "outside": png(before=act(1) + fct(at=(1, 0))),
              "missing_frames": png(before=act(9) + fct()), "data_first": png(before=act(1) + fct() + chunk(b"fdAT", b"\0\0\0\1" + zlib.compress(rows()))),
              "smaller": png(before=act(1) + fct(size=(7, 5), at=(3, 2)), data=zlib.compress(rows(size=(7, 5)))),
              "smaller_data": png(before=act(1) + fct(size=(7, 5)), data=zlib.compress(rows()))}
    return found


def damaged():
    found = {}
    files = {"rgb": png_of("RGB"), "palette": png_of("P"), "gray": png_of("L"), "parts": png(parts=9), "interlaced": png(interlace=1)}
    for name, file in files.items():
        ends = {*range(0, len(file), max(1, len(file) // 40)), *range(max(0, len(file) - 40), len(file))}
        found |= {f"{name}_ends_at_{end}": file[:end] for end in sorted(ends)}
        for trial in range(80):
            draws, broken = random.Random(f"{name}{trial}"), bytearray(file)
            for _ in range(1 + trial % 3):
                broken[draws.randrange(0 if trial % 2 else min(60, len(file) // 3), len(file))] = draws.randrange(256)
            found[f"{name}_bits_{trial}"] = bytes(broken)
        for trial in range(10):
            at = random.Random(f"{name}cut{trial}").randrange(33, len(file))
            found[f"{name}_lost_{trial}"] = file[:at] + file[at + 1:]
            found[f"{name}_zeros_{trial}"] = file[:at] + bytes(4) + file[at + 4:]
    return found


def large():
    """The most pixels that Pillow takes, in kilobytes; one line more; and rows longer than most decoders' limits."""
    empty = lambda size, depth=1, color=GRAY: png(
        size=size, depth=depth, color=color,
        data=zlib.compress(bytes((1 + -(-size[0] * SAMPLES[color] * depth // 8)) * size[1]), 1))
    return {"side_of_13000": empty((13_000, 13_000)), "most": empty((10_922, 16_385)), "too_many": empty((MOST + 1, 1)),
            "wide": empty((30_000_000, 1), 8, RGBA), "high": empty((1, 3_000_000), 8, RGB)}


def others():
    """Files of other formats, whatever their name says, and of none."""
    found = {"empty": b"", "zeros": bytes(5000), "text": b"no image\n" * 9, "ff": b"\xff" * 99, "start": b"\xff\xd8\xff", "start_of_two": b"\xff\xd8"}
    for kind in ("BMP", "WEBP", "GIF", "TIFF", "PPM"):
        file = io.BytesIO()
        picture().save(file, kind)
        found[kind] = file.getvalue()
    return found


def files():
    return {f"{group.__name__}/{name}": file for group in (kinds, palettes, headers, chunks, data, animations, damaged, large, others)
            for name, file in group().items()}
