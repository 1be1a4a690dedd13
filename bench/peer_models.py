"""The files that stable-diffusion.cpp and wan-infer both read: `peer_models.py FOLDER`.

Wan 2.1 1.3B and umT5-xxl in Q8_0 as GGUF, the autoencoder in safetensors: names, shapes and formats of the published
files, and random numbers. stable-diffusion.cpp knows these models by their sizes, so they are whole: 8 GB.
"""

import math
import pathlib
import struct
import sys

import numpy
import torch
from safetensors.torch import save_file

from peer import TEXT, TRANSFORMER, VAE

BLOCK = 32  # Numbers of Q8_0 that share a scale.
F32, Q8_0 = 0, 8


def linear(name, out, inner, bias=True):
    return [(f"{name}.weight", (out, inner))] + ([(f"{name}.bias", (out,))] if bias else [])


def transformer(dim=1536, hidden=8960, layers=30, channels=16):
    """Names and shapes, as the authors have them."""
    tensors = [("patch_embedding.weight", (dim, channels, 1, 2, 2)), ("patch_embedding.bias", (dim,))]
    tensors += linear("text_embedding.0", dim, 4096) + linear("text_embedding.2", dim, dim)
    tensors += linear("time_embedding.0", dim, 256) + linear("time_embedding.2", dim, dim)
    tensors += linear("time_projection.1", 6 * dim, dim)
    for index in range(layers):
        block = f"blocks.{index}"
        tensors += [(f"{block}.modulation", (1, 6, dim)), (f"{block}.norm3.weight", (dim,)), (f"{block}.norm3.bias", (dim,))]
        for attention in (f"{block}.self_attn", f"{block}.cross_attn"):
            for part in "qkvo":
                tensors += linear(f"{attention}.{part}", dim, dim)
            tensors += [(f"{attention}.norm_{part}.weight", (dim,)) for part in "qk"]
        tensors += linear(f"{block}.ffn.0", hidden, dim) + linear(f"{block}.ffn.2", dim, hidden)
    return tensors + [("head.modulation", (1, 2, dim))] + linear("head.head", 4 * channels, dim)


def text_encoder(dim=4096, hidden=10240, layers=24, heads=64, words=256384):
    """The same, as llama.cpp names them."""
    tensors = [("token_embd.weight", (words, dim)), ("enc.output_norm.weight", (dim,))]
    for index in range(layers):
        block = f"enc.blk.{index}"
        tensors += [(f"{block}.attn_norm.weight", (dim,)), (f"{block}.ffn_norm.weight", (dim,)),
                    (f"{block}.attn_rel_b.weight", (32, heads))]
        for part in "qkvo":
            tensors += linear(f"{block}.attn_{part}", dim, dim, bias=False)
        for part, shape in (("gate", (hidden, dim)), ("up", (hidden, dim)), ("down", (dim, hidden))):
            tensors += linear(f"{block}.ffn_{part}", *shape, bias=False)
    return tensors


def convolution(name, out, inner, *kernel):
    return [(f"{name}.weight", (out, inner, *kernel)), (f"{name}.bias", (out,))]


def residual(name, inner, out):
    tensors = [(f"{name}.residual.0.gamma", (inner, 1, 1, 1)), (f"{name}.residual.3.gamma", (out, 1, 1, 1))]
    tensors += convolution(f"{name}.residual.2", out, inner, 3, 3, 3) + convolution(f"{name}.residual.6", out, out, 3, 3, 3)
    return tensors + (convolution(f"{name}.shortcut", out, inner, 1, 1, 1) if inner != out else [])


def middle(name, dim):
    attention = [(f"{name}.1.norm.gamma", (dim, 1, 1))]
    attention += convolution(f"{name}.1.to_qkv", 3 * dim, dim, 1, 1) + convolution(f"{name}.1.proj", dim, dim, 1, 1)
    return residual(f"{name}.0", dim, dim) + attention + residual(f"{name}.2", dim, dim)


