"""Rows of the comparison: what reads pictures."""

import struct
import zlib

from table import in_turn, median, seconds


def write_picture(path, side):
    """A PNG of stripes; needs no library."""
    rows = b"".join(b"\0" + bytes((x * 3 + y * c) % 256 for x in range(side) for c in (1, 5, 11)) for y in range(side))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return path


def measure_tower(run, table, options):
    folder, picture = options.models / "clip", write_picture(run.scratch / "picture.png", 300)
    settings = ["--width", 64, "--height", 64, "--frames", 5, "--steps", 1, "--guidance", 1, "--dtype", "f32"]
    flops = run.flops("text", *settings, "--image", picture, model=folder)
    ours, theirs = in_turn(
        options.rounds, lambda: run.engine(*settings, "--image", picture, model=folder),
        lambda: run.reference("tower", folder=folder, side=224, threads=run.threads))
    ours = median(ours, lambda r: r["stage_seconds"]["text"])
    theirs = median(theirs, lambda r: r["seconds"])
    layers = 2 if options.quick else 8
    table.add(f"CLIP ViT-H, {layers} layers, one picture, f32", seconds(ours, flops), seconds(theirs, flops), ours / theirs,
              run.target("CLIP"))


def measure_encoder(run, table, options):
    size, frames = (64, 17) if options.quick else (256, 17)
    folder, picture = options.models / "encode", write_picture(run.scratch / "picture.png", 300)
    settings = ["--width", size, "--height", size, "--frames", frames, "--steps", 1, "--guidance", 1, "--dtype", "f32"]
    flops = run.flops("text", *settings, "--image", picture, model=folder)
    ours, theirs = in_turn(
        options.rounds, lambda: run.engine(*settings, "--image", picture, model=folder),
        lambda: run.reference("encode", folder=folder, pixels=[3, frames, size, size], threads=run.threads))
    ours = median(ours, lambda r: r["stage_seconds"]["text"])
    theirs = median(theirs, lambda r: r["seconds"])
    # Grey frames repeat: what is not computed again is not counted either.
    table.add(f"Wan 2.1 VAE encode, a picture and grey, {size}×{size}×{frames}, f32", seconds(ours, flops), seconds(theirs),
              ours / theirs, run.target("VAE encode"))
