"""A row of the comparison: what it costs that the blocks of a model take turns in memory."""

import math

from table import in_turn, median, seconds


def measure_blocks(run, table, options):
    """Three steps of the 1.3B transformer in f32, all of it in memory and within a quarter of it, the page cache warm."""
    side, frames = (64, 5) if options.quick else (256, 17)
    folder = options.models / "offload"
    file = folder / "transformer/diffusion_pytorch_model.safetensors"
    with open(file, "rb") as weights:
        while weights.read(1 << 24):
            pass
    settings = ["--width", side, "--height", side, "--frames", frames, "--steps", 3, "--guidance", 1, "--dtype", "f32"]
    limit = max(1, math.ceil(file.stat().st_size / 4 / 1e8) / 10)
    within, resident = in_turn(
        options.rounds,
        lambda: run.engine(*settings, "--offload", "blocks", "--vram-limit", limit, model=folder),
        lambda: run.engine(*settings, "--offload", "none", model=folder))
    within, resident = (median(side, lambda r: r["stage_seconds"]["denoise"]) for side in (within, resident))
    name = f"three steps within {limit} GB, beside all {file.stat().st_size / 1e9:.1f} GB in memory"
    table.add(name, seconds(within), seconds(resident), within / resident, run.target("offload"))
