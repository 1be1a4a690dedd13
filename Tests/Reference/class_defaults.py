#!/usr/bin/env python
"""Writes PipelinesTests/Fixtures/class-defaults.json: what the classes of diffusers and transformers take for a field
that a configuration leaves out, and odd values of fields that change nothing, each tried here on a tiny model.
"""

import inspect
import json
import pathlib
import tempfile

import diffusers
import numpy
import PIL.Image
import torch
import transformers
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLWan,
    CogVideoXDDIMScheduler,
    CogVideoXDPMScheduler,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
    WanTransformer3DModel,
)
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModel,
    PreTrainedTokenizerFast,
    T5Config,
    UMT5Config,
    UMT5EncoderModel,
)

from tiny_models import tokenizer_json

TEXT = {
    "architectures": ["Other"], "bos_token_id": 3, "chunk_size_feed_forward": 1, "classifier_dropout": 0.9,
    "decoder_start_token_id": 5, "dropout_rate": 0.9, "eos_token_id": 7, "gradient_checkpointing": True,
    "id2label": {"0": "x"}, "initializer_factor": 3.0, "is_encoder_decoder": False, "label2id": {"x": 0},
    "max_length": 3, "n_positions": 3, "num_beams": 4, "num_decoder_layers": 5, "output_attentions": True,
    "output_hidden_states": True, "output_past": True, "pad_token_id": 9, "problem_type": "regression",
    "return_dict": True, "scalable_attention": True, "scale_decoder_outputs": False, "task_specific_params": {},
    "tie_word_embeddings": False, "tokenizer_class": "Other", "transformers_version": "1", "use_cache": False,
}  # fmt: skip
PIXELS = {"dropout": 0.9}
PICTURES = {
    "architectures": ["Other"], "attention_dropout": 0.9, "chunk_size_feed_forward": 1, "dropout": 0.9,
    "id2label": {"0": "x"}, "initializer_factor": 3.0, "initializer_range": 0.9, "is_encoder_decoder": True, "label2id": {"x": 0},
    "output_attentions": True, "output_hidden_states": True, "problem_type": "regression", "projection_dim": 7,
    "return_dict": True, "transformers_version": "1",
}  # fmt: skip
COG_BLOCKS = {"dropout": 0.9}
COG_PIXELS = {"force_upcast": False, "latents_mean": [1.0] * 4, "latents_std": [2.0] * 4, "shift_factor": 0.9}
COG_STEPS = {
    "clip_sample": False, "clip_sample_range": 0.1, "dynamic_thresholding_ratio": 0.1, "sample_max_value": 0.1,
    "thresholding": True,
}  # fmt: skip
PREPARATION = {
    "data_format": "channels_last", "device": "cpu", "disable_grouping": True, "feature_extractor_type": "Other",
    "image_processor_type": "Other", "input_data_format": "channels_first", "processor_class": "Other",
    "return_tensors": "np",
}  # fmt: skip
TOKENS = {
    "add_bos_token": True, "add_eos_token": False, "add_prefix_space": False, "backend": "Other", "chat_template": "x",
    "clean_up_tokenization_spaces": True, "is_local": True, "legacy": False, "max_length": 3,
    "model_input_names": ["input_ids"], "model_max_length": 3, "name_or_path": "x", "pad_to_multiple_of": 7,
    "pad_token_type_id": 5, "processor_class": "Other", "return_token_type_ids": True,
    "sp_model_kwargs": {"enable_sampling": True}, "spaces_between_special_tokens": False, "special_tokens_map_file": "x",
    "stride": 2, "tokenizer_class": "LlamaTokenizer", "tokenizer_file": "x", "truncation_strategy": "only_second",
    "use_fast": False, "vocab_file": "x",
}  # fmt: skip
# Words that files make special tokens: pieces of the vocabulary, for others there is no row in the encoder.
SPECIAL = [
    ("tokenizer_config.json", {"mask_token": "th"}),
    ("tokenizer_config.json", {"pad_token": "</s>"}),
    ("tokenizer_config.json", {"unk_token": "er"}),
    ("tokenizer_config.json", {"bos_token": {"content": "ing", "lstrip": False, "rstrip": False, "normalized": False,
                                             "single_word": False, "__type": "AddedToken"}}),
    ("tokenizer_config.json", {"additional_special_tokens": ["s", "ing"]}),
    ("tokenizer_config.json", {"extra_special_tokens": {"image_token": "e"}}),
    ("special_tokens_map.json", {"sep_token": "th", "pad_token": "<s>"}),
    ("added_tokens.json", {"th": None}),
]  # fmt: skip
TEXTS = ["the red bird over the sea", "a</s>b <pad> moving  the <s> thing", "", "th th"]


