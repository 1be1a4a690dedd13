#!/usr/bin/env python
"""Writes PipelinesTests/Fixtures/real-shapes.json: names and shapes of all tensors of the published Wan models and CogVideoX.

The configurations are those of the published folders; the tensors are what diffusers and transformers make of them on
the meta device. A line is `name|count|shape`, where `{}` in the name stands for the numbers below count; configurations are JSON texts.
"""

import collections
import json
import pathlib
import re

import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLWan,
    CogVideoXDDIMScheduler,
    CogVideoXDPMScheduler,
    CogVideoXTransformer3DModel,
    UniPCMultistepScheduler,
    WanTransformer3DModel,
)
from transformers import T5Config, T5EncoderModel, UMT5Config, UMT5EncoderModel

# fmt: off
MEAN_22 = [-0.2289, -0.0052, -0.1323, -0.2339, -0.2799, 0.0174, 0.1838, 0.1557, -0.1382, 0.0542, 0.2813, 0.0891, 0.1570,
           -0.0098, 0.0375, -0.1825, -0.2246, -0.1207, -0.0698, 0.5109, 0.2665, -0.2108, -0.2158, 0.2502, -0.2055, -0.0322,
           0.1109, 0.1567, -0.0729, 0.0899, -0.2799, -0.1230, -0.0313, -0.1649, 0.0117, 0.0723, -0.2839, -0.2083, -0.0520,
           0.3748, 0.0152, 0.1957, 0.1433, -0.2944, 0.3573, -0.0548, -0.1681, -0.0667]
STD_22 = [0.4765, 1.0364, 0.4514, 1.1677, 0.5313, 0.4990, 0.4818, 0.5013, 0.8158, 1.0344, 0.5894, 1.0901, 0.6885, 0.6165,
          0.8454, 0.4978, 0.5759, 0.3523, 0.7135, 0.6804, 0.5833, 1.4146, 0.8986, 0.5659, 0.7069, 0.5338, 0.4889, 0.4917,
          0.4069, 0.4999, 0.6866, 0.4093, 0.5709, 0.6065, 0.6415, 0.4944, 0.5726, 1.2042, 0.5458, 1.6887, 0.3971, 1.0600,
          0.3943, 0.5537, 0.5444, 0.4089, 0.7468, 0.7744]
# fmt: on


def transformer(heads, layers, ffn, channels):
    return WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=heads, attention_head_dim=128, in_channels=channels,
        out_channels=channels, text_dim=4096, freq_dim=256, ffn_dim=ffn, num_layers=layers, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", eps=1e-6, rope_max_seq_len=1024)  # fmt: skip


def vae_22():
    return AutoencoderKLWan(
        base_dim=160, decoder_base_dim=256, z_dim=48, dim_mult=[1, 2, 4, 4], num_res_blocks=2, attn_scales=[],
        temperal_downsample=[False, True, True], is_residual=True, in_channels=12, out_channels=12, patch_size=2,
        scale_factor_temporal=4, scale_factor_spatial=16, latents_mean=MEAN_22, latents_std=STD_22)  # fmt: skip


def text_encoder():
    return UMT5EncoderModel(UMT5Config(
        vocab_size=256384, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64,
        relative_attention_num_buckets=32, relative_attention_max_distance=128, feed_forward_proj="gated-gelu",
        num_decoder_layers=24, tie_word_embeddings=False, pad_token_id=0, eos_token_id=1,
        decoder_start_token_id=0))  # fmt: skip


def text_encoder_t5():
    return T5EncoderModel(T5Config(
        vocab_size=32128, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64,
        relative_attention_num_buckets=32, relative_attention_max_distance=128, feed_forward_proj="gated-gelu",
        num_decoder_layers=24, tie_word_embeddings=False, pad_token_id=0, eos_token_id=1,
        decoder_start_token_id=0))  # fmt: skip


def cog(**options):
    return lambda: CogVideoXTransformer3DModel(
        num_attention_heads=48, num_layers=42, use_rotary_positional_embeddings=True, **options)  # fmt: skip