def autoencoder(dim=96, z=16):
    """The autoencoder of Wan 2.1, as the authors name it."""
    tensors = convolution("conv1", 2 * z, 2 * z, 1, 1, 1) + convolution("conv2", z, z, 1, 1, 1)
    tensors += convolution("encoder.conv1", dim, 3, 3, 3, 3)
    place, inner = 0, dim
    for level, factor in enumerate((1, 2, 4, 4)):
        for _ in range(2):
            tensors += residual(f"encoder.downsamples.{place}", inner, factor * dim)
            place, inner = place + 1, factor * dim
        if level < 3:
            tensors += convolution(f"encoder.downsamples.{place}.resample.1", inner, inner, 3, 3)
            tensors += convolution(f"encoder.downsamples.{place}.time_conv", inner, inner, 3, 1, 1) if level > 0 else []
            place += 1
    tensors += middle("encoder.middle", inner) + [("encoder.head.0.gamma", (inner, 1, 1, 1))]
    tensors += convolution("encoder.head.2", 2 * z, inner, 3, 3, 3)
    tensors += convolution("decoder.conv1", inner, z, 3, 3, 3) + middle("decoder.middle", inner)
    place = 0
    for level, factor in enumerate((4, 4, 2, 1)):
        for _ in range(3):
            tensors += residual(f"decoder.upsamples.{place}", inner, factor * dim)
            place, inner = place + 1, factor * dim
        if level < 3:
            tensors += convolution(f"decoder.upsamples.{place}.resample.1", inner // 2, inner, 3, 3)
            tensors += convolution(f"decoder.upsamples.{place}.time_conv", 2 * inner, inner, 3, 1, 1) if level < 2 else []
            place, inner = place + 1, inner // 2
    return tensors + [("decoder.head.0.gamma", (inner, 1, 1, 1))] + convolution("decoder.head.2", 3, inner, 3, 3, 3)


class Numbers:
    """Random numbers, for large matrices the same ones again and again."""

    def __init__(self):
        self.random = numpy.random.default_rng(21)
        self.blocks = self.random.integers(0, 256, (1 << 20, 2 + BLOCK), numpy.uint8)

    def dense(self, name, shape):
        """Gains near one, biases small, matrices such that a product keeps the size of its input."""
        noise = self.random.standard_normal(shape, numpy.float32)
        if "norm" in name or "gamma" in name:
            return 1 + 0.1 * noise if not name.endswith("bias") else 0.1 * noise
        if len(shape) < 2 or "modulation" in name or "attn_rel_b" in name:
            return 0.1 * noise
        return noise / numpy.float32(math.sqrt(math.prod(shape[1:])))

    def quantised(self, shape):
        """Q8_0: a scale in f16 and 32 whole numbers, evenly distributed."""
        scale = numpy.float16(1 / (math.sqrt(shape[1]) * 256 / math.sqrt(12)))
        self.blocks[:, :2] = numpy.frombuffer(scale.tobytes(), numpy.uint8)
        return numpy.resize(self.blocks, (math.prod(shape) // BLOCK, 2 + BLOCK))


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def write_gguf(path, architecture, tensors, numbers):
    """Matrices in Q8_0, the patch embedding and all vectors in f32."""
    infos, kinds, place = b"", [], 0
    for name, shape in tensors:
        kind = Q8_0 if len(shape) == 2 and shape[1] % BLOCK == 0 and "attn_rel_b" not in name else F32
        size = math.prod(shape) // BLOCK * (2 + BLOCK) if kind == Q8_0 else 4 * math.prod(shape)
        infos += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), kind, place)
        kinds.append(kind)
        place += (size + 31) // 32 * 32
    fields = text("general.architecture") + struct.pack("<I", 8) + text(architecture)
    with open(path, "wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 1) + fields + infos)
        for (name, shape), kind in zip(tensors, kinds):
            file.write(bytes(-file.tell() % 32))
            (numbers.quantised(shape) if kind == Q8_0 else numbers.dense(name, shape)).tofile(file)


def write(folder):
    numbers = Numbers()
    write_gguf(folder / TRANSFORMER, "wan", transformer(), numbers)
    write_gguf(folder / TEXT, "t5encoder", text_encoder(), numbers)
    weights = {name: torch.from_numpy(numbers.dense(name, shape)).to(torch.bfloat16) for name, shape in autoencoder()}
    save_file(weights, folder / VAE)


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]))
