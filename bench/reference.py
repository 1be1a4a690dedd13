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
    jobs = dict(build=build, pipeline=pipeline, transformer=transformer, decode=decode, psnr=psnr, versions=versions)
    print(json.dumps(jobs[sys.argv[1]](**json.loads(sys.argv[2]))))
