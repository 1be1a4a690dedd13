"""The models of the comparison: folders in the Diffusers layout with random weights that keep values finite.

Tokenizer, text encoder and scheduler are those of the built-in model. Names and shapes come from Diffusers' own classes.
"""

import json
import math
import pathlib
import shutil

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from safetensors.torch import save_file

BUILT_IN = pathlib.Path(__file__).parents[1] / "Sources/CBuiltinModel/model"


def read(path):
    return json.loads((BUILT_IN / path).read_text())


def transformer(layers, heads, ffn, head_dim=128, channels=16, **rest):
    return dict(patch_size=[1, 2, 2], num_attention_heads=heads, attention_head_dim=head_dim, in_channels=channels,
                out_channels=channels, text_dim=read("text_encoder/config.json")["d_model"], freq_dim=256, ffn_dim=ffn,
                num_layers=layers, cross_attn_norm=True, qk_norm="rms_norm_across_heads", eps=1e-6, image_dim=None,
                added_kv_proj_dim=None, rope_max_seq_len=1024) | rest


def vae(base, res_blocks=2, channels=16):
    return dict(base_dim=base, z_dim=channels, dim_mult=[1, 2, 4, 4], num_res_blocks=res_blocks, attn_scales=[],
                temperal_downsample=[False, True, True], dropout=0.0, latents_mean=[0.0] * channels,
                latents_std=[1.0] * channels)


def built_in_sizes():
    """The built-in model as Diffusers can run it: full attention, no coordinate channels."""
    config = read("transformer/config.json")
    for key in ("attention", "coordinate_features", "text_len", "_class_name", "_diffusers_version"):
        config.pop(key, None)
    config["in_channels"] = config["out_channels"]
    autoencoder = {k: v for k, v in read("vae/config.json").items() if not k.startswith("_")}
    return dict(transformer=config, vae=autoencoder, dtype="float32")


def specification(name, quick):
    """The numbers of one folder."""
    layers, heads, ffn = (1, 2, 512) if quick else (6, 12, 8960)
    match name:
        case "built-in-sizes": return built_in_sizes()
        case "dit-f32": return dict(transformer=transformer(layers, heads, ffn), vae=vae(8, 1), dtype="float32")
        case "dit-bf16": return dict(transformer=transformer(layers, heads, ffn), vae=vae(8, 1), dtype="bfloat16")
        # A transformer that answers zero: what the decoder gets is the noise, in every dtype the same.
        case "vae": return dict(transformer=transformer(1, 1, 64, silent=True), vae=vae(16 if quick else 96),
                                dtype="float32")
    raise ValueError(name)


def random_weights(model, dtype, silent=()):
    """One value each: gains near one, biases small, matrices such that a product keeps the size of its input."""
    generator = torch.Generator().manual_seed(20)
    weights = {}
    for name, empty in model.state_dict().items():
        noise = torch.randn(empty.shape, generator=generator)
        if any(part in name for part in silent):
            value = torch.zeros(empty.shape)
        elif "gamma" in name or ("norm" in name and name.endswith("weight")):
            value = 1 + 0.1 * noise
        elif name.endswith("bias") or "scale_shift_table" in name:
            value = 0.1 * noise
        else:
            value = noise / math.sqrt(empty[0].numel())
        if name == "decoder.conv_out.weight":
            value *= 0.6  # Few pixels leave -1...1, where they would be cut off.
        weights[name] = value.to(dtype)
    return weights


def write(folder, name, quick):
    """Writes the folder unless it is there already."""
    spec = specification(name, quick)
    text = json.dumps(spec, indent=1)
    done = folder / "bench.json"
    if done.exists() and done.read_text() == text:
        return
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("tokenizer", "text_encoder", "scheduler"):
        shutil.copytree(BUILT_IN / part, folder / part)
    index = {k: v for k, v in read("model_index.json").items() if k != "default_generation"}
    (folder / "model_index.json").write_text(json.dumps(index, indent=1))
    dtype = getattr(torch, spec["dtype"])
    config = dict(spec["transformer"])
    silent = ("proj_out",) if config.pop("silent", False) else ()
    write_part(folder / "transformer", WanTransformer3DModel, config, dtype, silent)
    write_part(folder / "vae", AutoencoderKLWan, spec["vae"], torch.float32, ())
    done.write_text(text)


def write_part(folder, kind, config, dtype, silent):
    folder.mkdir(parents=True)
    with torch.device("meta"):
        model = kind(**config)
    save_file(random_weights(model, dtype, silent), folder / "diffusion_pytorch_model.safetensors")
    (folder / "config.json").write_text(json.dumps({"_class_name": kind.__name__} | config, indent=1))
