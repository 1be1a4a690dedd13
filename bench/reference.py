"""Diffusers' side of the comparison: `reference.py JOB ARGUMENTS-AS-JSON`, in a process of its own, answers in JSON."""

import json
import math
import pathlib
import sys
import time


def peak_bytes():
    """The most memory this program has held (getrusage would count its parent too)."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def build(root, quick, names):
    """Writes the model folders."""
    import models

    for name in names:
        models.write(pathlib.Path(root) / name, name, quick)
    return {}


def pipeline(folder, settings, threads):
    """A whole run, frames as an array at the end."""
    import torch
    from diffusers import WanPipeline

    torch.set_num_threads(threads)
    pipe = WanPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    frames = pipe(
        settings["prompt"], negative_prompt=settings["negative_prompt"], width=settings["width"],
        height=settings["height"], num_frames=settings["frames"], num_inference_steps=settings["steps"],
        guidance_scale=settings["guidance"], max_sequence_length=settings["text_rows"],
        generator=torch.Generator().manual_seed(settings["seed"]), output_type="np").frames
    return dict(shape=list(frames.shape))


def transformer(folder, dtype, latents, text, threads):
    """One forward pass, after a small one that starts the threads."""
    import torch
    from diffusers import WanTransformer3DModel

    torch.set_num_threads(threads)
    dtype = getattr(torch, dtype)
    model = WanTransformer3DModel.from_pretrained(folder, subfolder="transformer", torch_dtype=dtype).eval()

    def forward(*shape):
        begin = time.perf_counter()
        with torch.no_grad():
            out = model(torch.randn(1, *shape, dtype=dtype), torch.tensor([999]), torch.randn(1, *text, dtype=dtype))[0]
        assert out.isfinite().all()
        return time.perf_counter() - begin

    forward(latents[0], 1, 8, 8)
    return dict(seconds=forward(*latents))


def decode(folder, latents, threads):
    """Latents to frames in float32."""
    import torch
    from diffusers import AutoencoderKLWan

    torch.set_num_threads(threads)
    start = peak_bytes()
    model = AutoencoderKLWan.from_pretrained(folder, subfolder="vae").eval()
    begin = time.perf_counter()
    with torch.no_grad():
        frames = model.decode(torch.randn(1, *latents)).sample
    seconds = time.perf_counter() - begin
    assert frames.isfinite().all()
    return dict(seconds=seconds, peak_bytes=peak_bytes() - start)


def timed(model, run):
    """Seconds of a call whose result is finite."""
    import torch

    begin = time.perf_counter()
    with torch.no_grad():
        out = run(model)
    seconds = time.perf_counter() - begin
    assert out.isfinite().all()
    return seconds


def encode(folder, pixels, threads):
    """A clip of a picture and grey to latents in float32."""
    import torch
    from diffusers import AutoencoderKLWan

    torch.set_num_threads(threads)
    model = AutoencoderKLWan.from_pretrained(folder, subfolder="vae").eval()
    clip = torch.zeros(1, *pixels)
    clip[:, :, 0] = torch.randn(clip[:, :, 0].shape)
    return dict(seconds=timed(model, lambda m: m.encode(clip).latent_dist.mode()))


def tower(folder, side, threads):
    """One picture through CLIP, after one that starts the threads."""
    import torch
    from transformers import CLIPVisionModel

    torch.set_num_threads(threads)
    model = CLIPVisionModel.from_pretrained(pathlib.Path(folder) / "image_encoder", dtype=torch.float32).eval()
    picture = torch.randn(1, 3, side, side)

    def run(m):
        return m(pixel_values=picture, output_hidden_states=True).hidden_states[-2]

    timed(model, run)
    return dict(seconds=timed(model, run))


def cogvideox_transformer(folder, latents, text, threads):
    """One forward pass, after a small one that starts the threads."""
    import torch
    from diffusers import CogVideoXTransformer3DModel
    from diffusers.models.embeddings import get_3d_rotary_pos_embed

    torch.set_num_threads(threads)
    model = CogVideoXTransformer3DModel.from_pretrained(folder, subfolder="transformer").eval()

    def forward(frames, channels, height, width):
        grid = (height // 2, width // 2)
        rotary = get_3d_rotary_pos_embed(64, ((0, 0), grid), grid, frames)
        x, words = torch.randn(1, frames, channels, height, width), torch.randn(1, *text)
        return timed(model, lambda m: m(x, words, torch.tensor([999]), image_rotary_emb=rotary)[0])

    forward(1, latents[1], 8, 8)
    return dict(seconds=forward(*latents))


def cogvideox_decode(folder, latents, threads):
    """Latents to frames in float32."""
    import torch
    from diffusers import AutoencoderKLCogVideoX

    torch.set_num_threads(threads)
    start = peak_bytes()
    model = AutoencoderKLCogVideoX.from_pretrained(folder, subfolder="vae").eval()
    x = torch.randn(1, *latents)
    return dict(seconds=timed(model, lambda m: m.decode(x).sample), peak_bytes=peak_bytes() - start)


def drift(files):
    """Relative distance of the latents of two dumps behind their last steps."""
    from safetensors import safe_open

    latents = []
    for file in files:
        with safe_open(file, "np") as dump:
            latents.append(dump.get_tensor("latents.final").astype("float64"))
    return dict(relative=float(((latents[1] - latents[0]) ** 2).sum() ** 0.5 / (latents[0] ** 2).sum() ** 0.5))


def psnr(files):
    """How far two dumps' frames are apart, in decibels."""
    from safetensors import safe_open

    frames = []
    for file in files:
        with safe_open(file, "np") as dump:
            frames.append(dump.get_tensor("frames"))
    difference = ((frames[0] - frames[1]) ** 2).mean()
    inside = ((frames[0] > 0) & (frames[0] < 1)).mean()
    return dict(decibels=-10 * math.log10(max(difference, 1e-12)), inside=float(inside))


def versions():
    import platform

    import diffusers
    import torch

    return dict(Python=platform.python_version(), torch=torch.__version__, diffusers=diffusers.__version__)


if __name__ == "__main__":
    jobs = dict(build=build, pipeline=pipeline, transformer=transformer, decode=decode, encode=encode, tower=tower,
                cogvideox_transformer=cogvideox_transformer, cogvideox_decode=cogvideox_decode, drift=drift, psnr=psnr,
                versions=versions)
    print(json.dumps(jobs[sys.argv[1]](**json.loads(sys.argv[2]))))
