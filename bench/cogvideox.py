"""Rows of the comparison: CogVideoX's transformer and decoder."""

from table import in_turn, median, megabytes, seconds


def measure_step(run, table, options):
    width, height, frames = (128, 128, 13) if options.quick else (512, 512, 13)
    latents = [(frames - 1) // 4 + 1, 16, height // 8, width // 8]
    folder = options.models / "cog-dit"
    settings = ["--width", width, "--height", height, "--frames", frames, "--steps", 1, "--guidance", 1, "--dtype", "f32"]
    flops = run.flops("denoise", *settings, model=folder)
    ours, theirs = in_turn(
        options.rounds, lambda: run.engine(*settings, model=folder),
        lambda: run.reference("cogvideox_transformer", folder=folder, latents=latents, text=[226, 64], threads=run.threads))
    ours = median(ours, lambda r: r["stage_seconds"]["denoise"])
    theirs = median(theirs, lambda r: r["seconds"])
    count = latents[0] * (height // 16) * (width // 16)
    table.add(f"CogVideoX-5b step, 2 layers, {count} + 226 tokens, f32", seconds(ours, flops), seconds(theirs, flops),
              ours / theirs, run.target("CogVideoX step"))


def measure_decoder(run, table, options):
    size, frames = (64, 17) if options.quick else (128, 17)
    latents = [16, (frames - 1) // 4 + 1, size // 8, size // 8]
    folder = options.models / "cog-vae"
    settings = ["--width", size, "--height", size, "--frames", frames, "--steps", 1, "--guidance", 1, "--dtype", "f32"]
    flops = run.flops("decode", *settings, model=folder)
    ours, theirs = in_turn(
        options.rounds, lambda: run.engine(*settings, model=folder),
        lambda: run.reference("cogvideox_decode", folder=folder, latents=latents, threads=run.threads))
    memory = median(ours, lambda r: r["peak_memory_bytes"]) - run.idle_bytes()
    their_memory = median(theirs, lambda r: r["peak_bytes"])
    ours = median(ours, lambda r: r["stage_seconds"]["decode"])
    theirs = median(theirs, lambda r: r["seconds"])
    name = f"{size}×{size}×{frames}, f32"
    table.add(f"CogVideoX VAE decode {name}", seconds(ours, flops), seconds(theirs, flops), ours / theirs,
              run.target("CogVideoX VAE"))
    table.add(f"CogVideoX VAE memory {name}", megabytes(memory), megabytes(their_memory), memory / their_memory,
              run.target("CogVideoX memory"))
