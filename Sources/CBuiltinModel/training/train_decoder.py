"""Trains the Wan decoder on the fixed linear latents, with noise on them so that it forgives the denoiser.

    python train_decoder.py RUN_FOLDER MINUTES [key=value ...]      writes RUN_FOLDER/decoder.pt"""
import os, sys, time
import numpy as np, torch
from clips import coverage, layout, pixels
from latents import Encoder
from muon import Muon
from vae import *
from vocabulary import *

torch.set_flush_denormal(True)


def crop(rng, count, frames, window, encoder):
    """A batch of windows (side in pixels) and stretches of clips -> pixels, latents"""
    side = int(rng.choice([64, 96, 96, 128])) if window < 64 else window
    shapes, R, path, fg, bg = [], [], [], [], []
    half = side / 2
    for _ in range(count):
        s = sample_spec(rng, TRIPLES)
        r, p, f, b = layout(s, rng)
        whole = int(rng.choice([17, 17, 17, 33, 81]))
        u0 = rng.integers(0, max(1, whole - frames + 1)) / (whole - 1) if window < side else 0.
        u1 = u0 + (frames - 1) / (whole - 1)
        p = np.array(p); a, d = p[:2], p[2:] - p[:2]
        a, e = (a + d * u0) * half, (a + d * u1) * half         # centre in pixels from the middle of the frame
        if window < side:                                      # window corner on the latent grid, near the shape
            c = (a + e) / 2 + half - window / 2 + rng.uniform(-1, 1, 2) * (.9 * max(r) * half)
            c = np.clip(np.round(c / 8) * 8, 0, side - window)
        else: c = np.zeros(2)
        o = half - c - window / 2                              # frame middle relative to the window middle
        shapes.append(s.shape); R.append((r[0] + (r[1] - r[0]) * np.array([u0, u1])) * side / window); path.append(np.concatenate([a + o, e + o]) / (window / 2)); fg.append(f); bg.append(b)
    t = lambda v: torch.tensor(np.array(v), dtype=torch.float32)
    d = coverage(shapes, t(R), t(path), frames, window, window), t(fg) * 2 - 1, t(bg) * 2 - 1
    return pixels(*d), encoder.encode_parts(*d)


def losses(y, x):
    d = y - x
    l1 = d.abs().mean()
    return l1, (d[:, :, 1:] - d[:, :, :-1]).abs().mean() + (d[:, :, :, 1:] - d[:, :, :, :-1]).abs().mean()


def main(run, minutes, noise=".3", threads="1", init="", lr="1", base="16", out="decoder.pt"):
    torch.set_num_threads(int(threads))
    torch.manual_seed(0); rng = np.random.default_rng(1)
    encoder = Encoder(torch.load(f"{run}/basis.pt"))
    v = make_vae(int(base))
    if init: v.load_state_dict(torch.load(init)["ema"], strict=False)
    P = [(n, p) for n, p in decoder_parameters(v) if "attentions" not in n]
    matrices = [p for n, p in P if p.dim() > 3 and p.shape[0] > 4 and p.numel() > 600 and "gamma" not in n and "quant" not in n]
    rest = [p for _, p in P if all(p is not q for q in matrices)]
    opts = [(Muon(matrices, .03), .03), (torch.optim.AdamW(rest, 2e-3, betas=(.9, .97)), 2e-3)]
    average = {n: p.detach().clone() for n, p in P}
    begun, saved, step, log, mark = time.time(), time.time(), 0, [], time.time()
    while (done := (time.time() - begun) / 60 / minutes) < 1:
        for o, base_rate in opts:
            for g in o.param_groups: g["lr"] = base_rate * float(lr) * min(1, (step + 1) / 20) * (1 - done)
        u = rng.random()
        if done < .2 and not init and u < .6: x, z = crop(rng, 16, 1, 48, encoder)
        else: x, z = crop(rng, 3, 9, 48, encoder) if u < .8 else crop(rng, 2, 17, 48, encoder) if u < .92 else crop(rng, 1, 9, 96, encoder)
        z = z + torch.rand(len(z), 1, 1, 1, 1) ** 2 * float(noise) * torch.randn_like(z)
        with torch.autocast("cpu", torch.bfloat16): y = decode(v, z).float()
        l1, edge = losses(y, x)
        for _, p in P: p.grad = None
        (l1 + .5 * edge).backward()
        for o, _ in opts: o.step()
        step += 1; log.append((l1.item(), edge.item()))
        with torch.no_grad(): torch._foreach_lerp_(list(average.values()), [p for _, p in P], max(.01, 9 / (10 + step)))
        if step % 100 == 0:
            print(step, f"{(time.time() - begun) / 60:.1f} min {(time.time() - mark) * 10:.0f} ms/step l1 %.4f edge %.4f" % tuple(np.mean(log, 0)), flush=True)
            log, mark = [], time.time()
        if time.time() - saved > 60: saved = time.time(); torch.save({"ema": average}, f"{run}/{out}.tmp"); os.replace(f"{run}/{out}.tmp", f"{run}/{out}")
    torch.save({"ema": average}, f"{run}/{out}")
    print("done", step)


if __name__ == "__main__": main(sys.argv[1], float(sys.argv[2]), **dict(a.split("=") for a in sys.argv[3:]))
