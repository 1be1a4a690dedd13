#!/usr/bin/env python
"""Writes PicturesTests/Fixtures/resampling.safetensors: what Pillow, Diffusers and transformers make of small pictures.

`source.NAME` [height, width, 3] are pictures, 0 to 255. Of each: `resized.NAME.FILTER.WIDTHxHEIGHT`, `covering.NAME.WIDTHxHEIGHT`
(Diffusers' resize mode "crop"), both 0 to 255; `video.NAME.WIDTHxHEIGHT` [3, height, width], -1 to 1;
`clip.NAME.EDGE.WIDTHxHEIGHT` [3, height, width], normalised; `size.WIDTHxHEIGHT.AREA.MULTIPLE` [2], width and height of a clip.
"""

import pathlib

import numpy as np
import torch
from diffusers.video_processor import VideoProcessor
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPImageProcessorPil

FILTERS = {"box": Image.BOX, "bilinear": Image.BILINEAR, "hamming": Image.HAMMING, "bicubic": Image.BICUBIC,
           "lanczos": Image.LANCZOS}  # fmt: skip


def sources(seed, sizes):
    rng = np.random.default_rng(seed)
    for number, (width, height) in enumerate(sizes):
        noise = rng.integers(0, 256, (height, width, 3))
        y, x = np.mgrid[:height, :width]
        edges = np.stack([(x * 3 // width) * 127, (y * 3 // height) * 127, ((x + y) // 5 % 2) * 255], -1)
        yield f"{number}", (noise if number % 2 else edges).astype(np.uint8)


def half(image):
    return torch.from_numpy(np.asarray(image).astype(np.float16))


def wan_size(width, height, area, multiple):
    """As in the documentation of WanImageToVideoPipeline."""
    aspect_ratio = height / width
    new_height = round(np.sqrt(area * aspect_ratio)) // multiple * multiple
    new_width = round(np.sqrt(area / aspect_ratio)) // multiple * multiple
    return torch.tensor([int(new_width), int(new_height)])


def cases(seed, sizes, targets):
    tensors = {}
    video = VideoProcessor(vae_scale_factor=8)
    for name, pixels in sources(seed, sizes):
        image = Image.fromarray(pixels)
        tensors[f"source.{name}"] = half(image)
        for number, (width, height) in enumerate(targets):
            to = f"{width}x{height}"
            for kind, resample in FILTERS.items():
                tensors[f"resized.{name}.{kind}.{to}"] = half(image.resize((width, height), resample))
            tensors[f"covering.{name}.{to}"] = half(video.resize(image, height, width, resize_mode="crop"))
            if width % 8 == 0 and height % 8 == 0:
                tensors[f"video.{name}.{to}"] = video.preprocess(image, height=height, width=width)[0]
            edge = (width, height, width + 3)[number % 3]
            clip = CLIPImageProcessorPil(size={"shortest_edge": edge}, crop_size={"width": width, "height": height})
            tensors[f"clip.{name}.{edge}.{to}"] = clip(images=image, return_tensors="pt")["pixel_values"][0]
    for width, height in [(1280, 720), (720, 1280), (1024, 1024), (4000, 3000), (641, 479), (8000, 1000), (1, 8)]:
        for area, multiple in [(480 * 832, 16), (720 * 1280, 16), (704 * 1280, 32), (64 * 64, 8)]:
            tensors[f"size.{width}x{height}.{area}.{multiple}"] = wan_size(width, height, area, multiple)
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def main():
    tensors = cases(7, [(29, 21), (16, 24), (7, 40), (1, 1)], [(16, 24), (8, 8), (13, 31), (40, 5), (1, 2)])
    file = pathlib.Path(__file__).parent.parent / "PicturesTests/Fixtures/resampling.safetensors"
    file.parent.mkdir(exist_ok=True)
    save_file(tensors, file)
    print(file.stat().st_size, "bytes,", len(tensors), "tensors")


if __name__ == "__main__":
    main()