def defaults(kind):
    parameters = inspect.signature(kind.__init__).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def text_encoder(**odd):
    torch.manual_seed(0)
    config = UMT5Config(vocab_size=64, d_model=8, d_kv=4, d_ff=12, num_layers=2, num_heads=2)
    weights = UMT5EncoderModel(config).state_dict()
    changed = UMT5Config.from_dict({**config.to_dict(), **odd})
    model = UMT5EncoderModel(changed).eval()
    model.load_state_dict(weights)
    ids = torch.tensor([[5, 9, 33, 1]])
    with torch.no_grad():
        return model(ids, attention_mask=torch.ones_like(ids)).last_hidden_state


def decoder(**odd):
    torch.manual_seed(0)
    config = dict(base_dim=4, z_dim=4, dim_mult=[1, 1], num_res_blocks=1, temperal_downsample=[True],
                  latents_mean=[0.0] * 4, latents_std=[1.0] * 4, scale_factor_temporal=2, scale_factor_spatial=2)  # fmt: skip
    weights = AutoencoderKLWan(**config).state_dict()
    model = AutoencoderKLWan(**{**config, **odd}).eval()
    model.load_state_dict({k: v for k, v in weights.items() if k in model.state_dict()})
    with torch.no_grad():
        return model.decode(torch.randn(1, 4, 2, 4, 4, generator=torch.Generator().manual_seed(1))).sample


def image_encoder(**odd):
    torch.manual_seed(0)
    config = CLIPVisionConfig(hidden_size=8, intermediate_size=12, num_hidden_layers=3, num_attention_heads=2,
                              image_size=8, patch_size=4)  # fmt: skip
    weights = CLIPVisionModel(config).state_dict()
    model = CLIPVisionModel(CLIPVisionConfig.from_dict({**config.to_dict(), **odd})).eval()
    model.load_state_dict(weights)
    pixels = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model(pixel_values=pixels, output_hidden_states=True).hidden_states[-2]


def cog_transformer(**odd):
    torch.manual_seed(0)
    config = dict(num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=4, time_embed_dim=8, text_embed_dim=8,
                  num_layers=1, sample_width=4, sample_height=4, sample_frames=5, max_text_seq_length=4)  # fmt: skip
    weights = CogVideoXTransformer3DModel(**config).state_dict()
    model = CogVideoXTransformer3DModel(**{**config, **odd}).eval()
    model.load_state_dict(weights)
    generator = torch.Generator().manual_seed(1)
    latents, text = torch.randn(1, 2, 4, 4, 4, generator=generator), torch.randn(1, 4, 8, generator=generator)
    with torch.no_grad():
        return model(latents, text, torch.tensor([500])).sample


def cog_vae(**odd):
    torch.manual_seed(0)
    config = dict(block_out_channels=[4, 8, 8, 8], latent_channels=4, layers_per_block=1, norm_num_groups=2)
    weights = AutoencoderKLCogVideoX(**config).state_dict()
    model = AutoencoderKLCogVideoX(**{**config, **odd}).eval()
    model.load_state_dict(weights)
    pipeline = CogVideoXPipeline(None, None, model, None, CogVideoXDDIMScheduler())
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        frames = pipeline.decode_latents(torch.randn(1, 2, 4, 2, 2, generator=generator))
        moments = model.encode(torch.randn(1, 3, 5, 16, 16, generator=generator)).latent_dist.parameters
    return torch.cat([frames.flatten(), moments.flatten()])


