"""A denoising step in PyTorch at the sizes of bench/gpu: seconds with guidance, as JSON in a file.

Where Diffusers is installed, its WanTransformer3DModel with random weights. Where it is not, the same stack of blocks
written here: self-attention with RMS norm over the whole row and rotary embedding, cross-attention to 512 rows of text,
GELU feed-forward, modulation by the time; bf16 with the norms in f32, SDPA. Both as they are and under torch.compile.
The result says which of them it is. The other costs of a step (solver, guidance) are left out on this side.

    torch_steps.py FILE [--only ti2v-5b,t2v-1.3b,a14b] [--repeats 3] [--tiny] [--no-compile]
"""

import argparse
import json
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

TEXT_ROWS = 512
# Layers, heads, width of the feed-forward, latents as channels, frames, height, width. Heads are 128 wide.
MODELS = {
    "ti2v-5b": dict(layers=30, heads=24, ffn=14336, latents=(48, 31, 44, 80)),
    "t2v-1.3b": dict(layers=30, heads=12, ffn=8960, latents=(16, 21, 60, 104)),
    "a14b": dict(layers=40, heads=40, ffn=13824, latents=(16, 21, 60, 104)),
}
TINY = {"tiny": dict(layers=2, heads=2, ffn=320, latents=(4, 2, 4, 6))}
HEAD = 128
TEXT_WIDTH = 4096


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))
        self.norm_q, self.norm_k = nn.RMSNorm(width, eps=1e-6), nn.RMSNorm(width, eps=1e-6)

    def split(self, x):
        return x.unflatten(-1, (self.heads, HEAD)).transpose(1, 2)

    def forward(self, x, context, rotary=None):
        q, k = self.split(self.norm_q(self.q(x))), self.split(self.norm_k(self.k(context)))
        if rotary is not None:
            q, k = turn(q, rotary), turn(k, rotary)
        y = F.scaled_dot_product_attention(q, k, self.split(self.v(context)))
        return self.out(y.transpose(1, 2).flatten(2))


def turn(x, rotary):
    """The rotary embedding of interleaved pairs."""
    cosine, sine = rotary
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([a * cosine - b * sine, a * sine + b * cosine], -1).flatten(-2).to(x.dtype)


class Block(nn.Module):
    def __init__(self, width, heads, ffn):
        super().__init__()
        self.self_attention, self.cross_attention = Attention(width, heads), Attention(width, heads)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.into, self.out = nn.Linear(width, ffn), nn.Linear(ffn, width)
        self.table = nn.Parameter(torch.randn(1, 6, width))

    def forward(self, x, text, time, rotary):
        shift, scale, gate, shift2, scale2, gate2 = (self.table + time).float().chunk(6, 1)
        y = F.layer_norm(x.float(), x.shape[-1:], eps=1e-6) * (1 + scale) + shift
        x = (x.float() + gate * self.self_attention(y.to(x.dtype), y.to(x.dtype), rotary)).to(x.dtype)
        x = x + self.cross_attention(self.norm(x), text)
        y = (F.layer_norm(x.float(), x.shape[-1:], eps=1e-6) * (1 + scale2) + shift2).to(x.dtype)
        y = self.out(F.gelu(self.into(y), approximate="tanh"))
        return (x.float() + gate2 * y).to(x.dtype)


class Stack(nn.Module):
    """The blocks of a transformer between patches, with the text already as wide as the tokens."""

    def __init__(self, layers, heads, ffn, latents):
        super().__init__()
        width = heads * HEAD
        channels = latents[0] * 4
        self.into, self.text = nn.Linear(channels, width), nn.Linear(TEXT_WIDTH, width)
        self.blocks = nn.ModuleList(Block(width, heads, ffn) for _ in range(layers))
        self.out = nn.Linear(width, channels)

    def forward(self, patches, text, time, rotary):
        x, text = self.into(patches), self.text(text)
        for block in self.blocks:
            x = block(x, text, time, rotary)
        return self.out(x)


def random_weights(model):
    for name, parameter in model.named_parameters():
        gain = parameter.dim() == 1 and "norm" in name and name.endswith("weight")
        nn.init.normal_(parameter, mean=1.0 if gain else 0.0, std=0.02)
    return model.eval().requires_grad_(False)


