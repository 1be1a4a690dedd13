#!/usr/bin/env python
"""Writes PipelinesTests/Fixtures/cogvideox*: tiny CogVideoX folders and what Diffusers computes with them.

    cogvideox-shared/        text encoder, tokenizer and autoencoder, to which the others link
    cogvideox-shared/encode.safetensors  pixels [T, H, W, 3] of two chunks and one frame, f16, and their moments [t, h, w, 2 C]
    VARIANT/model/           a folder in the Diffusers layout
    VARIANT/CASE.json        the request
    VARIANT/CASE.safetensors the numbers, f32 unless said otherwise

Names in a golden file are those of goldens.py but for these (L = rows of the text with its padding, T, C, H, W latents):

    input.first                             f16 [height, width, 3], whole numbers in 0...255: what the clip begins with
    text.*_embeds                           [L, d], padding included
    noise.initial, step.NNN.*               [1, T, C, H, W]
    schedule.alphas_cumprod                 [1000]
    step.000.cond.context, .temb, .embeds   projected text [L, d], time embedding, what enters the first block
    step.000.cond.block.MM                  [L + tokens, d]
    vae.encode_mean, .encode_logvar         [1, C, 1, H, W]
    vae.decode_in                           [1, C, T, H, W], padding in front dropped and unscaled
    vae.chunk.N.*                           [T, H, W, C] for the first two chunks, up block 0 alone
"""

import argparse
import functools
import json
import os
import pathlib
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import numpy as np
import torch
import transformers
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import T5Config, T5EncoderModel, T5TokenizerFast

from tiny_models import randomise, tokenizer_json

Z, LENGTH, WIDTHS, GROUPS = 4, 24, [4, 8, 8, 8], 2
BASE = dict(heads=2, head_dim=16, layers=1, time=24, sample=(2, 4, 9), picture=False, rope=True, learned=False, patch_t=None,
            scaling=0.7, snr=1.0, solver="CogVideoXDPMScheduler", dtype="bfloat16")  # fmt: skip
VARIANTS = {
    "cogvideox-2b": dict(rope=False, scaling=1.15258426, snr=3.0, solver="CogVideoXDDIMScheduler", seed=1, sample=(4, 6, 49),
                         dtype="float16"),
    "cogvideox-5b": dict(seed=2, sample=(4, 6, 49), layers=2),
    "cogvideox-5b-i2v": dict(seed=3, picture=True, learned=True, solver="CogVideoXDDIMScheduler"),
    "cogvideox1.5-5b": dict(seed=4, patch_t=2, sample=(8, 8, 81)),
    "cogvideox1.5-5b-i2v": dict(seed=5, patch_t=2, picture=True, ofs=True, sample=(8, 8, 81)),
}  # fmt: skip
REQUEST = dict(negative_prompt="", guidance_2=None, flow_shift=None)
CASES = {
    "cogvideox-2b": {
        "ddim": dict(prompt="The red  bird, over the sea!", negative_prompt="dark", frames=9, height=16, width=32, steps=4,
                     guidance=6.0, seed=7),
        "ddim-tiled": dict(prompt="tree", frames=5, height=64, width=48, steps=1, guidance=1.0, seed=4, tiles=True),
        "ddim-dynamic": dict(prompt="the sea", negative_prompt="grey", frames=1, height=16, width=32, steps=4, guidance=5.0,
                             seed=6, guidance_schedule="dynamic"),
    },
    "cogvideox-5b": {
        "dpm": dict(prompt="a white dog in the wind", frames=13, height=32, width=16, steps=4, guidance=5.0, seed=11),
        "ddim-no-guidance": dict(prompt="two cats", frames=1, height=16, width=48, steps=2, guidance=1.0, seed=3),
    },
    "cogvideox-5b-i2v": {
        "ddim": dict(prompt="it moves slowly", negative_prompt="night", frames=9, height=16, width=32, steps=3, guidance=4.0,
                     seed=5, picture=(20, 26)),
    },
    "cogvideox1.5-5b": {
        "dpm": dict(prompt="blue square and yellow circle", frames=9, height=16, width=32, steps=3, guidance=6.0, seed=2),
    },
    "cogvideox1.5-5b-i2v": {
        "dpm": dict(prompt="up and down", frames=9, height=16, width=16, steps=3, guidance=3.0, seed=9, picture=(40, 24)),
        "dpm-dynamic": dict(prompt="wind", frames=1, height=16, width=16, steps=4, guidance=4.0, seed=8, picture=(16, 16),
                            guidance_schedule="dynamic"),
    },
}  # fmt: skip
SOLVERS = {"ddim": "CogVideoXDDIMScheduler", "dpm": "CogVideoXDPMScheduler"}