def cog_steps(**odd):
    generator = torch.Generator().manual_seed(1)
    found = []
    for kind in (CogVideoXDDIMScheduler, CogVideoXDPMScheduler):
        scheduler = kind.from_config({**kind().config, **odd})
        scheduler.set_timesteps(3)
        x, old, times = 3 * torch.randn(1, 2, 4, 2, 2, generator=generator), None, list(scheduler.timesteps)
        for i, t in enumerate(times):
            v = 3 * torch.randn(x.shape, generator=generator)
            if kind is CogVideoXDDIMScheduler:
                x = scheduler.step(v, t, x).prev_sample
            else:
                x, old = scheduler.step(v, old, t, times[i - 1] if i else None, x, generator=generator, return_dict=False)
        found.append(x)
    return torch.cat(found)


def prepared(**odd):
    pixels = numpy.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=numpy.uint8)
    config = {"size": {"shortest_edge": 8}, "crop_size": {"height": 8, "width": 8}}
    processor = CLIPImageProcessor.from_dict({**config, **odd})
    return processor(images=PIL.Image.fromarray(pixels), return_tensors="pt").pixel_values


def token_ids(file="tokenizer_config.json", **odd):
    files = {"tokenizer.json": tokenizer_json(), "tokenizer_config.json": {"pad_token": "<pad>", "eos_token": "</s>"}}
    files[file] = {**files.get(file, {}), **odd}
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (pathlib.Path(folder) / name).write_text(json.dumps(content))
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        return torch.tensor(tokenizer(TEXTS, padding="max_length", max_length=40, truncation=True).input_ids)


def lines(ids):
    return [" ".join(map(str, row)) for row in ids.tolist()]


def special_tokens():
    plain = token_ids()
    pieces = {piece: i for i, (piece, _) in enumerate(tokenizer_json()["model"]["vocab"])}
    found = []
    for file, odd in SPECIAL:
        if file == "added_tokens.json":
            odd = {word: pieces[word] for word in odd}
        ids = token_ids(file, **odd)
        assert not torch.equal(ids, plain), odd
        found.append({"file": file, "content": odd, "ids": lines(ids)})
    return [{"file": "tokenizer_config.json", "content": {}, "ids": lines(plain)}] + found


def main():
    for make, fields in (
        (text_encoder, TEXT), (decoder, PIXELS), (image_encoder, PICTURES), (cog_transformer, COG_BLOCKS),
        (cog_vae, COG_PIXELS), (cog_steps, COG_STEPS), (prepared, PREPARATION), (token_ids, TOKENS),
    ):  # fmt: skip
        plain = make()
        for name, value in fields.items():
            assert torch.equal(make(**{name: value}), plain), name
    vae = {**defaults(AutoencoderKLWan), "in_channels": 3}
    umt5, t5 = UMT5Config().to_dict(), T5Config().to_dict()
    found = {
        "made_by": f"Tests/Reference/class_defaults.py, diffusers {diffusers.__version__}, transformers "
        f"{transformers.__version__}",
        "transformer": defaults(WanTransformer3DModel),
        "vae": vae,
        "umt5": umt5,
        "t5": t5,
        "cogvideox_transformer": defaults(CogVideoXTransformer3DModel),
        "cogvideox_vae": defaults(AutoencoderKLCogVideoX),
        "cogvideox_ddim": defaults(CogVideoXDDIMScheduler),
        "cogvideox_dpm": defaults(CogVideoXDPMScheduler),
        "clip": CLIPVisionConfig().to_dict(),
        "harmless": {
            "text_encoder": TEXT | {"dtype": "float16", "torch_dtype": "float16"},
            # What the class once took, it passes over.
            "vae": PIXELS | {"clip_output": False},
            "image_encoder": PICTURES | {"dtype": "float16", "torch_dtype": "float16"},
            "cogvideox_transformer": COG_BLOCKS,
            "cogvideox_vae": COG_PIXELS,
            "cogvideox_scheduler": COG_STEPS,
            "image_processor": PREPARATION,
            "tokenizer": TOKENS,
        },
        "texts": TEXTS,
        "special_tokens": special_tokens(),
    }
    out = pathlib.Path(__file__).parents[1] / "PipelinesTests/Fixtures/class-defaults.json"
    out.write_text(json.dumps(found, indent=1) + "\n")
    print(out, out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
