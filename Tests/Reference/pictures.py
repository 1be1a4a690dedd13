#!/usr/bin/env python
"""Writes MediaTests/Fixtures/pictures: picture files of 23x17 of every kind that is read, and what Pillow makes of them.

Beside `NAME.png` stands `NAME.png.ppm`: the picture as diffusers' load_image gives it (turned upright, transparency left
out). 16-bit grey is the one exception: Pillow cuts it off at 255, here it is its upper 8 bits.
"""

import io
import pathlib
import struct
import zlib

import foreign_jpegs
import numpy as np
from PIL import Image, ImageFilter, ImageOps

FOLDER = pathlib.Path(__file__).parent.parent / "MediaTests/Fixtures/pictures"
WIDTH, HEIGHT = 23, 17
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def picture():
    """Smooth noise beside ramps and hard edges."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    ramp = np.stack([x * 255 // WIDTH, y * 255 // HEIGHT, (x + y) * 255 // (WIDTH + HEIGHT)], -1).astype(np.uint8)
    noise = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    image = Image.fromarray(ramp)
    image.paste(Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1)), (12, 5))
    image.paste((255, 0, 0), (2, 2, 7, 9))
    image.paste((0, 255, 255), (9, 1, 20, 4))
    return image


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(rows, depth):
    """Rows of samples as bytes, each behind a filter of its own kind."""
    out, before = b"", None
    for number, row in enumerate(rows):
        if depth == 16:
            data = row.astype(">u2").tobytes()
        elif depth == 8:
            data = row.astype(np.uint8).tobytes()
        else:
            bits = ((row.reshape(-1, 1) >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
            data = np.packbits(bits.reshape(-1)).tobytes()
        step = max(1, row.shape[-1] * depth // 8) if row.ndim > 1 else max(1, depth // 8)
        before = before or bytes(len(data))
        kind = number % 5
        line = bytearray()
        for i, value in enumerate(data):
            a = data[i - step] if i >= step else 0
            b, c = before[i], before[i - step] if i >= step else 0
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line.append((value - (0, a, b, (a + b) // 2, nearest)[kind]) & 255)
        out += bytes([kind]) + line
        before = data
    return out


def png(samples, depth, colour, palette=b"", extra=b"", interlaced=False, cut=0):
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, interlaced)
    if interlaced:
        passes = [samples[y::down, x::across] for x, y, across, down in ADAM7]
        data = b"".join(packed(part, depth) for part in passes if part.size)
    else:
        data = packed(samples, depth)
    data = zlib.compress(data[: len(data) - cut])
    half = len(data) // 2
    body = chunk(b"PLTE", palette) if palette else b""
    body += extra + chunk(b"IDAT", data[:half]) + chunk(b"IDAT", data[half:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def exif(orientation, order="<"):
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def pngs(image):
    rgb = np.asarray(image).astype(np.int64)
    grey = np.asarray(image.convert("L")).astype(np.int64)
    alpha = (np.arange(WIDTH) * 11)[None].repeat(HEIGHT, 0)
    wide = lambda samples: samples * 256 + (samples * 37 + 11) % 256
    colours = image.quantize(200)
    palette, indices = colours.palette.tobytes(), np.asarray(colours).astype(np.int64)
    files = {
        "rgb8": png(rgb, 8, 2), "rgb16": png(wide(rgb), 16, 2),
        "rgba8": png(np.dstack([rgb, alpha]), 8, 6), "rgba16": png(wide(np.dstack([rgb, alpha])), 16, 6),
        "greyalpha8": png(np.dstack([grey, alpha]), 8, 4), "greyalpha16": png(wide(np.dstack([grey, alpha])), 16, 4),
        "grey16": png(wide(grey), 16, 0), "palette8": png(indices, 8, 3, palette),
        "palette8-transparent": png(indices, 8, 3, palette, chunk(b"tRNS", bytes(range(0, 250, 5)))),
        "rgb8-transparent": png(rgb, 8, 2, extra=chunk(b"tRNS", struct.pack(">HHH", 255, 0, 0))),
        "grey8-transparent": png(grey, 8, 0, extra=chunk(b"tRNS", struct.pack(">H", int(grey[3, 3])))),
        "texts": png(rgb, 8, 2, extra=chunk(b"tEXt", b"Title\0A picture") + chunk(b"gAMA", struct.pack(">I", 45455))),
        "turned": png(rgb, 8, 2, extra=chunk(b"eXIf", exif(6, ">"))),
    }  # fmt: skip
    for depth in (1, 2, 4, 8):
        files[f"grey{depth}"] = png(grey >> (8 - depth), depth, 0)
    for depth in (1, 2, 4):
        few = image.quantize(1 << depth)
        files[f"palette{depth}"] = png(np.asarray(few).astype(np.int64), depth, 3, few.palette.tobytes())
    for name, samples, depth, colour in [("rgb8", rgb, 8, 2), ("rgba16", wide(np.dstack([rgb, alpha])), 16, 6),
                                         ("grey2", grey >> 6, 2, 0), ("grey1", grey >> 7, 1, 0)]:  # fmt: skip
        files[name + "-interlaced"] = png(samples, depth, colour, interlaced=True)
    return {name + ".png": data for name, data in files.items()}


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def jpegs(image):
    files = {f"{name}-foreign": data for name, data in foreign_jpegs.files().items()}
    for name, subsampling in [("444", 0), ("422", 1), ("420", 2)]:
        files[name] = saved(image, "JPEG", quality=80, subsampling=subsampling)
        files[name + "-progressive"] = saved(image, "JPEG", quality=80, subsampling=subsampling, progressive=True)
    files["narrow"] = saved(image.crop((0, 0, 3, 17)), "JPEG", quality=80, subsampling=2)
    files["grey"] = saved(image.convert("L"), "JPEG", quality=80)
    files["rgb"] = saved(image, "JPEG", quality=80, keep_rgb=True)
    files["restarts"] = saved(image, "JPEG", quality=80, restart_marker_blocks=2)
    files["comment"] = saved(image, "JPEG", quality=80, comment=b"Intel(R) JPEG Library, version 1.5")
    inks = np.asarray(image.convert("CMYK")).copy()
    inks[..., 3] = np.asarray(image.convert("L")) // 2
    files["cmyk"] = saved(Image.fromarray(inks, "CMYK"), "JPEG", quality=80)
    for orientation in range(1, 9):
        order = "<>"[orientation % 2]
        files[f"turned{orientation}"] = saved(image, "JPEG", quality=80, exif=b"Exif\0\0" + exif(orientation, order))
    files["archive-behind"] = files["444"] + b"PK\x03\x04" + bytes(40)
    return {name + ".jpg": data for name, data in files.items()}


def webps(image):
    faded = image.convert("RGBA")
    faded.putalpha(Image.fromarray((np.arange(WIDTH) * 11).astype(np.uint8)[None].repeat(HEIGHT, 0)))
    even = image.crop((0, 0, 22, 16))
    files = {
        "lossy": saved(image, "WEBP", quality=80), "lossy-even": saved(even, "WEBP", quality=60),
        "lossy-alpha": saved(faded, "WEBP", quality=80), "lossless": saved(image, "WEBP", lossless=True),
        "lossless-alpha": saved(faded, "WEBP", lossless=True, exact=True),
        "turned": saved(image, "WEBP", quality=80, exif=b"Exif\0\0" + exif(8)),
    }  # fmt: skip
    return {name + ".webp": data for name, data in files.items()}


def upright(data):
    """As diffusers' load_image."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


