#!/usr/bin/env python
"""Writes ComputeCPUTests/Fixtures/quantised.json: stored bytes of every quantised format and the numbers they stand for.

The bytes are random but for the scales, which are finite. GGML's types are read by the gguf package, fp8 by torch.
`bytes` and `values` (f32, little-endian) are base64; rows have 512 numbers. GGML's are in quantised.gguf too, which that
package wrote, each under its name.
"""

import base64
import json
import pathlib

import gguf
import numpy as np
import torch

ROWS, COLUMNS = 3, 512
# Where the f16 scales of a block are.
HALVES = dict(Q4_0=[0], Q4_1=[0, 2], Q5_0=[0], Q5_1=[0, 2], Q8_0=[0], Q2_K=[80, 82], Q3_K=[108], Q4_K=[0, 2], Q5_K=[0, 2],
              Q6_K=[208], IQ4_NL=[0], IQ4_XS=[0])  # fmt: skip


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def block_format(name, random):
    kind = gguf.GGMLQuantizationType[name]
    numbers, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (ROWS * COLUMNS // numbers, size), dtype=np.uint8)
    for place in HALVES[name]:
        scales = (random.standard_normal(len(blocks)) * 10 ** random.uniform(-4, 1, len(blocks))).astype(np.float16)
        scales[0] = 3e-6  # subnormal
        blocks[:, place : place + 2] = scales.view(np.uint8).reshape(-1, 2)
    rows = blocks.reshape(ROWS, -1)
    return {"bytes": text(rows), "values": text(gguf.dequantize(rows, kind).astype("<f4"))}


def byte_format(dtype):
    codes = np.resize(np.arange(256, dtype=np.uint8), ROWS * COLUMNS)
    values = torch.tensor(codes).view(dtype).float().numpy()
    codes = np.where(np.isfinite(values), codes, 0).astype(np.uint8)
    return {"bytes": text(codes), "values": text(torch.tensor(codes).view(dtype).float().numpy())}


if __name__ == "__main__":
    random = np.random.default_rng(12)
    formats = {name: block_format(name, random) for name in HALVES}
    formats["F8_E4M3"] = byte_format(torch.float8_e4m3fn)
    formats["F8_E5M2"] = byte_format(torch.float8_e5m2)
    formats["I8"] = byte_format(torch.int8)
    made = dict(script=pathlib.Path(__file__).name, gguf="0.19.0", torch=torch.__version__)
    path = pathlib.Path(__file__).parents[1] / "ComputeCPUTests" / "Fixtures" / "quantised.json"
    path.parent.mkdir(exist_ok=True)
    writer = gguf.GGUFWriter(path.with_suffix(".gguf"), "wan")
    for name in HALVES:
        rows = np.frombuffer(base64.b64decode(formats[name]["bytes"]), np.uint8).reshape(ROWS, -1)
        writer.add_tensor(name, rows, raw_dtype=gguf.GGMLQuantizationType[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    path.write_text(json.dumps({"made_with": made, "rows": ROWS, "columns": COLUMNS, "formats": formats}, indent=1) + "\n")
