#!/usr/bin/env python
"""Writes PipelinesTests/Fixtures/quantised: a tiny Wan model in the formats of 8 bits and fewer that people have.

    gguf/      transformer and text encoder in GGUF, many types among their matrices, the tokenizer in the metadata
    comfy/     scaled fp8 and int8, each kind of scale, the scales beside the matrices
    turbo/     the transformer of a .pth file with a scale for each tile of 128 x 128
    lightx2v/  the transformer with a scale for each row
    expected.json  of each folder and part, by Diffusers' names, FNV-1a of the f32 numbers that a matrix stands for

Autoencoder and tokenizer are those of the layouts. GGML's types are read by the gguf package, fp8 and int8 by torch. Heads are narrower
than those of published models, so a config.json lies beside each transformer.
"""

import json
import pathlib
import tempfile

import gguf
import numpy as np
import torch
from safetensors.torch import save_file

import layouts
import loras
import tiny_models

OUT = pathlib.Path(__file__).parents[1] / "PipelinesTests/Fixtures/quantised"
MODEL = tiny_models.VARIANTS["wan21-t2v"] | dict(
    seed=37, z=16, heads=2, head_dim=32, layers=1, ffn=256, freq=32,
    text=dict(d_model=32, heads=2, d_kv=16, d_ff=256, layers=2, buckets=32, distance=128))  # fmt: skip
layouts.MODEL = MODEL

# Types of the matrices of a GGUF file, in turn by the end of their names; those of 256 numbers need rows of as many.
TYPES = {"self_attn.q": "Q8_0", "self_attn.k": "Q5_0", "self_attn.v": "Q5_1", "self_attn.o": "Q4_0", "cross_attn.q": "Q4_1",
         "cross_attn.k": "Q8_0", "cross_attn.v": "Q8_0", "cross_attn.o": "Q8_0", "ffn.0": "Q8_0", "ffn.2": "Q4_K",
         "token_embd": "Q8_0", "attn_q": "Q8_0", "attn_k": "Q5_1", "attn_v": "Q8_0", "attn_o": "Q4_0", "ffn_gate": "Q8_0",
         "ffn_up": "Q5_0", "blk.0.ffn_down": "Q6_K", "blk.1.ffn_down": "Q5_K", "head.head": "F16", "time_projection.1": "F16",
         "attn_rel_b": "F16", "text_embedding.0": "BF16", "text_embedding.2": "BF16"}  # fmt: skip
GGUF_TEXT = [("shared.", "token_embd."), ("encoder.final_layer_norm.", "enc.output_norm."), ("encoder.block.", "enc.blk."),
             (".layer.0.layer_norm.", ".attn_norm."), (".layer.1.layer_norm.", ".ffn_norm."),
             (".layer.0.SelfAttention.relative_attention_bias.", ".attn_rel_b."), (".layer.0.SelfAttention.", ".attn_"),
             (".layer.1.DenseReluDense.wi_0.", ".ffn_gate."), (".layer.1.DenseReluDense.wi_1.", ".ffn_up."),
             (".layer.1.DenseReluDense.wo.", ".ffn_down.")]  # fmt: skip
# Where a block of the types that the package only reads has its f16 scales, and what they are for numbers of about 0.08.
SCALES = {"Q4_K": {0: 3e-4, 2: 2e-3}, "Q5_K": {0: 1.5e-4, 2: 2e-3}, "Q6_K": {208: 7e-5}}


def gguf_text(name):
    for ours, theirs in GGUF_TEXT:
        name = name.replace(ours, theirs)
    return name


