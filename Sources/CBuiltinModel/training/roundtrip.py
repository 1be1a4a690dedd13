"""Real clips through the linear encoder and the trained decoder: the ceiling of the model.   python roundtrip.py RUN_FOLDER [noise] [side] [decoder] [frames]"""
import sys
import numpy as np, torch
from PIL import Image
from checker import score
from clips import draw, pixels
from latents import Encoder
from vae import decode, load_vae
from vocabulary import *

if __name__ == "__main__":
    run, noise, side, dec, frames = [*sys.argv[1:], *["run", ".1", "96", "decoder.pt", "17"][len(sys.argv) - 1:]]
    torch.set_num_threads(1); torch.set_flush_denormal(True); torch.manual_seed(0)
    rng = np.random.default_rng(31)
    e, v, n = Encoder(torch.load(f"{run}/basis.pt")), load_vae(f"{run}/{dec}"), 40
    S = [sample_spec(rng, TRIPLES) for _ in range(n)]
    d = draw(S, rng, int(frames), (int(side), int(side)))
    x, z = pixels(*d), e.encode_parts(*d)
    z = z + float(noise) * torch.randn_like(z)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16): y = torch.cat([decode(v, k).float() for k in z.split(4)]).clamp(-1, 1)
    mse = ((y - x) / 2).square().mean((1, 2, 3, 4))
    to8 = lambda q: ((q + 1) * 127.5).round().byte().numpy()
    print("PSNR", float((-10 * mse.log10()).mean()), "L1", float((y - x).abs().mean()), *score(to8(y), S)[:2])
    rows = [np.concatenate([np.concatenate(list(to8(q)[i, ::4]), 1) for q in (x, y)], 1) for i in range(14)]
    Image.fromarray(np.concatenate(rows, 0)).save(f"{run}/roundtrip.png")
