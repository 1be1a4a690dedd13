"""Plain image arithmetic that says which colour, shape and motion a clip shows. The algorithm is written out in README.md."""
import numpy as np
from vocabulary import COLOURS


def check(clip):
    """clip uint8 [F,H,W,3] -> dict(colour, shape, motion) plus the numbers behind them"""
    x = clip.astype(np.float32)
    F, H, W, _ = x.shape
    ring = np.concatenate([x[:, :2].reshape(-1, 3), x[:, -2:].reshape(-1, 3), x[:, 2:-2, :2].reshape(-1, 3), x[:, 2:-2, -2:].reshape(-1, 3)])
    background = np.median(ring, 0)
    d = np.sqrt(((x - background) ** 2).sum(-1))
    contrast = float(np.sort(d.ravel())[int(.98 * d.size)])
    none = dict(colour="none", shape="none", motion="none", contrast=contrast, fill=0., dx=0., dy=0.)
    if contrast < 40: return none
    mask = d > .5 * contrast
    cx, cy, fills = [], [], []
    for m in mask:
        n = m.sum()
        if n < .004 * H * W: continue
        rows, columns = m.sum(1), m.sum(0)
        cy.append((rows * np.arange(H)).sum() / n); cx.append((columns * np.arange(W)).sum() / n)
        r, c = np.flatnonzero(rows >= 2), np.flatnonzero(columns >= 2)
        if len(r) and len(c): fills.append(n / ((r[-1] - r[0] + 1) * (c[-1] - c[0] + 1)))
    if len(cx) < max(4, F // 2) or not fills: return none
    dx, dy = (np.mean(cx[-3:]) - np.mean(cx[:3])) / W, (np.mean(cy[-3:]) - np.mean(cy[:3])) / H
    fill = float(np.median(fills))
    core = x[d > .8 * contrast]
    rgb = np.median(core, 0)
    motion = "still" if max(abs(dx), abs(dy)) < .12 else ("right" if dx > 0 else "left") if abs(dx) > abs(dy) else ("down" if dy > 0 else "up")
    return dict(colour=min(COLOURS, key=lambda k: float(((rgb - COLOURS[k]) ** 2).sum())), motion=motion,
                shape="triangle" if fill < .66 else "square" if fill > .885 else "circle",
                contrast=contrast, fill=fill, dx=float(dx), dy=float(dy))


def score(clips, specs):
    """-> {"n", "colour", "shape", "motion", "all"}, per-class tables, list of (spec, verdict)"""
    V = [check(c) for c in clips]
    ok = np.array([[v[k] == getattr(s, k) for k in ("colour", "shape", "motion")] for v, s in zip(V, specs)])
    total = {"n": len(V), **{k: round(float(ok[:, i].mean()), 3) for i, k in enumerate(("colour", "shape", "motion"))}, "all": round(float(ok.all(1).mean()), 3)}
    classes = {k: {c: f"{int(sum(o[i] for o, s in zip(ok, specs) if getattr(s, k) == c))}/{sum(getattr(s, k) == c for s in specs)}"
                   for c in dict.fromkeys(getattr(s, k) for s in specs)} for i, k in enumerate(("colour", "shape", "motion"))}
    return total, classes, V


if __name__ == "__main__":                                  # real clips
    from clips import draw, pixels
    from vocabulary import *
    for side, frames in ((64, 17), (96, 17), (96, 81)):
        rng = np.random.default_rng(5)
        S = [sample_spec(rng, TRIPLES) for _ in range(240)]
        v = np.concatenate([((pixels(*draw(S[i:i + 40], rng, frames, (side, side))) + 1) * 127.5).round().byte().numpy() for i in range(0, 240, 40)])
        print(side, frames, *score(v, S)[:2])
