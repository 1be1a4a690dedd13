"""The models of the comparison: folders in the Diffusers layout with random weights that keep values finite.

Tokenizer, text encoder and scheduler are those of the built-in model. Names and shapes come from Diffusers' own classes.
"""

import json
import math
import pathlib
import shutil

import torch
from diffusers import AutoencoderKLCogVideoX, AutoencoderKLWan, CogVideoXTransformer3DModel, WanTransformer3DModel
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModel, T5Config, T5EncoderModel

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
        # So many layers that they are worth moving; zeros that take no room on the disk.
        case "offload": return dict(transformer=transformer(30, heads, ffn), vae=vae(8, 1), dtype="float32", sparse=True)
        # 32,760 tokens: 832 x 480 in 81 frames.
        case "dit-factorized": return dict(transformer=transformer(2, heads, ffn), vae=vae(2, 1), dtype="float32")
        case "clip": return pictured(vae(8, 1), clip(2 if quick else 8))
        case "encode": return pictured(vae(16 if quick else 96))
        case "cog-dit": return cogvideox(2 if quick else 48, 1 if quick else 2, [32] * 4, 1)
        case "cog-vae": return cogvideox(1, 1, [32, 32, 64, 64] if quick else [128, 256, 256, 512], 3, silent=True)
    raise ValueError(name)


def pictured(autoencoder, tower=None):
    """A Wan that makes clips of a picture, whose transformer is next to nothing."""
    rest = dict(image_dim=tower["hidden_size"], added_kv_proj_dim=128) if tower else {}
    config = transformer(1, 1, 64, silent=True, **rest) | dict(in_channels=36)
    return dict(transformer=config, vae=autoencoder, tower=tower, dtype="float32")


def clip(layers):
    """The tower of Wan 2.1 with so many of its layers, one of which is not read."""
    return dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=layers + 1, num_attention_heads=16, image_size=224,
                patch_size=14, hidden_act="gelu", layer_norm_eps=1e-5, projection_dim=1024)


def cogvideox(heads, layers, widths, resnets, **rest):
    """CogVideoX-5b with fewer layers, its text encoder next to nothing."""
    config = dict(num_attention_heads=heads, attention_head_dim=64, in_channels=16, out_channels=16, time_embed_dim=512,
                  text_embed_dim=64, num_layers=layers, sample_width=90, sample_height=60, sample_frames=49, patch_size=2,
                  max_text_seq_length=226, use_rotary_positional_embeddings=True) | rest
    autoencoder = dict(block_out_channels=widths, layers_per_block=resnets, latent_channels=16, scaling_factor=0.7,
                       sample_height=480, sample_width=720)
    return dict(transformer=config, vae=autoencoder, cogvideox=True, dtype="float32")


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
    (write_cogvideox if spec.get("cogvideox") else write_wan)(folder, spec)
    done.write_text(text)


def write_wan(folder, spec):
    for part in ("tokenizer", "text_encoder", "scheduler"):
        shutil.copytree(BUILT_IN / part, folder / part)
    index = {k: v for k, v in read("model_index.json").items() if k != "default_generation"} | {"expand_timesteps": False}
    if spec["transformer"]["in_channels"] == 36:
        index["_class_name"] = "WanImageToVideoPipeline"
    dtype = getattr(torch, spec["dtype"])
    config = dict(spec["transformer"])
    silent = ("proj_out",) if config.pop("silent", False) else ()
    writer = write_zeros if spec.get("sparse") else write_part
    writer(folder / "transformer", WanTransformer3DModel, config, dtype, silent)
    write_part(folder / "vae", AutoencoderKLWan, spec["vae"], torch.float32, ())
    if tower := spec.get("tower"):
        index |= {"image_encoder": ["transformers", "CLIPVisionModel"],
                  "image_processor": ["transformers", "CLIPImageProcessor"]}
        write_network(folder / "image_encoder", CLIPVisionModel, CLIPVisionConfig(**tower))
        (folder / "image_processor").mkdir()
        (folder / "image_processor/preprocessor_config.json").write_text(json.dumps(dict(
            image_processor_type="CLIPImageProcessor", do_resize=True, do_center_crop=True, do_convert_rgb=True,
            do_normalize=True, do_rescale=True, rescale_factor=1 / 255, resample=3,
            size=dict(shortest_edge=tower["image_size"]),
            crop_size=dict(height=tower["image_size"], width=tower["image_size"]),
            image_mean=[0.48145466, 0.4578275, 0.40821073], image_std=[0.26862954, 0.26130258, 0.27577711])))
    (folder / "model_index.json").write_text(json.dumps(index, indent=1))


def write_cogvideox(folder, spec):
    shutil.copytree(BUILT_IN / "tokenizer", folder / "tokenizer")
    config = dict(spec["transformer"])
    silent = ("proj_out",) if config.pop("silent", False) else ()
    write_part(folder / "transformer", CogVideoXTransformer3DModel, config, torch.float32, silent)
    write_part(folder / "vae", AutoencoderKLCogVideoX, spec["vae"], torch.float32, ())
    write_network(folder / "text_encoder", T5EncoderModel, T5Config(
        vocab_size=read("text_encoder/config.json")["vocab_size"], d_model=64, d_kv=16, d_ff=128, num_layers=1, num_heads=4,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False))
    (folder / "scheduler").mkdir()
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(dict(
        _class_name="CogVideoXDDIMScheduler", prediction_type="v_prediction", rescale_betas_zero_snr=True,
        snr_shift_scale=1.0, timestep_spacing="trailing", beta_schedule="scaled_linear")))
    (folder / "model_index.json").write_text(json.dumps(dict(
        _class_name="CogVideoXPipeline", scheduler=["diffusers", "CogVideoXDDIMScheduler"],
        text_encoder=["transformers", "T5EncoderModel"], tokenizer=["transformers", "T5Tokenizer"],
        transformer=["diffusers", "CogVideoXTransformer3DModel"], vae=["diffusers", "AutoencoderKLCogVideoX"])))


def write_network(folder, kind, config):
    """A network of transformers, whose configuration is a class of its own."""
    folder.mkdir(parents=True)
    with torch.device("meta"):
        model = kind(config)
    save_file(random_weights(model, torch.float32), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config.to_dict() | dict(architectures=[kind.__name__]), indent=1))


def write_zeros(folder, kind, config, dtype, _):
    """A part in float32 whose numbers are a hole in its file."""
    folder.mkdir(parents=True)
    with torch.device("meta"):
        tensors = kind(**config).state_dict()
    header, end = {}, 0
    for name, tensor in tensors.items():
        begin, end = end, end + 4 * tensor.numel()
        header[name] = dict(dtype="F32", shape=list(tensor.shape), data_offsets=[begin, end])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "diffusion_pytorch_model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    (folder / "config.json").write_text(json.dumps({"_class_name": kind.__name__} | config, indent=1))


def write_part(folder, kind, config, dtype, silent):
    folder.mkdir(parents=True)
    with torch.device("meta"):
        model = kind(**config)
    save_file(random_weights(model, dtype, silent), folder / "diffusion_pytorch_model.safetensors")
    (folder / "config.json").write_text(json.dumps({"_class_name": kind.__name__} | config, indent=1))
