#!/usr/bin/env python
"""Writes PipelinesTests/Fixtures/layouts: one tiny Wan model as Diffusers keeps it, and as others do.

    model/       the folder of Diffusers
    original/    the authors' folder: their names, weights beside config.json and in .pth files
    comfy/       ComfyUI's split files: the transformer behind a prefix, the text encoder under its names at Hugging Face
    single/      all of it in one file, each part behind a prefix

Heads are narrower than the 128 that every published model has, so a config.json lies beside each transformer. What
Diffusers' own converters make of the other names must be what they were made from, or nothing is written.
"""

import inspect
import json
import pathlib
import re
import shutil
import tempfile

import torch
from diffusers import AutoencoderKLWan
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers, convert_wan_vae_to_diffusers
from safetensors.torch import load_file, save_file

import loras
import tiny_models

OUT = pathlib.Path(__file__).parents[1] / "PipelinesTests/Fixtures/layouts"
MODEL = tiny_models.VARIANTS["wan21-t2v"] | dict(
    seed=31, z=16, layers=1, freq=16,
    text=dict(d_model=16, heads=2, d_kv=8, d_ff=24, layers=2, buckets=32, distance=128),
    vae=dict(base=2, mult=[1, 2, 4, 4], blocks=2, temporal=[False, True, True]), shards={},
    dtypes=dict.fromkeys(["transformer", "text_encoder", "vae"], "bfloat16"))  # fmt: skip


def model(out):
    tiny_models.VARIANTS["layouts"] = MODEL
    tiny_models.write("layouts", out)
    # Files of other layouts hold no statistics of latents: they are those of the published autoencoder.
    path = out / "vae/config.json"
    config = json.loads(path.read_text())
    parameters = inspect.signature(AutoencoderKLWan.__init__).parameters
    config |= {name: list(parameters[name].default) for name in ("latents_mean", "latents_std")}
    path.write_text(json.dumps(config, indent=2) + "\n")


BLOCK = {"norm1": "residual.0", "conv1": "residual.2", "norm2": "residual.3", "conv2": "residual.6",
         "conv_shortcut": "shortcut"}  # fmt: skip


def original_vae(name):
    name = re.sub(r"\.(norm1|conv1|norm2|conv2|conv_shortcut)\.", lambda m: f".{BLOCK[m[1]]}.", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"upsamples.{4 * int(m[1]) + int(m[2])}", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"upsamples.{4 * int(m[1]) + 3}", name)
    for ours, theirs in [
        ("post_quant_conv.", "conv2."), ("quant_conv.", "conv1."), (".conv_in.", ".conv1."), (".norm_out.", ".head.0."),
        (".conv_out.", ".head.2."), ("mid_block.attentions.0", "middle.1"), ("mid_block.resnets.0", "middle.0"),
        ("mid_block.resnets.1", "middle.2"), ("down_blocks.", "downsamples."),
    ]:  # fmt: skip
        name = name.replace(ours, theirs)
    return name


def original_text(name):
    name = re.sub(r"encoder\.block\.(\d+)\.layer\.", r"blocks.\1.", name)
    for ours, theirs in [
        ("shared.", "token_embedding."), ("encoder.final_layer_norm.", "norm."), (".0.layer_norm.", ".norm1."),
        (".0.SelfAttention.relative_attention_bias.", ".pos_embedding.embedding."), (".0.SelfAttention.", ".attn."),
        (".1.layer_norm.", ".norm2."), (".1.DenseReluDense.wi_0.", ".ffn.gate.0."),
        (".1.DenseReluDense.wi_1.", ".ffn.fc1."), (".1.DenseReluDense.wo.", ".ffn.fc2."),
    ]:  # fmt: skip
        name = name.replace(ours, theirs)
    return name


def renamed(tensors, name):
    result = {name(key): value for key, value in tensors.items()}
    assert len(result) == len(tensors)
    return result


def behind(prefix, tensors):
    return {prefix + key: value for key, value in tensors.items()}


def check(tensors, original, convert):
    made = convert(dict(original))
    assert made.keys() == tensors.keys(), made.keys() ^ tensors.keys()
    assert all(torch.equal(made[key].reshape(tensors[key].shape), tensors[key]) for key in tensors)


def put(made, place):
    """Takes a folder for the fixture."""
    for path in made.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(made, place)
    print(f"{place}: {sum(p.stat().st_size for p in place.rglob('*') if p.is_file())} bytes")


def original_config():
    width = MODEL["heads"] * MODEL["head_dim"]
    config = {"_class_name": "WanModel", "_diffusers_version": "0.30.0", "dim": width, "eps": MODEL["eps"],
              "ffn_dim": MODEL["ffn"], "freq_dim": MODEL["freq"], "in_dim": MODEL["z"], "model_type": "t2v",
              "num_heads": MODEL["heads"], "num_layers": MODEL["layers"], "out_dim": MODEL["z"], "text_len": 512}  # fmt: skip
    return json.dumps(config, indent=2) + "\n"


def main():
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "layouts"
        for name in ("model", "original/google/umt5-xxl", "comfy/diffusion_models", "comfy/vae", "comfy/text_encoders", "single"):
            (out / name).mkdir(parents=True)
        torch.set_num_threads(1)
        model(out / "model")
        transformer = load_file(out / "model/transformer/diffusion_pytorch_model.safetensors")
        vae = load_file(out / "model/vae/diffusion_pytorch_model.safetensors")
        text = load_file(out / "model/text_encoder/model.safetensors")
        text.pop("encoder.embed_tokens.weight", None)
        own_transformer, own_vae = renamed(transformer, loras.original), renamed(vae, original_vae)
        check(transformer, own_transformer, convert_wan_transformer_to_diffusers)
        check(vae, own_vae, convert_wan_vae_to_diffusers)

        tokenizer = out / "model/tokenizer/tokenizer.json"
        save_file(own_transformer, out / "original/diffusion_pytorch_model.safetensors")
        torch.save(own_vae, out / "original/Wan2.1_VAE.pth")
        torch.save(renamed(text, original_text), out / "original/models_t5_umt5-xxl-enc-bf16.pth")
        shutil.copy(tokenizer, out / "original/google/umt5-xxl/tokenizer.json")
        prefixed = behind("model.diffusion_model.", own_transformer)
        save_file(prefixed, out / "comfy/diffusion_models/wan2.1_t2v_bf16.safetensors")
        save_file(own_vae, out / "comfy/vae/wan_2.1_vae.safetensors")
        save_file(text, out / "comfy/text_encoders/umt5_xxl_bf16.safetensors")
        shutil.copy(tokenizer, out / "comfy/text_encoders/tokenizer.json")
        whole = prefixed | behind("vae.", own_vae) | behind("text_encoders.umt5xxl.transformer.", text)
        save_file(whole, out / "single/wan2.1_t2v.safetensors")
        for name in ("original", "comfy/diffusion_models", "single"):
            (out / name / "config.json").write_text(original_config())
        put(out, OUT)


if __name__ == "__main__":
    main()
