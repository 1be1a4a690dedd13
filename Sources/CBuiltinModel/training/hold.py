"""How well the model goes on from a first picture.

    python hold.py MODEL [n=24] [sheet=FILE.png] [file=PROMPTS.json]
Prompts are held-out ones, in three wordings: whole, "it" and the motion, the shape and the motion. The picture is the first frame of a
drawn clip of the prompt's combination: where the motion usually begins (`begin`), anywhere up to its middle (`on the way`), and that
with colours of which the model knows no name (`any colour`). `no picture` is what the words alone give."""
import json, pathlib, sys, time
import numpy as np, torch
from PIL import Image
from checker import check, score
from clips import draw, pixels
from fit_encoder import psnr
from package import read, read_encoder
from sample import latents
from text import Words, embed
from vae import decode
from vocabulary import *

PROMPTS = pathlib.Path(__file__).parents[3] / "Tests/VideoProviderTests/Fixtures/builtin-prompts.json"


def distance(clip, real):
    """Between the colours of the thing at the end of the clip and in the picture, in levels"""
    end, begin = check(np.stack([clip[-1]] * 4)), check(np.stack([real[0]] * 4))
    return np.linalg.norm(np.array(end["rgb"]) - begin["rgb"]) if end["colour"] != "none" else 441.


@torch.no_grad()
def main(model, n="24", sheet="", file=PROMPTS, pictures="begin,on the way,any colour,no picture", wordings="whole,it,shape", threads="1"):
    torch.set_num_threads(int(threads)); torch.set_flush_denormal(True)
    (m, te, v), e, n = read(model), read_encoder(model), int(n)
    words = Words(f"{model}/tokenizer/tokenizer.json")
    rows = [r for r in json.load(open(file))["prompts"] if r["heldOut"]]
    rows = rows[::max(1, len(rows) // n)][:n]
    S, seeds = [Spec(r["colour"], r["shape"], r["motion"]) for r in rows], [r["seed"] for r in rows]
    rng, drawn = np.random.default_rng(4), []
    motions = [MOTIONS[s.motion][rng.integers(len(MOTIONS[s.motion]))][0] for s in S]
    texts = {"whole": [r["prompt"] for r in rows], "it": ["it " + t for t in motions], "shape": [f"the {s.shape} {t}" for s, t in zip(S, motions)]}
    for picture in pictures.split(","):
        named = [s._replace(colour="" if picture == "any colour" else s.colour) for s in S]
        real = pixels(*draw(named, np.random.default_rng(17), 17, (96, 96), [picture in ("on the way", "any colour")] * len(S)))
        for wording in wordings.split(","):
            if wording == "whole" and picture == "any colour": continue
            start, clips, held = time.time(), [], []
            for i in range(0, len(S), 12):
                k = slice(i, i + 12)
                first = None if picture == "no picture" else e.encode(real[k, :1])[:, 0]
                z = latents(m, embed(te, words.ids(texts[wording][k])), embed(te, words.ids([""])), seeds[k], guidance=2., shift=10., bf16=False, first=first)
                y = decode(v, z).clamp(-1, 1)
                held.append(psnr(y[:, 0], real[k, 0])); clips.append(((y + 1) * 127.5).round().byte().numpy())
            held, clips = torch.cat(held), np.concatenate(clips)
            shown = ((real + 1) * 127.5).round().byte().numpy()
            far = np.array([distance(c, r) for c, r in zip(clips, shown)])
            print(f"{picture}, {wording}: frame 0 {held.mean():.1f} dB, worst {held.min():.1f};", score(clips, S)[0],
                  f"colour off by {np.median(far):.0f}, below 60 in {(far < 60).mean():.0%}; {time.time() - start:.0f} s", flush=True)
            drawn.append(np.concatenate([np.concatenate(list(c[::4]), 1) for c in clips[:8]], 0))
    if sheet: Image.fromarray(np.concatenate(drawn, 1)).save(sheet)


if __name__ == "__main__": main(sys.argv[1], **dict(a.split("=") for a in sys.argv[2:]))
