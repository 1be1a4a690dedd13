"""A linear encoder for a packaged model, whose own was not kept: least squares from the clips that it makes to their latents.

    python fit_encoder.py MODEL OUT.safetensors [CLIPS]
`weight` [z, 768] and `bias` [z]: a patch of latents.py in [-1,1], flattened, to a latent."""
import sys
import numpy as np, torch
from safetensors.torch import load_file, save_file
from clips import draw, pixels
from latents import patches
from package import read
from sample import latents
from text import Words, embed
from vae import decode
from vocabulary import *


class Linear:
    def __init__(self, path): self.__dict__.update(load_file(path))

    def __call__(self, x): return patches(x).flatten(-2) @ self.weight.T + self.bias


def psnr(a, b): return 10 * torch.log10(4 / (a - b).square().flatten(1).mean(1))


@torch.no_grad()
def main(model, out, clips="24"):
    torch.set_num_threads(1); torch.set_flush_denormal(True)
    m, te, v = read(model)
    words, rng, n = Words(f"{model}/tokenizer/tokenizer.json"), np.random.default_rng(3), int(clips)
    texts = [caption(sample_spec(rng, TRIPLES), rng) for _ in range(n)]
    empty, P, Q = embed(te, words.ids([""])), [], []
    for i in range(0, n, 12):
        z = latents(m, embed(te, words.ids(texts[i:i + 12])), empty, list(range(900 + i, 900 + min(i + 12, n))), steps=8, guidance=2., shift=10., bf16=False)
        P.append(patches(decode(v, z).clamp(-1, 1)).flatten(0, 3).flatten(1)); Q.append(z.flatten(0, 3))
    a = torch.cat([torch.cat(P), torch.ones(sum(map(len, P)), 1)], 1).double()
    w = torch.linalg.solve(a.T @ a + 1e-2 * torch.eye(a.shape[1]).double(), a.T @ torch.cat(Q).double()).float()
    save_file({"weight": w[:-1].T.contiguous(), "bias": w[-1].contiguous()}, out)
    e, rng = Linear(out), np.random.default_rng(9)
    x = pixels(*draw([sample_spec(rng, TEST) for _ in range(12)], rng, 17, (96, 96)))
    y = decode(v, e(x)).clamp(-1, 1)
    print(f"drawn clips through it and the decoder: {psnr(y, x).mean():.1f} dB, their first frames {psnr(y[:, 0], x[:, 0]).mean():.1f} dB")


if __name__ == "__main__": main(*sys.argv[1:])