def plain(spec, device):
    """The stack of this file and its inputs."""
    with torch.device(device):
        torch.set_default_dtype(torch.bfloat16)
        model = random_weights(Stack(**spec))
        channels, frames, height, width = spec["latents"]
        tokens = frames * (height // 2) * (width // 2)
        angles = torch.randn(tokens, HEAD // 2, dtype=torch.float32)
        arguments = (torch.randn(1, tokens, channels * 4), torch.randn(1, TEXT_ROWS, TEXT_WIDTH),
                     torch.randn(1, 6, spec["heads"] * HEAD), (angles.cos(), angles.sin()))
        torch.set_default_dtype(torch.float32)
    return model, lambda module: module(*arguments)


def diffusers(spec, device):
    """Diffusers' transformer and its inputs; raises ImportError where there is no Diffusers."""
    from diffusers import WanTransformer3DModel

    channels = spec["latents"][0]
    with torch.device(device):
        torch.set_default_dtype(torch.bfloat16)
        model = WanTransformer3DModel(
            patch_size=(1, 2, 2), num_attention_heads=spec["heads"], attention_head_dim=HEAD, in_channels=channels,
            out_channels=channels, text_dim=TEXT_WIDTH, freq_dim=256, ffn_dim=spec["ffn"], num_layers=spec["layers"],
            cross_attn_norm=True, qk_norm="rms_norm_across_heads", rope_max_seq_len=1024)
        torch.set_default_dtype(torch.float32)
        model = random_weights(model)
        # As from_pretrained leaves them.
        for name, parameter in model.named_parameters():
            if any(part in name for part in model._keep_in_fp32_modules):
                parameter.data = parameter.data.float()
        latents = torch.randn(1, *spec["latents"], dtype=torch.bfloat16)
        text = torch.randn(1, TEXT_ROWS, TEXT_WIDTH, dtype=torch.bfloat16)
        step = torch.full((1,), 500.0)
    return model, lambda module: module(latents, step, text, return_dict=False)


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(module, call, device, repeats):
    """Median of two passes, as guidance needs them, and the seconds of the first, which compiles."""
    times = []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            begin = time.perf_counter()
            call(module)
            call(module)
            synchronize(device)
            times.append(time.perf_counter() - begin)
    return statistics.median(times[1:]), times[0]


def measure(name, spec, device, options, tell):
    """Tells what is known of a model's step: the plain time as soon as it is there, the compiled one may never come."""
    try:
        model, call = diffusers(spec, device)
        what = "Diffusers WanTransformer3DModel"
    except ImportError:
        model, call = plain(spec, device)
        what = "plain PyTorch block stack of the same sizes"
    result = dict(model=name, what=what, parameters=sum(p.numel() for p in model.parameters()))
    result["eager_seconds"], _ = seconds(model, call, device, options.repeats)
    tell(result)
    if not options.no_compile:
        try:
            compiled = torch.compile(model)
            result["compiled_seconds"], result["compile_seconds"] = seconds(compiled, call, device, options.repeats)
        except Exception as error:  # Whatever the compiler stumbles over, the eager time stands.
            result["compile_error"] = str(error).splitlines()[0]
    if device == "cuda":
        result["peak_bytes"] = torch.cuda.max_memory_allocated()
    tell(result)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="written anew after each time that was measured")
    parser.add_argument("--only")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="a tiny model: shows that it works")
    parser.add_argument("--no-compile", action="store_true")
    options = parser.parse_args()
    models = TINY if options.tiny else MODELS
    device = "cuda" if torch.cuda.is_available() else "cpu"
    card = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    results = {}

    def tell(result):
        results[result["model"]] = result
        print(f"{result['model']}: {result}", file=sys.stderr)
        part = options.file + ".part"
        with open(part, "w", encoding="utf-8") as file:
            json.dump(dict(torch=torch.__version__, device=card, text_rows=TEXT_ROWS, steps=list(results.values())),
                      file, indent=1)
        os.replace(part, options.file)

    for name, spec in models.items():
        if options.only and name not in options.only.split(","):
            continue
        measure(name, spec, device, options, tell)
        if device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


if __name__ == "__main__":
    main()