def digest(values):
    """FNV-1a over the bytes of f32 numbers."""
    state = 0xCBF29CE484222325
    for byte in values.float().contiguous().numpy().astype("<f4").tobytes():
        state = (state ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return f"{state:016x}"


def is_matrix(name, value):
    """What these files quantise: matrices of blocks, and the table of words."""
    inside = "block" in name or name == "shared.weight"
    return value.ndim == 2 and inside and "relative_attention_bias" not in name and name.endswith(".weight")


# ---- GGUF


def packed(value, name, random):
    """Bytes of a tensor, and the numbers they stand for."""
    kind = gguf.GGMLQuantizationType[name]
    if name not in SCALES:
        raw = gguf.quantize(value.numpy(), kind)
        return raw, gguf.dequantize(raw, kind), kind
    numbers, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (value.numel() // numbers, size), dtype=np.uint8)
    for place, scale in SCALES[name].items():
        scales = (scale * (1 + random.random(len(blocks)))).astype(np.float16)
        blocks[:, place : place + 2] = scales.view(np.uint8).reshape(-1, 2)
    raw = blocks.reshape(value.shape[0], -1)
    return raw, gguf.dequantize(raw, kind), kind


def write_gguf(path, architecture, tensors, rename, metadata=None):
    random = np.random.default_rng(MODEL["seed"])
    writer = gguf.GGUFWriter(path, architecture)
    if metadata:
        metadata(writer)
    expected = {}
    for key, value in tensors.items():
        name = rename(key)
        kind = next((TYPES[end] for end in TYPES if name.removesuffix(".weight").endswith(end)), "F32")
        kind = kind if name.endswith(".weight") and value.ndim == 2 else "F32"
        raw, values, kind = packed(value, kind, random)
        writer.add_tensor(name, raw, raw_shape=raw.shape, raw_dtype=kind)
        expected[key] = torch.from_numpy(np.array(values, np.float32)).reshape(value.shape)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return expected


def tokenizer(rows):
    def add(writer):
        pieces = tiny_models.tokenizer_json()["model"]["vocab"]
        rest = rows - len(pieces)
        writer.add_tokenizer_model("t5")
        writer.add_token_list([text for text, _ in pieces] + [f"[PAD{i}]" for i in range(rest)])
        writer.add_token_scores([score for _, score in pieces] + [-10000.0] * rest)
        # Control, control, control, unknown, normal ones, unused ones.
        writer.add_token_types([3, 3, 3, 2] + [1] * (len(pieces) - 4) + [5] * rest)
        writer.add_eos_token_id(1)
        writer.add_unk_token_id(3)
        writer.add_add_eos_token(True)

    return add


# ---- one byte a number


def levels(value, scale, dtype):
    """Bytes of numbers, and the numbers that they stand for with their scale, in f32."""
    if dtype == torch.int8:
        stored = torch.round(value / scale).clamp(-128, 127).to(dtype)
    else:
        stored = (value / scale).to(dtype)
    return stored, stored.float() * scale


def largest(value, dtype, dim=None):
    top = {torch.int8: 127.0, torch.float8_e4m3fn: 448.0, torch.float8_e5m2: 57344.0}[dtype]
    return (value.abs().max() if dim is None else value.abs().amax(dim, keepdim=True)) / top


def comfy(name, value, turn):
    """A kind of scale for each matrix, in turn: what is stored, and what it stands for."""
    module = name.removesuffix(".weight")
    kinds = [(torch.float8_e4m3fn, None, "scale_weight"), (torch.int8, 1, "weight_scale"), (torch.float8_e5m2, None, "weight_scale"),
             (torch.int8, None, "weight_scale"), (torch.float8_e4m3fn, None, None)]  # fmt: skip
    dtype, dim, scale_name = kinds[turn % len(kinds)]
    scale = torch.tensor(1.0) if scale_name is None else largest(value, dtype, dim)
    stored, values = levels(value, scale, dtype)
    tensors = {name: stored}
    if scale_name:
        tensors[f"{module}.{scale_name}"] = scale
    if scale_name == "scale_weight":
        tensors[f"{module}.scale_input"] = torch.tensor(0.037)
    elif scale_name:
        kind = "int8_tensorwise" if dtype == torch.int8 else "float8_e5m2"
        tensors[f"{module}.comfy_quant"] = torch.tensor(list(json.dumps({"format": kind}).encode()), dtype=torch.uint8)
    return tensors, values


def turbo(name, value, _):
    rows, columns = value.shape
    tiles = torch.zeros((rows + 127) // 128, (columns + 127) // 128)
    for row in range(tiles.shape[0]):
        for column in range(tiles.shape[1]):
            tile = value[128 * row : 128 * row + 128, 128 * column : 128 * column + 128]
            tiles[row, column] = tile.abs().max() / 128
    whole = tiles.repeat_interleave(128, 0)[:rows].repeat_interleave(128, 1)[:, :columns]
    stored, values = levels(value, whole, torch.int8)
    module = name.removesuffix(".weight")
    return {f"{module}.int8_weight": stored, f"{module}.scale": tiles}, values


def lightx2v(name, value, turn):
    dtype = [torch.int8, torch.float8_e4m3fn][turn % 2]
    scale = largest(value, dtype, 1)
    stored, values = levels(value, scale, dtype)
    return {name: stored, f"{name}_scale": scale}, values


def encoded(tensors, rename, kind, rest=torch.bfloat16):
    stored, expected, turn = {}, {}, 0
    for key, value in tensors.items():
        if is_matrix(key, value):
            made, expected[key] = kind(rename(key), value, turn)
            turn += 1
        else:
            made = {rename(key): value.to(rest)}
            expected[key] = value.to(rest).float()
        stored |= made
    return stored, expected


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "quantised"
        for name in ("gguf", "comfy", "turbo", "lightx2v"):
            (out / name).mkdir(parents=True)
            (out / name / "config.json").write_text(layouts.original_config())
        transformer = {k: v.float() for k, v in tiny_models.transformer(MODEL, MODEL["seed"]).state_dict().items()}
        text = {k: v.float() for k, v in tiny_models.text_encoder(MODEL).state_dict().items()}
        text.pop("encoder.embed_tokens.weight", None)
        expected = {name: {} for name in ("gguf", "comfy", "turbo", "lightx2v")}
        expected["gguf"]["transformer"] = write_gguf(out / "gguf/transformer.gguf", "wan", transformer, loras.original)
        expected["gguf"]["text_encoder"] = write_gguf(
            out / "gguf/text_encoder.gguf", "t5encoder", text, gguf_text, tokenizer(text["shared.weight"].shape[0]))  # fmt: skip
        stored, expected["comfy"]["transformer"] = encoded(transformer, loras.original, comfy)
        stored = layouts.behind("model.diffusion_model.", stored)
        stored["model.diffusion_model.scaled_fp8"] = torch.zeros(2, dtype=torch.float8_e4m3fn)
        save_file({k: v.contiguous() for k, v in stored.items()}, out / "comfy/transformer.safetensors")
        # The table of words comes first: with a scale for each row.
        stored, expected["comfy"]["text_encoder"] = encoded(text, lambda name: name, lambda n, v, i: comfy(n, v, i + 1))
        save_file({k: v.contiguous() for k, v in stored.items()}, out / "comfy/text_encoder.safetensors")
        stored, expected["turbo"]["transformer"] = encoded(transformer, loras.original, turbo)
        stored["patch_embedding.weight"] = stored["patch_embedding.weight"].flatten(1)
        torch.save(stored, out / "turbo/transformer.pth")
        stored, expected["lightx2v"]["transformer"] = encoded(transformer, loras.original, lightx2v)
        save_file(stored, out / "lightx2v/transformer.safetensors")
        digests = {
            name: {part: {key: digest(value) for key, value in values.items()} for part, values in parts.items()}
            for name, parts in expected.items()
        }
        (out / "expected.json").write_text(json.dumps(digests, indent=1) + "\n")
        layouts.put(out, OUT)


if __name__ == "__main__":
    main()
