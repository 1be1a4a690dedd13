"""Scores a checkpoint on held-out prompts, or (model=FOLDER file=PROMPTS.json) shipped weights on the prompts of the tests.

    python evaluate.py RUN_FOLDER [key=value ...]"""
import json, os, sys, time
import numpy as np, torch
from PIL import Image
import sample
from checker import score
from text import Words, embed
from train import load
from vae import load_vae
from vocabulary import *


def prompts(n, triples=TEST, seed=77):
    rng, words, out = np.random.default_rng(seed), None, []
    for i in range(n):
        s = sample_spec(rng, [triples[i % len(triples)]])
        out.append((s, caption(s, rng)))
    return out


def main(run, n="60", side="64", frames="17", steps="16", guidance="3", shift="8", sampler="unipc", ck="ema.pt", dec="decoder.pt", threads="1", split="test", sheet="", model="", file=""):
    torch.set_num_threads(int(threads)); torch.set_flush_denormal(True)
    if model: from package import read; m, te, vae = read(model)
    else: m, te = load(f"{run}/{ck}"); vae = None if dec == "linear" else load_vae(f"{run}/{dec}")
    words = Words(f"{model}/tokenizer/tokenizer.json" if model else f"{run}/tokenizer/tokenizer.json")
    L, seeds = prompts(int(n), TEST if split == "test" else TRAIN), list(range(int(n)))
    if file:
        rows = [r for r in json.load(open(file))["prompts"] if r["heldOut"] == (split == "test")][:int(n)]
        L, seeds = [(Spec(r["colour"], r["shape"], r["motion"]), r["prompt"]) for r in rows], [r["seed"] for r in rows]
    start, kw = time.time(), dict(frames=int(frames), size=(int(side), int(side)), steps=int(steps), guidance=float(guidance), shift=float(shift), sampler=sampler)
    if dec == "linear":
        d = sample.LinearDecoder(torch.load(f"{run}/basis.pt")); empty = embed(te, words.ids([""]))
        z = sample.latents(m, embed(te, words.ids([t for _, t in L])), empty, seeds, **kw)
        v = ((d(z).clamp(-1, 1) + 1) * 127.5).round().byte().numpy()
    else: v = sample.clips(m, te, vae, words, [t for _, t in L], seeds, **kw)
    total, classes, V = score(v, [s for s, _ in L])
    print(*([model, split] if model else [ck, torch.load(f"{run}/{ck}")["step"], dec]), kw, f"{time.time() - start:.0f} s", total, flush=True)
    print("   ", classes)
    if sheet:
        rows = [np.concatenate(list(c[np.linspace(0, len(c) - 1, 5).round().astype(int)]), 1) for c in v[:36]]
        k = len(rows) // 2
        Image.fromarray(np.concatenate([np.concatenate(rows[:k], 0), np.concatenate(rows[k:2 * k], 0)], 1)).save(sheet)
        open(sheet + ".txt", "w").write("\n".join(f"{t} | {r['colour']} {r['shape']} {r['motion']} fill {r['fill']:.2f} d {r['dx']:.2f} {r['dy']:.2f}" for (_, t), r in zip(L, V)))


if __name__ == "__main__": main(sys.argv[1], **dict(a.split("=") for a in sys.argv[2:]))
