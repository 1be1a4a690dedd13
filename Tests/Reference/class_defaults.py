#!/usr/bin/env python
"""Writes PipelinesTests/Fixtures/class-defaults.json: what the classes of diffusers and transformers take for a field
that a configuration leaves out, and odd values of fields that change nothing, each tried here on a tiny model.
"""

import inspect
import json
import pathlib

import diffusers
import torch
import transformers
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLWan,
    CogVideoXDDIMScheduler,
    CogVideoXDPMScheduler,
    CogVideoXTransformer3DModel,
    WanTransformer3DModel,
)
from transformers import T5Config, UMT5Config, UMT5EncoderModel

TEXT = {
    "architectures": ["Other"], "bos_token_id": 3, "chunk_size_feed_forward": 1, "classifier_dropout": 0.9,
    "decoder_start_token_id": 5, "dropout_rate": 0.9, "eos_token_id": 7, "gradient_checkpointing": True,
    "id2label": {"0": "x"}, "initializer_factor": 3.0, "is_encoder_decoder": False, "label2id": {"x": 0},
    "max_length": 3, "n_positions": 3, "num_beams": 4, "num_decoder_layers": 5, "output_attentions": True,
    "output_hidden_states": True, "output_past": True, "pad_token_id": 9, "problem_type": "regression",
    "return_dict": True, "scalable_attention": True, "scale_decoder_outputs": False, "task_specific_params": {},
    "tie_word_embeddings": False, "tokenizer_class": "Other", "transformers_version": "1", "use_cache": False,
}  # fmt: skip
PIXELS = {"in_channels": 3, "dropout": 0.9}


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


def main():
    for make, fields in ((text_encoder, TEXT), (decoder, PIXELS)):
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
        "harmless": {"text_encoder": TEXT | {"dtype": "float16", "torch_dtype": "float16"}, "vae": PIXELS},
    }
    out = pathlib.Path(__file__).parents[1] / "PipelinesTests/Fixtures/class-defaults.json"
    out.write_text(json.dumps(found, indent=1) + "\n")
    print(out, out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
