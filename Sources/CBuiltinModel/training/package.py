"""Writes the model folder in the Diffusers layout (bf16 safetensors).   python package.py RUN_FOLDER MODEL_FOLDER [checkpoint] [decoder]"""
import json, os, shutil, sys
import torch
from safetensors.torch import load_file, save_file
from dit import FEATURES
from latents import Encoder
from sample import unipc
from text import TEXT_LEN, make_text
from train import load
from vae import decoder_parameters, load_vae, make_vae

DEFAULTS = {"width": 96, "height": 96, "num_frames": 17, "fps": 8, "steps": 16, "guidance_scale": 2.0, "max_sequence_length": TEXT_LEN,
            "sampler": "unipc", "flow_shift": 10.0}


def edit(path, **kw):
    c = json.load(open(path)); c.update(kw); json.dump(c, open(path, "w"), indent=2)


def write(run, out, checkpoint="ema.pt", decoder="decoder.pt"):
    m, te = load(f"{run}/{checkpoint}")
    vae = load_vae(f"{run}/{decoder}")
    m.to(torch.bfloat16).save_pretrained(f"{out}/transformer")
    edit(f"{out}/transformer/config.json", attention="factorized", coordinate_features=FEATURES, text_len=TEXT_LEN)
    te.to(torch.bfloat16).save_pretrained(f"{out}/text_encoder")
    vae.save_config(f"{out}/vae")
    edit(f"{out}/vae/config.json", encoder="linear")
    half = {n: p.detach().to(torch.bfloat16).contiguous() for n, p in decoder_parameters(vae)}
    save_file({**half, **Encoder(torch.load(f"{run}/basis.pt")).stored()}, f"{out}/vae/diffusion_pytorch_model.safetensors", {"format": "pt"})
    unipc(DEFAULTS["flow_shift"]).save_pretrained(f"{out}/scheduler")
    os.makedirs(f"{out}/tokenizer", exist_ok=True)
    shutil.copy(f"{run}/tokenizer/tokenizer.json", f"{out}/tokenizer/tokenizer.json")
    json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "model_max_length": TEXT_LEN},
              open(f"{out}/tokenizer/tokenizer_config.json", "w"), indent=2)
    json.dump({"_class_name": "WanPipeline", "_diffusers_version": "0.42.1", "boundary_ratio": None, "expand_timesteps": True,
        "scheduler": ["diffusers", "UniPCMultistepScheduler"], "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "PreTrainedTokenizerFast"], "transformer": ["diffusers", "WanTransformer3DModel"],
        "transformer_2": [None, None], "vae": ["diffusers", "AutoencoderKLWan"], "default_generation": DEFAULTS}, open(f"{out}/model_index.json", "w"), indent=2)
    for junk in (f"{out}/text_encoder/generation_config.json",):
        if os.path.exists(junk): os.remove(junk)
    for r, _, files in sorted(os.walk(out)):
        for f in sorted(files): print(f"{os.path.getsize(os.path.join(r, f)):>9}", os.path.relpath(os.path.join(r, f), out))


ENCODER = ("encoder.weight", "encoder.bias")


def read_encoder(folder):
    stored = load_file(f"{folder}/vae/diffusion_pytorch_model.safetensors")
    return Encoder.of({k: stored[k].float() for k in ENCODER})


def read(folder):
    """The shipped weights in float32: denoiser, text encoder, decoder"""
    from dit import make_dit
    m, v = make_dit(), make_vae()
    te = make_text(json.load(open(f"{folder}/text_encoder/config.json"))["vocab_size"])
    f32 = lambda p: {k: w.float() for k, w in load_file(p).items()}
    m.load_state_dict(f32(f"{folder}/transformer/diffusion_pytorch_model.safetensors"))
    wrong = te.load_state_dict(f32(f"{folder}/text_encoder/model.safetensors"), strict=False)
    assert not wrong.unexpected_keys and set(wrong.missing_keys) <= {"encoder.embed_tokens.weight", "shared.weight"}, wrong
    wrong = v.load_state_dict({k: w for k, w in f32(f"{folder}/vae/diffusion_pytorch_model.safetensors").items() if k not in ENCODER}, strict=False)
    assert not wrong.unexpected_keys and all(k.startswith(("encoder.", "quant_conv.")) for k in wrong.missing_keys), wrong
    return m.eval(), te.eval(), v.eval()


if __name__ == "__main__": write(*sys.argv[1:])
