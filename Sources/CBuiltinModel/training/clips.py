"""Clips of one flat shape on a plain background, drawn straight from a spec; latents of those clips without drawing colours.

A clip is background + coverage * (colour - background), and the latents are linear in the pixels, so a batch of latents needs
only the coverage maps [B,F,H,W] (`coverage`) and two colours a clip."""
import math
import numpy as np, torch
from vocabulary import COLOURS, BACKGROUNDS

DARK, LESS_DARK = np.array((10, 10, 14.)), np.array((54, 58, 74.))      # range of the default background
RADIUS = {"": (.31, .40), "small": (.21, .26), "big": (.46, .52)}       # in half frame heights


def layout(spec, rng, seen=False):
    """Numbers of one clip: (first, last) radius, start and end of the centre ([-1,1], y down), colours in 0..1.

    `seen` is for clips that begin with a picture: what the picture shows is free, also where the thing is and which colours it has."""
    if seen: return from_a_picture(spec, rng)
    r = rng.uniform(*RADIUS[spec.size])
    if spec.motion in ("grow", "shrink"):
        pair = (rng.uniform(.17, .21), rng.uniform(.48, .56))
        radii, r = pair if spec.motion == "grow" else pair[::-1], max(pair)
    else: radii = (r, r)
    e = r * {"circle": 1, "square": .9, "triangle": 1.15, "star": 1.36, "ring": 1.05}[spec.shape]
    travel = 1 - e - rng.uniform(.03, .15)
    across = min(.28, 1 - e - .03) * rng.uniform(-1, 1)
    p = {"right": (-travel, across, travel, across), "left": (travel, across, -travel, across), "up": (across, travel, across, -travel),
         "down": (across, -travel, across, travel)}.get(spec.motion)
    if " " in spec.motion:                                   # diagonal
        x, y = travel * (1 if "right" in spec.motion else -1), travel * (1 if "down" in spec.motion else -1)
        a, b = rng.uniform(-.08, .08, 2); p = (-x + a, -y + b, x + a, y + b)
    if p is None: b = min(.28, 1 - e - .03) * rng.uniform(-1, 1); p = (across, b, across, b)
    fg = np.array(COLOURS[spec.colour]) + rng.uniform(-10, 10, 3)
    u = rng.random()
    bg = np.array(BACKGROUNDS[spec.background]) + rng.uniform(-5, 5, 3) if spec.background else DARK * (1 - u) + LESS_DARK * u
    return radii, p, np.clip(fg, 0, 255) / 255, np.clip(bg, 0, 255) / 255


def from_a_picture(spec, rng):
    """The start of a motion is anywhere up to its middle, and its end is where it always is; an empty colour is any colour."""
    radii, p, fg, bg = layout(spec._replace(colour=spec.colour or "red"), rng)
    r, (x0, y0, x1, y1) = max(radii), p
    if spec.motion == "grow": radii = (rng.uniform(.17, .32), radii[1])
    elif spec.motion == "shrink": radii = (rng.uniform(.3, .56), radii[1]); r = radii[0]
    room = max(0, 1 - 1.36 * r - .03)
    if spec.motion in ("still", "grow", "shrink"): x0, y0 = x1, y1 = rng.uniform(-room, room, 2)
    else:
        u = rng.uniform(0, .6)
        x0, y0 = x0 + u * (x1 - x0), y0 + u * (y1 - y0)
        if spec.motion in ("right", "left"): y0 = y1 = rng.uniform(-room, room)
        elif spec.motion in ("up", "down"): x0 = x1 = rng.uniform(-room, room)
    while not spec.colour:
        fg, bg = rng.uniform(0, 1, 3), rng.uniform(0, 1, 3) * rng.choice([.3, 1])
        if np.abs(fg - bg).sum() > .63: break
    return radii, (x0, y0, x1, y1), fg, bg


def star(x, y, r):
    """Distance to a five-pointed star, one tip up"""
    outer, inner, w = 1.4, .62, math.pi / 5
    a = torch.remainder(torch.atan2(x, -y) + w, 2 * w) - w
    l = (x * x + y * y).sqrt_()
    ex, ey = inner * math.cos(w) - outer, inner * math.sin(w)
    n = math.hypot(ex, ey)
    return ((l * a.cos() - outer * r) * ey - (l * a.sin().abs_()) * ex) / n


def coverage(shapes, radius, path, frames, height, width):
    """shapes: list of names; radius [B,2]; path [B,4] -> [B,F,H,W] in 0..1"""
    B = len(shapes)
    half = min(height, width) / 2
    s = torch.linspace(0, 1, frames) if frames > 1 else torch.full((1,), .5)
    cx = (path[:, :1] + (path[:, 2:3] - path[:, :1]) * s) * width / 2 + width / 2
    cy = (path[:, 1:2] + (path[:, 3:] - path[:, 1:2]) * s) * height / 2 + height / 2
    x = (torch.arange(width) + .5 - cx[..., None])[:, :, None]          # [B,F,1,W]
    y = (torch.arange(height) + .5 - cy[..., None])[..., None]          # [B,F,H,1]
    r = ((radius[:, :1] + (radius[:, 1:] - radius[:, :1]) * s) * half)[..., None, None]
    out = torch.empty(B, frames, height, width)
    for name in set(shapes):
        i = torch.tensor([k for k, n in enumerate(shapes) if n == name])
        X, Y, R = x[i], y[i], r[i]
        if name == "circle": d = (X * X + Y * Y).sqrt_().sub_(R)
        elif name == "square": d = torch.maximum(X.abs(), Y.abs()).sub_(.89 * R)
        elif name == "ring": d = ((X * X + Y * Y).sqrt_().sub_(.76 * R)).abs_().sub_(.28 * R)
        elif name == "star": d = star(X, Y, R)
        else: d = torch.maximum((.8660254 * X.abs() - .5 * Y).sub_(.66 * R), Y - .66 * R)  # apex up
        out[i] = d.neg_().add_(.5).clamp_(0, 1)
    return out


def draw(specs, rng, frames=17, size=(96, 96), seen=None):
    """-> coverage [B,F,H,W], foreground and background colours [B,3] in [-1,1]"""
    L = [layout(s, rng, seen is not None and bool(seen[i])) for i, s in enumerate(specs)]
    t = lambda k: torch.tensor(np.array([l[k] for l in L]), dtype=torch.float32)
    return coverage([s.shape for s in specs], t(0), t(1), frames, *size), t(2) * 2 - 1, t(3) * 2 - 1


def pixels(cover, fg, bg):
    """-> [B,F,H,W,3] in [-1,1]"""
    a = cover[..., None]
    return bg[:, None, None, None] * (1 - a) + fg[:, None, None, None] * a


if __name__ == "__main__":
    import time
    from PIL import Image
    from vocabulary import *
    rng = np.random.default_rng(0); torch.set_num_threads(1)
    S = [sample_spec(rng) for _ in range(24)]
    for s in S: print(caption(s, rng))
    t = time.time(); d = draw(S, rng); print((time.time() - t) / 24, "s a clip")
    v = ((pixels(*d) + 1) * 127.5).round().byte().numpy()
    Image.fromarray(np.concatenate([np.concatenate([np.concatenate(list(c[::4]), 1) for c in v[k::2]], 0) for k in (0, 1)], 1)).save("run/data.png")
    print(len(TRIPLES), len(TEST))
