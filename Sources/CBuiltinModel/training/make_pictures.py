"""Writes the first pictures that the tests use, six in a row, and what is said to them.   python make_pictures.py OUT.png OUT.json

One held-out triple in two. Every other picture shows the thing where its motion usually begins, the rest anywhere up to the middle of it."""
import json, sys
import numpy as np
from PIL import Image
from clips import draw, pixels
from vocabulary import *

if __name__ == "__main__":
    triples = TEST[::2][:36]
    rng = np.random.default_rng(31)
    S = [Spec(*t) for t in triples]
    x = pixels(*draw(S, rng, 17, (96, 96), [k % 2 == 1 for k in range(len(S))]))[:, 0]
    rows = []
    for k, s in enumerate(S):
        finite = MOTIONS[s.motion][rng.integers(len(MOTIONS[s.motion]))][0]
        rows.append({"prompt": f"{'it' if k % 4 < 2 else 'the ' + s.shape} {finite}", "seed": k, "colour": s.colour, "shape": s.shape, "motion": s.motion,
                     "heldOut": True})
    x = ((x + 1) * 127.5).round().byte().numpy().reshape(6, 6, 96, 96, 3)
    Image.fromarray(x.transpose(0, 2, 1, 3, 4).reshape(576, 576, 3)).save(sys.argv[1], optimize=True)
    with open(sys.argv[2], "w") as f:
        f.write('{\n  "prompts": [\n' + ",\n".join("    " + json.dumps(r) for r in rows) + "\n  ]\n}\n")
    print(len(rows))