def refused(image):
    """Files that no picture can be read from, by what is wrong with them."""
    rgb = np.asarray(image).astype(np.int64)
    frames = [image, image.rotate(90), image.rotate(180)]
    short = png(rgb, 8, 2, cut=WIDTH * 3 + 1)
    return {
        "animated.png": saved(image, "PNG", save_all=True, append_images=frames[1:]),
        "animated.webp": saved(image, "WEBP", save_all=True, append_images=frames[1:]),
        "row-missing.png": short, "tiff.png": saved(image, "TIFF"), "gif.jpg": saved(image, "GIF"),
        "bmp.webp": saved(image, "BMP"), "avif.png": saved(image, "AVIF"),
    }  # fmt: skip


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "refused").mkdir(exist_ok=True)
    image = picture()
    total = 0
    for name, data in {**pngs(image), **jpegs(image), **webps(image)}.items():
        expected = upright(data)
        (FOLDER / name).write_bytes(data)
        header = f"P6 {expected.width} {expected.height} 255\n".encode()
        (FOLDER / (name + ".ppm")).write_bytes(header + np.asarray(expected).tobytes())
        total += 1
    for name, data in refused(image).items():
        (FOLDER / "refused" / name).write_bytes(data)
    print(total, "pictures")


if __name__ == "__main__":
    main()
