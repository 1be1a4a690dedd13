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
    none = dict(colour="none", shape="none", motion="none", contrast=contrast, fill=0., dx=0., dy=0., ratio=1., hole=0.)
    if contrast < 40: return none
    mask = d > .5 * contrast
    cx, cy, area, fills, holes, lows = [], [], [], [], [], []
    for m in mask:
        n = m.sum()
        if n < .004 * H * W: continue
        rows, columns = m.sum(1), m.sum(0)
        cy.append((rows * np.arange(H)).sum() / n); cx.append((columns * np.arange(W)).sum() / n)
        r, c = np.flatnonzero(rows >= 2), np.flatnonzero(columns >= 2)
        area.append(n)
        if len(r) and len(c):
            fills.append(n / ((r[-1] - r[0] + 1) * (c[-1] - c[0] + 1)))
            y, x0 = (r[0] + r[-1]) // 2, (c[0] + c[-1]) // 2
            lows.append(m[r[-1] + 1 - max(1, (r[-1] - r[0] + 1) // 4):r[-1] + 1, c[0]:c[-1] + 1].mean())
            holes.append(m[y - 1:y + 3, x0 - 1:x0 + 3].mean() < .5)
    if len(cx) < max(4, F // 2) or not fills: return none
    dx, dy = (np.mean(cx[-3:]) - np.mean(cx[:3])) / W, (np.mean(cy[-3:]) - np.mean(cy[:3])) / H
    fill = float(np.median(fills))
    hole, low = float(np.mean(holes)), float(np.median(lows))
    core = x[d > .8 * contrast]
    rgb = np.median(core, 0)
    big, little = max(abs(dx), abs(dy)), min(abs(dx), abs(dy))
    ratio = float(np.mean(area[-3:]) / np.mean(area[:3]))
    across, along = "right" if dx > 0 else "left", "down" if dy > 0 else "up"
    if big < .12: motion = "grow" if ratio > 2 else "shrink" if ratio < .5 else "still"
    elif little > .4 * big: motion = f"{along} {across}"
    else: motion = across if abs(dx) > abs(dy) else along
    shape = "ring" if hole > .5 else "square" if fill > .885 else "circle" if fill > .66 else "triangle" if low > .6 else "star"
    return dict(colour=min(COLOURS, key=lambda k: float(((rgb - COLOURS[k]) ** 2).sum())), motion=motion, shape=shape,
                contrast=contrast, fill=fill, rgb=rgb, dx=float(dx), dy=float(dy), ratio=ratio, hole=hole)


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
