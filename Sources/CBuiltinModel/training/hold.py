"""How well the model, which was not trained for it, goes on from a given first picture.

    python hold.py MODEL ENCODER.safetensors [n=24] [sheet=FILE.png]
Latent frame 0 is the picture's at every step, in three ways: `noised` to the step's level; `clean`, with timestep 0 for it alone (as
Wan2.2 TI2V does); `same time`, clean with the step's own timestep. `none` gives no picture. Prompts are held-out ones, once whole and once only "it" and
the motion; the picture is the first frame of a drawn clip of the prompt's combination."""
import json, math, pathlib, sys, time
import numpy as np, torch, torch.nn.functional as F
from PIL import Image
from checker import score
from clips import draw, pixels
from dit import Z, coordinates, cross_attention, rope, self_attention
from fit_encoder import Linear, psnr
from package import read
from sample import noise, unipc
from text import Words, embed
from vae import decode
from vocabulary import *

PROMPTS = pathlib.Path(__file__).parents[3] / "Tests/VideoProviderTests/Fixtures/builtin-prompts.json"


def dit(m, x, t, text):
    """As dit.dit, with a timestep for each latent frame: t [B,T]"""
    B, T, h, w, _ = x.shape
    x = torch.cat([x, coordinates(T, h, w).to(x).expand(B, -1, -1, -1, -1)], -1)
    h, w = h // 2, w // 2
    x = x.reshape(B, T, h, 2, w, 2, -1).permute(0, 1, 2, 4, 6, 3, 5).reshape(B, T, h * w, -1)
    x = F.linear(x, m.patch_embedding.weight.flatten(1), m.patch_embedding.bias)
    ce = m.condition_embedder
    f = torch.exp(-math.log(10000) * torch.arange(128, dtype=torch.float32) / 128) * t[..., None]
    e = ce.time_embedder(torch.cat([f.cos(), f.sin()], -1))
    mod, c, table = ce.time_proj(F.silu(e)).view(B, T, 6, -1), ce.text_embedder(text), rope(m, T, h, w)
    normed = lambda x, scale, shift: F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift
    for i, b in enumerate(m.blocks):
        s1, c1, g1, s2, c2, g2 = (mod + b.scale_shift_table[None]).unsqueeze(2).unbind(3)
        x = x + self_attention(b.attn1, normed(x, c1, s1), table, i % 2 == 1) * g1
        x = x + cross_attention(b.attn2, b.norm2(x), c)
        x = x + b.ffn.net[2](F.gelu(b.ffn.net[0].proj(normed(x, c2, s2)), approximate="tanh")) * g2
    shift, scale = (m.scale_shift_table[None] + e[:, :, None]).unbind(2)
    y = F.linear(normed(x, scale[:, :, None], shift[:, :, None]), m.proj_out.weight, m.proj_out.bias)
    return y.view(B, T, h, w, 2, 2, Z).permute(0, 1, 2, 4, 3, 5, 6).reshape(B, T, h * 2, w * 2, Z)


def latents(m, context, empty, seeds, z0, how, frames=17, side=96, steps=16, guidance=2., shift=10.):
    T, h, N = (frames - 1) // 4 + 1, side // 8, len(seeds)
    x = torch.stack([noise(s, T, h, h) for s in seeds])
    first, s, both = x[:, 0].clone(), unipc(shift), torch.cat([context, empty.expand(N, -1, -1)])
    s.set_timesteps(steps)
    for i, t in enumerate(s.timesteps.tolist()):
        y, times, sigma = x.clone(), torch.full((N, T), float(t)), float(s.sigmas[i])
        if how == "noised": y[:, 0] = (1 - sigma) * z0 + sigma * first
        elif how != "none": y[:, 0] = z0
        if how == "clean": times[:, 0] = 0
        cond, uncond = dit(m, torch.cat([y, y]), torch.cat([times, times]), both).chunk(2)
        x = s.step(uncond + guidance * (cond - uncond), s.timesteps[i], x, return_dict=False)[0]
    if how != "none": x[:, 0] = z0
    return x


@torch.no_grad()
def main(model, encoder, n="24", sheet="", ways="none,noised,clean,same time"):
    torch.set_num_threads(1); torch.set_flush_denormal(True)
    (m, te, v), e, n = read(model), Linear(encoder), int(n)
    words = Words(f"{model}/tokenizer/tokenizer.json")
    rows = [r for r in json.load(open(PROMPTS))["prompts"] if r["heldOut"]]
    rows = rows[::max(1, len(rows) // n)][:n]
    S, seeds = [Spec(r["colour"], r["shape"], r["motion"]) for r in rows], [r["seed"] for r in rows]
    rng, pictures = np.random.default_rng(4), []
    short = ["it " + MOTIONS[s.motion][rng.integers(len(MOTIONS[s.motion]))][0] for s in S]
    real = pixels(*draw(S, np.random.default_rng(17), 17, (96, 96)))
    for kind, texts in (("whole prompt", [r["prompt"] for r in rows]), ("it and motion", short)):
        for how in ways.split(","):
            start, clips, held = time.time(), [], []
            for i in range(0, len(S), 12):
                k = slice(i, i + 12)
                y = decode(v, latents(m, embed(te, words.ids(texts[k])), embed(te, words.ids([""])), seeds[k], e(real[k, :1])[:, 0], how)).clamp(-1, 1)
                held.append(psnr(y[:, 0], real[k, 0])); clips.append(((y + 1) * 127.5).round().byte().numpy())
            held, clips = torch.cat(held), np.concatenate(clips)
            print(f"{kind}, {how}: frame 0 {held.mean():.1f} dB, worst {held.min():.1f};", score(clips, S)[0], f"{time.time() - start:.0f} s", flush=True)
            pictures.append(np.concatenate([np.concatenate(list(c[::4]), 1) for c in clips[:6]], 0))
    if sheet: Image.fromarray(np.concatenate(pictures, 1)).save(sheet)


if __name__ == "__main__": main(*sys.argv[1:3], **dict(a.split("=") for a in sys.argv[3:]))
