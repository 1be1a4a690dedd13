"""A fixed linear encoder: every 4 frames x 8 x 8 pixel patch, projected on its principal components and normalised.

What is kept of it is `encoder.weight` [z, 3, 4, 8, 8] and `encoder.bias` [z] in the packaged model.

The first latent frame is its one pixel frame repeated four times, as in a causal video VAE with 4x time and 8x space.
    python latents.py BASIS.pt     computes the basis"""
import sys, numpy as np, torch
from vocabulary import *
from clips import draw, pixels

PATCH, SPAN = 8, 4


def patches(x):
    """[B,F,H,W,C] -> [B,T,h,w, SPAN*PATCH*PATCH, C]"""
    B, F, H, W, C = x.shape
    x = torch.cat([x[:, :1].expand(-1, SPAN, -1, -1, -1), x[:, 1:]], 1)
    x = x.reshape(B, -1, SPAN, H // PATCH, PATCH, W // PATCH, PATCH, C).permute(0, 1, 3, 5, 2, 4, 6, 7)
    return x.reshape(*x.shape[:4], -1, C)


class Encoder:
    def __init__(self, basis):
        self.w, self.mean = basis["w"], basis["mean"]         # [z, 256, 3], [3]
        self.bias = basis.get("bias", torch.zeros(len(self.w)))
        self.z = len(self.w)
        self.flat = self.w.sum(1)                             # response to a plain colour

    def stored(self):
        """As a convolution with a stride of its kernel, which is what a packaged model holds"""
        z = self.z
        return {"encoder.weight": self.w.view(z, SPAN, PATCH, PATCH, 3).permute(0, 4, 1, 2, 3).contiguous(),
                "encoder.bias": self.bias - self.flat @ self.mean}

    @staticmethod
    def of(stored):
        w = stored["encoder.weight"]
        return Encoder({"w": w.permute(0, 2, 3, 4, 1).reshape(len(w), -1, 3), "mean": torch.zeros(3), "bias": stored["encoder.bias"]})

    def encode(self, x):
        p = patches(x) - self.mean
        return p.flatten(-2) @ self.w.flatten(1).T + self.bias

    def encode_parts(self, cover, fg, bg):
        """The same for clips given as coverage and two colours, without making the pixels."""
        p = patches(cover[..., None])[..., 0]
        q = (p @ self.w.permute(1, 2, 0).flatten(1)).unflatten(-1, (3, self.z))      # [B,T,h,w,3,z]
        b = (bg - self.mean) @ self.flat.T + self.bias
        return torch.einsum("bthwcz,bc->bthwz", q, fg - bg) + b[:, None, None, None]


def principal(rng, clips=600):
    """Mean colour of drawn clips, and variances and directions of their patches, the strongest first"""
    keep = []
    for _ in range(clips // 20):
        side = int(rng.choice([64, 96]))
        x = patches(pixels(*draw([sample_spec(rng, TRIPLES) for _ in range(20)], rng, 17, (side, side)))).flatten(0, 3)
        busy = x.flatten(1).std(1) > .12
        keep += [x[busy][:: 2], x[~busy][::6]]
    x = torch.cat(keep)
    mean = x.mean((0, 1))
    d = (x - mean).flatten(1)
    val, vec = torch.linalg.eigh(d.T @ d / len(d))
    return mean, val.flip(0), vec.flip(1)


def compute(z, seed=3, clips=600):
    rng = np.random.default_rng(seed)
    mean, val, vec = principal(rng, clips)
    print("explained", [round(v, 4) for v in (val.cumsum(0) / val.sum())[:z].tolist()])
    val, vec = val[:z], vec[:, :z]
    print("std", [round(v, 3) for v in val.sqrt().tolist()])
    w = (vec / val.sqrt() ** .65 / 1.2).T.reshape(z, -1, 3).contiguous()
    # Where clips are drawn whole, most patches are plain: bring each channel to unit deviation over whole clips.
    e = Encoder({"w": w, "mean": mean})
    lat = torch.cat([e.encode(pixels(*draw([sample_spec(rng, TRIPLES) for _ in range(20)], rng, 17, (96, 96)))).flatten(0, 3) for _ in range(10)])
    print("std over whole clips", lat.std(0).tolist(), "mean", lat.mean(0).tolist())
    return {"w": w, "mean": mean, "latent_std": lat.std(0), "latent_mean": lat.mean(0)}


if __name__ == "__main__":
    b = compute(int(sys.argv[2]))
    torch.save(b, sys.argv[1])
    e = Encoder(b); rng = np.random.default_rng(0); d = draw([sample_spec(rng) for _ in range(4)], rng)
    print("parts", (e.encode(pixels(*d)) - e.encode_parts(*d)).abs().max().item())
