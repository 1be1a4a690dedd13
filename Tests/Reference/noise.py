#!/usr/bin/env python
"""Writes ComputeTests/Fixtures/noise.json: what torch's CPU generator draws.

Each case draws several times from one generator: one randn of each count. `sum` is the sum of bits(i) * (2i + 1) over
all numbers drawn, modulo 2^64, in hexadecimal.
"""

import json
import pathlib

import numpy as np
import torch

SEEDS = [0, 1, 42, 1234, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 5, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1]
SEQUENCES = [
    [1], [2], [3], [15], [16], [17], [31], [32], [33], [100], [623], [624], [625], [1000], [4097],
    [3, 3, 3], [1, 1, 1], [7, 16, 7], [16, 3, 16], [17, 17, 17], [33, 5, 100], [15, 20, 15], [0, 1, 0, 16],
    [5, 5, 5, 16, 5],
]  # fmt: skip
LARGE = [(5, [16 * 21 * 30 * 52]), (99, [300_001])]


def case(seed, counts):
    generator = torch.Generator("cpu").manual_seed(seed)
    drawn = np.concatenate([torch.randn(n, generator=generator).numpy() for n in counts])
    weights = 2 * np.arange(len(drawn), dtype=np.uint64) + 1
    total = int((drawn.view(np.uint32).astype(np.uint64) * weights).sum(dtype=np.uint64))
    return {"seed": seed, "counts": counts, "sum": f"{total:016x}"}


def main():
    assert torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512"), "torch draws other bits without AVX2"
    cases = [case(seed, counts) for seed in SEEDS for counts in SEQUENCES] + [case(*large) for large in LARGE]
    out = pathlib.Path(__file__).parents[1] / "ComputeTests/Fixtures/noise.json"
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    out.write_text(f'{{"made_by":"Tests/Reference/noise.py","torch":"{torch.__version__}","cases":[\n{lines}\n]}}\n')
    print(out, len(cases), "cases")


if __name__ == "__main__":
    main()
