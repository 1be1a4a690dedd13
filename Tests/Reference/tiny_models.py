"""Tiny Wan folders in the Diffusers layout: every part of the real ones, random weights, few parameters.

Weights are scaled so that activations stay near unit variance and every tensor matters to the output.
"""

import json
import pathlib

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel, UMT5Config, UMT5EncoderModel

WORDS = """a the red blue green yellow white circle square triangle cat dog moving from left to right up down slowly over
under water sea sky night day with and of in on two small big light dark wind tree""".split()
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?'\"-()é"

VARIANTS = {
    "wan21-t2v": dict(
        # This seed gives a decoder that does not amplify rounding: with four channels a norm can meet almost nothing.
        seed=26, z=4, heads=2, head_dim=12, layers=2, ffn=40, freq=24, patch=(1, 2, 2), eps=1e-6, rope=1024,
        text=dict(d_model=16, heads=2, d_kv=8, d_ff=24, layers=2, buckets=8, distance=20),
        vae=dict(base=4, mult=[1, 1, 2, 2], blocks=1, temporal=[False, True, True]), shift=3.0,
        dtypes=dict(transformer="bfloat16", text_encoder="float32", vae="float32"), shards=dict(transformer="16KB"),
    ),
    "wan22-ti2v": dict(
        seed=22, z=6, heads=2, head_dim=12, layers=2, ffn=36, freq=32, patch=(1, 2, 2), eps=1e-6, rope=1024,
        text=dict(d_model=24, heads=3, d_kv=8, d_ff=32, layers=2, buckets=32, distance=128),
        vae=dict(base=4, decoder_base=4, mult=[1, 2, 2, 2], blocks=1, temporal=[True, False, True]), shift=5.0,
        dtypes=dict(transformer="float32", text_encoder="bfloat16", vae="bfloat16"), shards=dict(text_encoder="24KB"),
    ),
    "wan22-a14b": dict(
        seed=23, z=5, heads=1, head_dim=20, layers=1, ffn=36, freq=16, patch=(1, 1, 2), eps=1e-5, rope=256,
        text=dict(d_model=20, heads=2, d_kv=12, d_ff=28, layers=3, buckets=16, distance=64),
        vae=dict(base=4, mult=[1, 1, 2, 3], blocks=1, temporal=[True, True, False]), shift=8.0, boundary=0.875,
        dtypes=dict(transformer="float16", transformer_2="float32", text_encoder="float16", vae="float16"), shards={},
    ),
}  # fmt: skip

# Those that begin with a picture share the text encoder and the autoencoder of those that do not, byte by byte.
VARIANTS |= {
    "wan21-i2v": VARIANTS["wan21-t2v"] | dict(
        layers=2, freq=16, shards={}, clip=dict(patch=6, grid=3, hidden=20, heads=2, layers=3, ff=28, act="gelu"),
        dtypes=dict(transformer="float32", text_encoder="float32", vae="float32", image_encoder="float16")),
    "wan21-flf2v": VARIANTS["wan21-t2v"] | dict(
        layers=1, heads=1, head_dim=20, freq=16, shift=8.0, shards={}, both=True,
        clip=dict(patch=8, grid=2, hidden=24, heads=3, layers=4, ff=20, act="quick_gelu"),
        dtypes=dict(transformer="bfloat16", text_encoder="float32", vae="float32", image_encoder="float32")),
    "wan22-i2v-a14b": VARIANTS["wan22-a14b"] | dict(boundary=0.9, shift=5.0, freq=24, patch=(1, 2, 2)),
}  # fmt: skip


def tokenizer_json():
    """A Unigram tokenizer of the form of google/umt5-xxl's, its vocabulary small."""
    mark = "\u2581"
    words = sorted(set(WORDS))
    pieces = [["<pad>", 0.0], ["</s>", 0.0], ["<s>", 0.0], ["<unk>", 0.0], [mark, -3.0]]
    pieces += [[mark + w, -4.0 - 0.01 * i] for i, w in enumerate(words) if len(w) > 1]
    pieces += [[c, -6.0 - 0.01 * i] for i, c in enumerate(LETTERS)]
    pieces += [["ing", -4.5], ["er", -4.6], ["th", -4.7], [mark + "s", -4.8]]
    flags = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    special = [dict(id=i, content=pieces[i][0], **flags) for i in range(4)]
    end = {"SpecialToken": {"id": "</s>", "type_id": 0}}
    a, b = ({"Sequence": {"id": s, "type_id": 0}} for s in "AB")
    metaspace = {"type": "Metaspace", "replacement": mark, "add_prefix_space": True}
    normalizer = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
        "normalizer": {"type": "Sequence", "normalizers": [normalizer]}, "pre_tokenizer": metaspace,
        "post_processor": {"type": "TemplateProcessing", "single": [a, end], "pair": [a, end, b, end],
                           "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": 3, "vocab": pieces, "byte_fallback": False},
    }  # fmt: skip