COMPONENTS = {
    "umt5-xxl": text_encoder,
    "vae-2.1": AutoencoderKLWan,
    "vae-2.2": vae_22,
    "transformer-1.3b": lambda: transformer(12, 30, 8960, 16),
    "transformer-14b": lambda: transformer(40, 40, 13824, 16),
    "transformer-5b": lambda: transformer(24, 30, 14336, 48),
    "t5-v1.1-xxl": text_encoder_t5,
    "vae-cogvideox": AutoencoderKLCogVideoX,
    "cogvideox-2b": CogVideoXTransformer3DModel,
    "cogvideox-5b": cog(),
    "cogvideox-5b-i2v": cog(in_channels=32, use_learned_positional_embeddings=True),
    "cogvideox1.5-5b": cog(patch_size_t=2, patch_bias=False, sample_width=300, sample_height=300, sample_frames=81),
    "cogvideox1.5-5b-i2v": cog(
        in_channels=32, patch_size_t=2, patch_bias=False, sample_width=300, sample_height=300, sample_frames=81,
        ofs_embed_dim=512),
}
# dtype in which the published file stores the component, as far as known
DTYPES = {"umt5-xxl": "BF16", "transformer-14b": "BF16", "t5-v1.1-xxl": "BF16"}
MODELS = {
    "wan2.1-t2v-1.3b": ("transformer-1.3b", None, "vae-2.1", {}, 3.0),
    "wan2.1-t2v-14b": ("transformer-14b", None, "vae-2.1", {}, 3.0),
    "wan2.2-ti2v-5b": ("transformer-5b", None, "vae-2.2", {"boundary_ratio": None, "expand_timesteps": True}, 5.0),
    "wan2.2-t2v-a14b": ("transformer-14b", "transformer-14b", "vae-2.1",
                        {"boundary_ratio": 0.875, "expand_timesteps": False}, 3.0),
}  # fmt: skip


def lines(model):
    # Files hold tied weights once.
    shapes = {name: list(x.shape) for name, x in model.state_dict().items() if name != "encoder.embed_tokens.weight"}
    groups = collections.defaultdict(dict)
    for name, shape in shapes.items():
        match = re.match(r"^((?:encoder\.|transformer_)?blocks?\.)(\d+)(\..*)$", name)
        if match:
            groups[match[1] + "{}" + match[3], tuple(shape)][int(match[2])] = None
        else:
            groups[name, tuple(shape)][0] = None
    result = []
    for (name, shape), numbers in groups.items():
        dims = ",".join(map(str, shape))
        if "{}" in name and sorted(numbers) == list(range(len(numbers))):
            result.append(f"{name}|{len(numbers)}|{dims}")
        else:
            result += [f"{name.replace('{}', str(n))}|1|{dims}" for n in numbers]
    return result


def main():
    components = {}
    for name, make in COMPONENTS.items():
        with torch.device("meta"):
            model = make()
        owner = model.config if hasattr(model.config, "to_json_string") else model
        config = json.loads(owner.to_json_string())
        config.pop("_diffusers_version", None)
        components[name] = {"config": json.dumps(config), "dtype": DTYPES.get(name, "F32"), "tensors": lines(model)}
        print(name, len(model.state_dict()), "tensors", sum(p.numel() for p in model.parameters()), "parameters")
    models = {}
    for name, (first, second, vae, extra, shift) in MODELS.items():
        index = {"_class_name": "WanPipeline", **extra, "scheduler": ["diffusers", "UniPCMultistepScheduler"],
                 "text_encoder": ["transformers", "UMT5EncoderModel"], "tokenizer": ["transformers", "T5TokenizerFast"],
                 "transformer": ["diffusers", "WanTransformer3DModel"],
                 "transformer_2": ["diffusers", "WanTransformer3DModel"] if second else [None, None],
                 "vae": ["diffusers", "AutoencoderKLWan"]}  # fmt: skip
        scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)
        parts = {"text_encoder": "umt5-xxl", "transformer": first, "vae": vae}
        if second:
            parts["transformer_2"] = second
        options = json.dumps(json.loads(scheduler.to_json_string()))
        models[name] = {"index": json.dumps(index), "scheduler": options, "components": parts}
    for name in ("cogvideox-2b", "cogvideox-5b", "cogvideox-5b-i2v", "cogvideox1.5-5b", "cogvideox1.5-5b-i2v"):
        kind = CogVideoXDDIMScheduler if name == "cogvideox-2b" else CogVideoXDPMScheduler
        index = {"_class_name": "CogVideoXImageToVideoPipeline" if name.endswith("i2v") else "CogVideoXPipeline",
                 "scheduler": ["diffusers", kind.__name__], "text_encoder": ["transformers", "T5EncoderModel"],
                 "tokenizer": ["transformers", "T5Tokenizer"],
                 "transformer": ["diffusers", "CogVideoXTransformer3DModel"],
                 "vae": ["diffusers", "AutoencoderKLCogVideoX"]}  # fmt: skip
        scheduler = kind(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
            prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing",
            snr_shift_scale=3.0 if name == "cogvideox-2b" else 1.0)  # fmt: skip
        parts = {"text_encoder": "t5-v1.1-xxl", "transformer": name, "vae": "vae-cogvideox"}
        options = json.dumps(json.loads(scheduler.to_json_string()))
        models[name] = {"index": json.dumps(index), "scheduler": options, "components": parts}
    out = pathlib.Path(__file__).parents[1] / "PipelinesTests/Fixtures/real-shapes.json"
    text = json.dumps({"components": components, "models": models}, indent=1)
    out.write_text(text + "\n")
    print(out, out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
