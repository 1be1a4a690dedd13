"""Writes the prompts that the tests use: one held-out prompt a triple and some of trained triples.   python make_prompts.py OUT.json"""
import json, sys
import numpy as np
from evaluate import prompts
from vocabulary import *

if __name__ == "__main__":
    rows = []
    for held, n, triples in ((True, len(TEST), TEST), (False, 24, [TRAIN[i] for i in np.random.default_rng(2).choice(len(TRAIN), 24, replace=False)])):
        for k, (s, text) in enumerate(prompts(n, triples, 177)):
            assert held_out(*s[:3]) == held
            rows.append({"prompt": text, "seed": k, "colour": s.colour, "shape": s.shape, "motion": s.motion, "heldOut": held})
    with open(sys.argv[1], "w") as f:
        f.write('{\n  "prompts": [\n' + ",\n".join("    " + json.dumps(r) for r in rows) + "\n  ]\n}\n")
    print(len(rows))