def text_encoder():
    vocabulary = (len(tokenizer_json()["model"]["vocab"]) + 31) // 32 * 32
    config = T5Config(
        vocab_size=vocabulary, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, relative_attention_num_buckets=8,
        relative_attention_max_distance=20, feed_forward_proj="gated-gelu", num_decoder_layers=2,
        tie_word_embeddings=False, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)  # fmt: skip
    gains = {".q.weight": 1.6 / 8**0.5, ".o.weight": 0.7, ".wo.weight": 1.2}
    return randomise(T5EncoderModel(config), 5, gains)


def vae():
    model = AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * 4, up_block_types=("CogVideoXUpBlock3D",) * 4,
        block_out_channels=WIDTHS, latent_channels=Z, layers_per_block=1, norm_num_groups=GROUPS, sample_height=96,
        sample_width=80)  # fmt: skip
    gains = {"conv1.conv.weight": 1.2, "conv2.conv.weight": 0.9, "conv_y.conv.weight": 0.35, "conv_b.conv.weight": 0.35}
    model = randomise(model, 6, gains)
    generator = torch.Generator("cpu").manual_seed(6)
    seen = {}
    hook = model.decoder.conv_out.register_forward_hook(lambda m, i, o: seen.update(spread=o[0].std()))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("conv_y.conv.bias"):
                p.add_(1)
            if name == "encoder.conv_out.conv.bias":
                p[Z:].sub_(1.5)
        model.decode(torch.randn(1, Z, 3, 4, 4, generator=generator) * 1.5)
        model.decoder.conv_out.conv.weight.mul_(0.4 / seen["spread"])
    hook.remove()
    return model


def transformer(v):
    height, width, frames = v["sample"]
    model = CogVideoXTransformer3DModel(
        num_attention_heads=v["heads"], attention_head_dim=v["head_dim"], in_channels=Z * (2 if v["picture"] else 1),
        out_channels=Z, time_embed_dim=v["time"], ofs_embed_dim=v["time"] if v.get("ofs") else None, text_embed_dim=16,
        num_layers=v["layers"], sample_height=height, sample_width=width, sample_frames=frames,
        patch_size_t=v["patch_t"], max_text_seq_length=LENGTH, use_rotary_positional_embeddings=v["rope"],
        use_learned_positional_embeddings=v["learned"], patch_bias=v["patch_t"] is None)  # fmt: skip
    gains = {"norm_q.weight": 1.4, "norm_k.weight": 1.2, "linear.weight": 0.8, "ff.net.2.weight": 1.6,
             "to_out.0.weight": 1.4, "patch_embed": 1.2, "time_embedding": 1.4}  # fmt: skip
    model = randomise(model, 10 + v["seed"], gains)
    if v["learned"]:
        noise = torch.randn(model.patch_embed.pos_embedding.shape, generator=torch.Generator("cpu").manual_seed(v["seed"]))
        model.patch_embed.pos_embedding.copy_(noise)
    return model