def randomise(model, seed, gains):
    """Matrices by fan-in, gains of norms around 1, small biases; `gains` multiplies by part of a name."""
    generator = torch.Generator("cpu").manual_seed(seed)
    modules = dict(model.named_modules())
    with torch.no_grad():
        for name, p in model.named_parameters():
            owner, _, leaf = name.rpartition(".")
            kind = type(modules[owner]).__name__.lower()
            noise = torch.randn(p.shape, generator=generator)
            gain = next((g for part, g in gains.items() if part in name), 1.0)
            if leaf == "gamma" or ("norm" in kind and leaf == "weight"):
                value = (1 + 0.2 * noise) * gain
            elif leaf == "bias":
                value = 0.1 * noise
            elif leaf == "scale_shift_table":
                value = 0.4 * noise
            elif leaf == "pos_embed":
                value = 0.5 * noise
            elif "relative_attention_bias" in name:
                value = 0.8 * noise
            elif kind == "embedding":
                value = noise
            else:
                value = gain * noise / p[0].numel() ** 0.5
            p.copy_(value)
    return model.eval()


def text_encoder(v):
    t = v["text"]
    vocabulary = (len(tokenizer_json()["model"]["vocab"]) + 31) // 32 * 32
    config = UMT5Config(
        vocab_size=vocabulary, d_model=t["d_model"], d_kv=t["d_kv"], d_ff=t["d_ff"], num_layers=t["layers"],
        num_heads=t["heads"], relative_attention_num_buckets=t["buckets"], relative_attention_max_distance=t["distance"],
        feed_forward_proj="gated-gelu", num_decoder_layers=t["layers"], tie_word_embeddings=False, pad_token_id=0,
        eos_token_id=1, decoder_start_token_id=0)  # fmt: skip
    # T5 does not divide by sqrt(d_kv): the query carries it.
    gains = {".q.weight": 1.6 / t["d_kv"] ** 0.5, ".o.weight": 0.7, ".wo.weight": 1.2}
    return randomise(UMT5EncoderModel(config), v["seed"] * 10, gains)


def image_encoder(v):
    c = v["clip"]
    config = CLIPVisionConfig(
        hidden_size=c["hidden"], intermediate_size=c["ff"], num_hidden_layers=c["layers"], num_attention_heads=c["heads"],
        image_size=c["patch"] * c["grid"], patch_size=c["patch"], hidden_act=c["act"], layer_norm_eps=1e-5)  # fmt: skip
    return randomise(CLIPVisionModel(config), v["seed"] * 10 + 4, {"q_proj.weight": 1.6, "out_proj.weight": 0.7})


def image_tokens(v):
    return v["clip"]["grid"] ** 2 + 1


def transformer(v, seed, takes_pictures=False):
    pictures = {}
    if "clip" in v:
        pictures = dict(image_dim=v["clip"]["hidden"], added_kv_proj_dim=v["heads"] * v["head_dim"],
                        pos_embed_seq_len=2 * image_tokens(v) if v.get("both") else None)  # fmt: skip
    channels = 2 * v["z"] + 4 if takes_pictures else v["z"]
    model = WanTransformer3DModel(
        patch_size=v["patch"], num_attention_heads=v["heads"], attention_head_dim=v["head_dim"], in_channels=channels,
        out_channels=v["z"], text_dim=v["text"]["d_model"], freq_dim=v["freq"], ffn_dim=v["ffn"], num_layers=v["layers"],
        cross_attn_norm=True, qk_norm="rms_norm_across_heads", eps=v["eps"], rope_max_seq_len=v["rope"], **pictures)  # fmt: skip
    gains = {"norm_q.weight": 1.5, "norm_k.weight": 1.2, "time_proj.weight": 0.7, "ffn.net.2.weight": 1.6,
             "to_out.0.weight": 1.4, "proj_out.weight": 0.9, "text_embedder": 1.4, "time_embedder": 1.4}  # fmt: skip
    return randomise(model, seed, gains)


