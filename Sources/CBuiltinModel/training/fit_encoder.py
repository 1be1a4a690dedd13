"""A linear encoder for a packaged model whose own was not kept: from the clips that it makes and their latents.

    python fit_encoder.py MODEL BASIS.pt [CLIPS]
Least squares over the principal components of drawn clips; latents.py took the first 12 of them, and of more the fit sees only noise."""
import sys
import numpy as np, torch
from clips import draw, pixels
from latents import Encoder, patches, principal
from package import read
from sample import latents
from text import Words, embed
from vae import decode
from vocabulary import *

COMPONENTS = 16                                              # the last of the 12 are nearly as strong as the next


def psnr(a, b): return 10 * torch.log10(4 / (a - b).square().flatten(1).mean(1))


@torch.no_grad()
def main(model, out, clips="36"):
    torch.set_num_threads(2); torch.set_flush_denormal(True)
    m, te, v = read(model)
    words, rng, n = Words(f"{model}/tokenizer/tokenizer.json"), np.random.default_rng(3), int(clips)
    texts = [caption(sample_spec(rng, TRIPLES), rng) for _ in range(n)]
    empty, P, Q = embed(te, words.ids([""])), [], []
    for i in range(0, n, 12):
        z = latents(m, embed(te, words.ids(texts[i:i + 12])), empty, list(range(900 + i, 900 + min(i + 12, n))), steps=8, guidance=2., shift=10., bf16=False)
        P.append(patches(decode(v, z).clamp(-1, 1)).flatten(0, 3).flatten(1)); Q.append(z.flatten(0, 3))
    mean, _, vec = principal(np.random.default_rng(3))
    flat, vec = mean.double().repeat(len(vec) // 3), vec[:, :COMPONENTS].double()
    a = torch.cat([(torch.cat(P).double() - flat) @ vec, torch.ones(sum(map(len, P)), 1).double()], 1)
    w = torch.linalg.solve(a.T @ a + 1e-2 * torch.eye(a.shape[1]).double(), a.T @ torch.cat(Q).double())
    w, bias = (vec @ w[:-1]).float(), w[-1].float()
    b = {"w": w.T.unflatten(1, (-1, 3)).contiguous(), "mean": mean, "bias": bias}
    torch.save(b, out)
    rng = np.random.default_rng(9)
    x = pixels(*draw([sample_spec(rng, TEST) for _ in range(12)], rng, 17, (96, 96)))
    y = decode(v, Encoder(b).encode(x)).clamp(-1, 1)
    print(f"drawn clips through it and the decoder: {psnr(y, x).mean():.1f} dB, their first frames {psnr(y[:, 0], x[:, 0]).mean():.1f} dB")


if __name__ == "__main__": main(*sys.argv[1:])