def write_shared(out):
    text_encoder().to(torch.bfloat16).save_pretrained(out / "text_encoder")
    model = vae()
    model.to(torch.float16).save_pretrained(out / "vae")
    (out / "tokenizer").mkdir()
    dump = json.dumps(tokenizer_json(), ensure_ascii=False, separators=(",", ":"))
    (out / "tokenizer/tokenizer.json").write_text(dump + "\n")
    config = {"tokenizer_class": "T5Tokenizer", "model_max_length": LENGTH, "pad_token": "<pad>", "eos_token": "</s>",
              "unk_token": "<unk>", "extra_ids": 0}  # fmt: skip
    (out / "tokenizer/tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def write_encoding(out):
    """What a clip of several chunks is encoded to, which no pipeline asks for."""
    model = AutoencoderKLCogVideoX.from_pretrained(out / "vae", torch_dtype=torch.float32)
    pixels = (torch.rand(17, 16, 24, 3, generator=torch.Generator("cpu").manual_seed(7)) * 2 - 1).half()
    with torch.no_grad():
        moments = model.encode(pixels.float().permute(3, 0, 1, 2)[None]).latent_dist.parameters
    tensors = dict(pixels=pixels, moments=moments[0].permute(1, 2, 3, 0).contiguous())
    save_file(tensors, out / "encode.safetensors")


def write(name, out):
    v = BASE | VARIANTS[name]
    transformer(v).to(getattr(torch, v["dtype"])).save_pretrained(out / "transformer")
    getattr(diffusers, v["solver"])(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=True,
        prediction_type="v_prediction", rescale_betas_zero_snr=True, snr_shift_scale=v["snr"],
        timestep_spacing="trailing").save_pretrained(out / "scheduler")  # fmt: skip
    shared = pathlib.Path("../../cogvideox-shared")
    for part in ("text_encoder", "tokenizer"):
        (out / part).symlink_to(shared / part)
    (out / "vae").mkdir()
    (out / "vae/diffusion_pytorch_model.safetensors").symlink_to(
        ".." / shared / "vae/diffusion_pytorch_model.safetensors")
    config = json.loads((out / shared / "vae/config.json").read_text())
    config |= {"scaling_factor": v["scaling"], "invert_scale_latents": v["picture"] and v["patch_t"] is not None}
    (out / "vae/config.json").write_text(json.dumps(config, indent=2) + "\n")
    index = {"_class_name": "CogVideoXImageToVideoPipeline" if v["picture"] else "CogVideoXPipeline",
             "_diffusers_version": "0.42.1", "scheduler": ["diffusers", v["solver"]],
             "text_encoder": ["transformers", "T5EncoderModel"], "tokenizer": ["transformers", "T5Tokenizer"],
             "transformer": ["diffusers", "CogVideoXTransformer3DModel"],
             "vae": ["diffusers", "AutoencoderKLCogVideoX"]}  # fmt: skip
    (out / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def load(model):
    tokenizer = T5TokenizerFast.from_pretrained(model / "tokenizer")
    # transformers 5 would rebuild a tokenizer of its own instead of running the file as written.
    tokenizer._tokenizer = Tokenizer.from_file(str(model / "tokenizer/tokenizer.json"))
    kind = json.loads((model / "model_index.json").read_text())["_class_name"]
    pipe = getattr(diffusers, kind).from_pretrained(model, torch_dtype=torch.float32, tokenizer=tokenizer)
    pipe.set_progress_bar_config(disable=True)
    return pipe


class Recorder:
    """Hangs on a pipeline and keeps what passes by."""

    def __init__(self, pipe):
        self.pipe, self.tensors, self.step, self.chunk, self.texts = pipe, {}, -1, -1, 0
        for index, block in enumerate(pipe.text_encoder.encoder.block):
            block.register_forward_hook(lambda m, i, o, n=index: self.text_block(n, o[0][0]))
        pipe.text_encoder.register_forward_hook(self.text, with_kwargs=True)
        t = pipe.transformer
        t.register_forward_pre_hook(self.begin, with_kwargs=True)
        t.patch_embed.text_proj.register_forward_hook(lambda m, i, o: self.first("context", o[-1]))
        t.patch_embed.register_forward_hook(lambda m, i, o: self.first("embeds", o[-1]))
        for index, block in enumerate(t.transformer_blocks):
            block.register_forward_hook(
                lambda m, i, o, n=index: self.first(f"block.{n:02d}", torch.cat([o[1][-1], o[0][-1]])))
        t.transformer_blocks[0].register_forward_pre_hook(
            lambda m, i, k: self.first("temb", k["temb"][-1:]), with_kwargs=True)
        t.register_forward_hook(self.end, with_kwargs=True)
        d = pipe.vae.decoder
        d.conv_in.register_forward_hook(lambda m, i, o: self.decoded("conv_in", o[0]))
        d.mid_block.register_forward_hook(lambda m, i, o: self.decoded("mid_block", o[0]))
        d.up_blocks[0].register_forward_hook(lambda m, i, o: self.decoded("up_block.0", o[0]))

    def put(self, name, x, dtype=torch.float32):
        self.tensors[name] = x.detach().to(dtype).contiguous().clone()

    def text_block(self, index, x):
        if self.texts == 0:
            self.put(f"text.prompt.block.{index:02d}", x)

    def text(self, m, args, kwargs, out):
        who = "prompt" if self.texts == 0 else "negative"
        self.texts += 1
        self.put(f"text.{who}_ids", args[0][0])
        self.put(f"text.{who}_embeds", out[0][0])

    def begin(self, m, args, kwargs):
        self.step += 1
        self.put(f"step.{self.step:03d}.timestep", kwargs["timestep"][-1:])
        self.put(f"step.{self.step:03d}.expert", torch.tensor([0]))

    def first(self, part, x):
        if self.step == 0:
            self.put(f"step.000.cond.{part}", x)

    def end(self, m, args, kwargs, out):
        self.put(f"step.{self.step:03d}.cond", out[0][-1:])
        if out[0].shape[0] == 2:
            self.put(f"step.{self.step:03d}.uncond", out[0][:1])

    def decoded(self, part, x):
        if part == "conv_in":
            self.chunk += 1
        if self.chunk < 2:
            self.put(f"vae.chunk.{self.chunk}.{part}", x[0].permute(1, 2, 3, 0))


def picture(height, width, seed):
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = [128 + 100 * np.sin(x / 5 + k) * np.cos(y / 7 - k) for k in range(3)]
    noise = generator.integers(-20, 20, (height, width, 3))
    return (np.stack(waves, -1) + noise).clip(0, 255).astype(np.uint8)


def run(pipe, case, scheduler):
    pipe.scheduler = getattr(diffusers, SOLVERS[scheduler]).from_config(pipe.scheduler.config)
    recorder = Recorder(pipe)
    step, decode, encode = pipe.scheduler.step, pipe.vae.decode, pipe.vae.encode

    # The pipeline looks at its signature for the generator.
    @functools.wraps(step)
    def recorded_step(output, *rest, **kwargs):
        latents = rest[1] if scheduler == "ddim" else rest[3]
        if recorder.step == 0:
            recorder.put("noise.initial", latents)
        recorder.put(f"step.{recorder.step:03d}.noise_pred", output)
        result = step(output, *rest, **kwargs)
        recorder.put(f"step.{recorder.step:03d}.latents", result[0])
        return result

    def recorded_decode(latents, **kwargs):
        recorder.put("vae.decode_in", latents)
        return decode(latents, **kwargs)

    def recorded_encode(pixels, **kwargs):
        result = encode(pixels, **kwargs)
        recorder.put("vae.encode_mean", result.latent_dist.mean)
        recorder.put("vae.encode_logvar", result.latent_dist.logvar)
        return result

    pipe.scheduler.step, pipe.vae.decode, pipe.vae.encode = recorded_step, recorded_decode, recorded_encode
    options = {}
    if case.get("tiles"):
        pipe.vae.enable_tiling()
        # Chunks of the tiles would have one name.
        recorder.chunk = 2
    if "picture" in case:
        pixels = picture(*case["picture"], case["seed"])
        recorder.put("input.first", torch.from_numpy(pixels), torch.float16)
        options["image"] = Image.fromarray(pixels)
    frames = pipe(
        prompt=case["prompt"], negative_prompt=case["negative_prompt"], height=case["height"], width=case["width"],
        num_frames=case["frames"], num_inference_steps=case["steps"], guidance_scale=case["guidance"],
        use_dynamic_cfg=case.get("guidance_schedule") == "dynamic",
        generator=torch.Generator("cpu").manual_seed(case["seed"]), max_sequence_length=LENGTH, output_type="np",
        **options).frames[0]  # fmt: skip
    recorder.put("frames", torch.from_numpy(frames), torch.float16)
    recorder.put("schedule.timesteps", pipe.scheduler.timesteps)
    recorder.put("schedule.alphas_cumprod", pipe.scheduler.alphas_cumprod)
    inside = ((frames > 0) & (frames < 1)).mean()
    assert inside > 0.85, f"only {inside:.0%} of the pixels are not clipped"
    assert all(torch.isfinite(x).all() for x in recorder.tensors.values())
    return recorder.tensors, frames.shape


def main():
    parser = argparse.ArgumentParser()
    default = pathlib.Path(__file__).parents[1] / "PipelinesTests/Fixtures"
    parser.add_argument("--out", type=pathlib.Path, default=default)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    diffusers.logging.set_verbosity_error()
    made_by = f"Tests/Reference/cogvideox.py, diffusers {diffusers.__version__}, transformers {transformers.__version__}"
    shutil.rmtree(out / "cogvideox-shared", ignore_errors=True)
    (out / "cogvideox-shared").mkdir()
    write_shared(out / "cogvideox-shared")
    write_encoding(out / "cogvideox-shared")
    for variant, cases in CASES.items():
        folder = out / variant
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "model").mkdir(parents=True)
        write(variant, folder / "model")
        for name, case in cases.items():
            scheduler = name.split("-")[0]
            case = REQUEST | case | {"scheduler": scheduler}
            tensors, shape = run(load(folder / "model"), case, scheduler)
            save_file(tensors, folder / f"{name}.safetensors", metadata={"made_by": made_by})
            (folder / f"{name}.json").write_text(json.dumps(case, indent=2) + "\n")
            print(variant, name, shape)
    for path in out.glob("cogvideox*/**/*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    print(sum(p.stat().st_size for p in out.glob("cogvideox*/**/*") if p.is_file() and not p.is_symlink()), "bytes")


if __name__ == "__main__":
    main()