def vae(v):
    d = v["vae"]
    generator = torch.Generator("cpu").manual_seed(v["seed"])
    mean = (0.6 * torch.randn(v["z"], generator=generator)).double().round(decimals=4).tolist()
    std = (0.7 + 1.9 * torch.rand(v["z"], generator=generator)).double().round(decimals=4).tolist()
    options = dict(base_dim=d["base"], z_dim=v["z"], dim_mult=d["mult"], num_res_blocks=d["blocks"], attn_scales=[],
                   temperal_downsample=d["temporal"], latents_mean=mean, latents_std=std)  # fmt: skip
    if "decoder_base" in d:
        options |= dict(decoder_base_dim=d["decoder_base"], is_residual=True, in_channels=12, out_channels=12,
                        patch_size=2, scale_factor_temporal=4, scale_factor_spatial=16)  # fmt: skip
    gains = {"conv1.weight": 1.3, "conv2.weight": 0.9, "to_qkv.weight": 1.6, "decoder.conv_out.weight": 0.75}
    model = randomise(AutoencoderKLWan(**options), v["seed"] * 10 + 1, gains)
    # Few pixels should reach the clamp at ±1.
    seen = {}
    hook = model.decoder.conv_out.register_forward_hook(lambda m, i, o: seen.update(spread=o.std()))
    with torch.no_grad():
        model.decode(torch.randn(1, v["z"], 3, 4, 4, generator=generator) * 3)
        model.decoder.conv_out.weight.mul_(0.4 / seen["spread"])
    hook.remove()
    return model


def write(name, out: pathlib.Path):
    """Writes the folder of a variant."""
    v = VARIANTS[name]
    takes_pictures = name in ("wan21-i2v", "wan21-flf2v", "wan22-i2v-a14b")
    parts = {"text_encoder": text_encoder(v), "vae": vae(v)}
    parts["transformer"] = transformer(v, v["seed"] * 10 + 2, takes_pictures)
    if "boundary" in v:
        parts["transformer_2"] = transformer(v, v["seed"] * 10 + 3, takes_pictures)
    if "clip" in v:
        parts["image_encoder"] = image_encoder(v)
        side = v["clip"]["patch"] * v["clip"]["grid"]
        CLIPImageProcessor(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        ).save_pretrained(out / "image_processor")  # fmt: skip
    for part, model in parts.items():
        model.to(getattr(torch, v["dtypes"][part]))
        model.save_pretrained(out / part, max_shard_size=v["shards"].get(part, "1GB"))
    UniPCMultistepScheduler(
        num_train_timesteps=1000, prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=v["shift"]
    ).save_pretrained(out / "scheduler")
    (out / "tokenizer").mkdir(exist_ok=True)
    dump = json.dumps(tokenizer_json(), ensure_ascii=False, separators=(",", ":"))
    (out / "tokenizer/tokenizer.json").write_text(dump + "\n")
    config = {"tokenizer_class": "T5Tokenizer", "model_max_length": 512, "pad_token": "<pad>", "eos_token": "</s>",
              "unk_token": "<unk>", "extra_ids": 0}  # fmt: skip
    (out / "tokenizer/tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    index = {"_class_name": "WanImageToVideoPipeline" if takes_pictures else "WanPipeline",
             "_diffusers_version": "0.42.1"}  # fmt: skip
    if name.startswith("wan22"):
        index |= {"boundary_ratio": v.get("boundary"), "expand_timesteps": name == "wan22-ti2v"}
    if takes_pictures:
        has = "clip" in v
        index |= {"image_encoder": ["transformers", "CLIPVisionModel"] if has else [None, None],
                  "image_processor": ["transformers", "CLIPImageProcessor"] if has else [None, None]}  # fmt: skip
    index |= {"scheduler": ["diffusers", "UniPCMultistepScheduler"],
              "text_encoder": ["transformers", "UMT5EncoderModel"], "tokenizer": ["transformers", "T5TokenizerFast"],
              "transformer": ["diffusers", "WanTransformer3DModel"]}  # fmt: skip
    if name.startswith("wan22"):
        index["transformer_2"] = ["diffusers", "WanTransformer3DModel"] if "boundary" in v else [None, None]
    index["vae"] = ["diffusers", "AutoencoderKLWan"]
    (out / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
