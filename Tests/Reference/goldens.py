#!/usr/bin/env python
"""Writes PipelinesTests/Fixtures: tiny models and what Diffusers computes with them, step by step, block by block.

    VARIANT/model/          a folder in the Diffusers layout (tiny_models.py)
    VARIANT/CASE.json       the request
    VARIANT/CASE.safetensors the numbers, f32 unless said otherwise

Names in a golden file (L = tokens of the prompt with its end mark; latents are [1, C, T, H, W]):

    text.prompt_ids, text.negative_ids         [L], whole numbers
    text.prompt.block.NN                       [L, d], output of each block of the text encoder
    text.prompt_embeds, text.negative_embeds   [L, d], output of the text encoder
    noise.initial                              latents
    schedule.timesteps [n], schedule.sigmas [n + 1]
    step.NNN.timestep [1], step.NNN.expert [1]  expert 1 = transformer_2;
                                               a timestep for each token where a picture holds some
    step.NNN.cond, .uncond, .noise_pred, .latents  latents; uncond only with guidance above 1
    step.NNN.cond.patches, .temb, .context      patch embedding [tokens, d], time embedding [1, d] (of the first token),
                                               text embedding [L + 1, d] (the last row stands for all padding);
                                               for the first step of each expert only
    step.NNN.cond.block.MM                     [tokens, d], output of each transformer block; ditto
    step.NNN.cond.image                        [tokens, d], embedding of the pictures' tokens; ditto
    step.NNN.cond.held_temb                    [1, d], time embedding of the tokens that a picture holds; ditto
    vae.decode_in                              latents, with the latent statistics undone
    vae.chunk.N.conv_in, .mid_block, .up_block.M  [T, H, W, C], stages of the decoder for the first two latent frames
    frames                                     f16 [F, H, W, 3] in 0...1

Where the clip begins with a picture (and without the stages of the decoder):

    input.first, input.last                    f16 [h, w, 3], whole numbers: the pictures as they are given
    image.first, image.last                    [3, H, W] in -1...1, prepared for the autoencoder
    vae.encode.chunk.N.conv_in, .level.M, .mid_block  [T, H, W, C], stages of the encoder for the first two latent frames;
                                               a level ends with its resampling
    image.condition                            [1, 4 + C, T, H, W] or [1, C, 1, H, W]: what joins the latents
    image.clip_pixels                          [pictures, 3, side, side], prepared for CLIP
    image.clip.NN                              [pictures, tokens, d], output of each of its layers that is used
"""

import argparse
import json
import os
import pathlib
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import torch
import transformers
from diffusers import (
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    WanImageToVideoPipeline,
    WanPipeline,
)
from diffusers.models.autoencoders.autoencoder_kl_wan import WanResample
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import CLIPVisionModel, T5TokenizerFast

import tiny_models

BASE = dict(negative_prompt="", guidance_2=None, flow_shift=None, scheduler="unipc")
CASES = {
    "wan21-t2v": {
        "unipc": dict(
            prompt="A red circle moving slowly from left to right over the sea, two small birds under it!",
            negative_prompt="dark night, wind; trees", frames=9, height=16, width=32, steps=4, guidance=5.0, seed=7),
        "euler-no-guidance": dict(
            prompt="a  cat?", frames=5, height=32, width=16, steps=3, guidance=1.0, seed=2**32 + 1, flow_shift=8.0,
            scheduler="euler"),
    },
    "wan22-ti2v": {
        "unipc": dict(
            prompt="ｂｌｕｅ square， going &lt;up&gt; “slowly” é\u0301", negative_prompt="red", frames=9, height=32,
            width=64, steps=3, guidance=4.0, seed=11),
        "picture": dict(
            prompt="the small bird", negative_prompt="dark", frames=9, height=32, width=64, steps=3, guidance=3.0,
            seed=12, first=(40, 51)),
    },
    "wan21-i2v": {
        "unipc": dict(
            prompt="a big dog moving", negative_prompt="night", frames=13, height=16, width=32, steps=2, guidance=5.0,
            seed=8, first=(45, 30)),
    },
    "wan21-flf2v": {
        "unipc": dict(
            prompt="", frames=9, height=32, width=16, steps=2, guidance=1.0, seed=9, first=(16, 32), last=(50, 20)),
    },
    "wan22-i2v-a14b": {
        "unipc": dict(
            prompt="wind in the trees", negative_prompt="red", frames=9, height=16, width=32, steps=4, guidance=3.5,
            guidance_2=3.0, seed=4, first=(31, 20)),
        "last": dict(
            prompt="sky", negative_prompt="sea", frames=5, height=16, width=16, steps=2, guidance=2.0, seed=5,
            scheduler="euler", first=(20, 20), last=(16, 24)),
    },
    "wan22-a14b": {
        "unipc": dict(
            prompt="the white dog in the tree", negative_prompt="", frames=9, height=16, width=32, steps=5, guidance=4.0,
            guidance_2=3.0, seed=3, flow_shift=5.0),
        "dpm++": dict(
            prompt="(yellow) triangle: day and night", negative_prompt="dim", frames=5, height=16, width=16, steps=4,
            guidance=3.5, seed=0, scheduler="dpm++"),
    },
}  # fmt: skip


def picture(size, seed):
    """Smooth colours with some edges, so that it matters how it is resized."""
    generator = torch.Generator("cpu").manual_seed(seed)
    small = torch.rand(1, 3, 5, 4, generator=generator)
    x = torch.nn.functional.interpolate(small, size=(size[1], size[0]), mode="bicubic").clamp(0, 1)
    x[:, 0, size[1] // 3 :, size[0] // 2 :] *= 0.3
    return Image.fromarray((x[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())


def load(model: pathlib.Path, case):
    tokenizer = T5TokenizerFast.from_pretrained(model / "tokenizer")
    # transformers 5 would rebuild a tokenizer of its own instead of running the file as written.
    tokenizer._tokenizer = Tokenizer.from_file(str(model / "tokenizer/tokenizer.json"))
    if "first" not in case:
        return WanPipeline.from_pretrained(model, torch_dtype=torch.float32, tokenizer=tokenizer)
    parts = {}
    if (model / "image_encoder").exists():
        parts["image_encoder"] = CLIPVisionModel.from_pretrained(model / "image_encoder", dtype=torch.float32)
    else:
        parts |= dict(image_encoder=None, image_processor=None)
    return WanImageToVideoPipeline.from_pretrained(model, torch_dtype=torch.float32, tokenizer=tokenizer, **parts)


def scheduler(case, folder):
    shift = folder.config.flow_shift if case["flow_shift"] is None else case["flow_shift"]
    if case["scheduler"] == "unipc":
        return type(folder).from_config(folder.config, flow_shift=shift)
    if case["scheduler"] == "euler":
        return FlowMatchEulerDiscreteScheduler(shift=shift)
    return DPMSolverMultistepScheduler(
        algorithm_type="dpmsolver++", solver_order=2, solver_type="midpoint", prediction_type="flow_prediction",
        use_flow_sigmas=True, flow_shift=shift)  # fmt: skip


def first(out):
    """A layer's result, which some versions of transformers wrap."""
    return out[0] if isinstance(out, tuple) else out


class Recorder:
    """Hangs on a pipeline and keeps what passes by."""

    def __init__(self, pipe):
        self.pipe, self.tensors, self.hooks = pipe, {}, []
        self.texts, self.step, self.calls, self.seen, self.chunk = 0, -1, 0, set(), -1
        self.timestep = None
        self.watch_text(pipe.text_encoder)
        for expert, model in enumerate([pipe.transformer, pipe.transformer_2]):
            if model is not None:
                self.watch_transformer(expert, model)
        if isinstance(pipe, WanImageToVideoPipeline):
            self.watch_encoder(pipe.vae.encoder)
            if pipe.image_encoder is not None:
                self.watch_images(pipe.image_encoder)
        else:
            self.watch_vae(pipe.vae.decoder)

    def put(self, name, x, dtype=torch.float32):
        self.tensors[name] = x.detach().to(dtype).contiguous().clone()

    def hook(self, module, body, pre=False):
        if pre:
            self.hooks.append(module.register_forward_pre_hook(body, with_kwargs=True))
        else:
            self.hooks.append(module.register_forward_hook(body, with_kwargs=True))

    def remove(self):
        for hook in self.hooks:
            hook.remove()

    def watch_text(self, encoder):
        blocks = {}

        def keep(index):
            return lambda m, args, kwargs, out: blocks.update({index: first(out)[0]})

        def whole(m, args, kwargs, out):
            ids, mask = (list(args) + [kwargs.get("attention_mask")])[:2]
            length = int(mask.sum())
            who = "prompt" if self.texts == 0 else "negative"
            self.texts += 1
            if who == "prompt":
                self.length = length
            self.put(f"text.{who}_ids", ids[0, :length])
            self.put(f"text.{who}_embeds", out[0][0, :length])
            if who == "prompt":
                for index, x in blocks.items():
                    self.put(f"text.prompt.block.{index:02d}", x[:length])

        for index, block in enumerate(encoder.encoder.block):
            self.hook(block, keep(index))
        self.hook(encoder, whole)

    def watch_transformer(self, expert, model):
        def name(part):
            return f"step.{self.step:03d}.{part}"

        def is_recorded():
            return self.calls == 0 and (expert, self.step) in self.seen

        def before(m, args, kwargs):
            if self.pipe._current_timestep is not self.timestep:
                self.timestep, self.step, self.calls = self.pipe._current_timestep, self.step + 1, 0
                if expert not in {e for e, _ in self.seen}:
                    self.seen.add((expert, self.step))
                told = isinstance(self.pipe, WanImageToVideoPipeline)
                self.put(name("timestep"), kwargs["timestep"].flatten() if told else self.timestep.reshape(1))
                self.put(name("expert"), torch.tensor([expert]))

        def after(m, args, kwargs, out):
            self.put(name("cond" if self.calls == 0 else "uncond"), out[0])
            self.calls += 1

        def patches(m, args, kwargs, out):
            if is_recorded():
                self.put(name("cond.patches"), out[0].flatten(1).T)

        def condition(m, args, kwargs, out):
            if is_recorded():
                temb = out[0].reshape(-1, out[0].shape[-1])
                self.put(name("cond.temb"), temb[-1:])
                if not torch.equal(temb[0], temb[-1]):
                    self.put(name("cond.held_temb"), temb[:1])
                self.put(name("cond.context"), out[2][0, : self.length + 1])
                if out[3] is not None:
                    self.put(name("cond.image"), out[3][0])

        def keep(index):
            def body(m, args, kwargs, out):
                if is_recorded():
                    self.put(name(f"cond.block.{index:02d}"), out[0])

            return body

        self.hook(model, before, pre=True)
        self.hook(model.patch_embedding, patches)
        self.hook(model.condition_embedder, condition)
        for index, block in enumerate(model.blocks):
            self.hook(block, keep(index))
        self.hook(model, after)

    def watch_encoder(self, encoder):
        chunk = [-1]

        def keep(part):
            def body(m, args, kwargs, out):
                if part == "conv_in":
                    chunk[0] += 1
                if chunk[0] < 2:
                    self.put(f"vae.encode.chunk.{chunk[0]}.{part}", out[0].permute(1, 2, 3, 0))

            return body

        self.hook(encoder.conv_in, keep("conv_in"))
        self.hook(encoder.mid_block, keep("mid_block"))
        # Without residual shortcuts the blocks of all levels stand in one list.
        blocks = list(encoder.down_blocks)
        flat = any(isinstance(block, WanResample) for block in blocks)
        ends = [b for b in blocks if not flat or isinstance(b, WanResample) or b is blocks[-1]]
        for level, block in enumerate(ends):
            self.hook(block, keep(f"level.{level}"))

    def watch_images(self, encoder):
        def pixels(m, args, kwargs):
            self.put("image.clip_pixels", kwargs["pixel_values"])

        def keep(index):
            return lambda m, args, kwargs, out: self.put(f"image.clip.{index:02d}", first(out))

        self.hook(encoder, pixels, pre=True)
        for index, layer in enumerate(encoder.encoder.layers[:-1]):
            self.hook(layer, keep(index))

    def watch_vae(self, decoder):
        def keep(part):
            def body(m, args, kwargs, out):
                if part == "conv_in":
                    self.chunk += 1
                if self.chunk < 2:
                    self.put(f"vae.chunk.{self.chunk}.{part}", out[0].permute(1, 2, 3, 0))

            return body

        self.hook(decoder.conv_in, keep("conv_in"))
        self.hook(decoder.mid_block, keep("mid_block"))
        for index, block in enumerate(decoder.up_blocks):
            self.hook(block, keep(f"up_block.{index}"))


def run(pipe, case):
    pipe.scheduler = scheduler(case, pipe.scheduler)
    recorder = Recorder(pipe)
    step, decode = pipe.scheduler.step, pipe.vae.decode

    def recorded_step(velocity, t, latents, **kwargs):
        if recorder.step == 0:
            recorder.put("noise.initial", latents)
        recorder.put(f"step.{recorder.step:03d}.noise_pred", velocity)
        result = step(velocity, t, latents, **kwargs)
        recorder.put(f"step.{recorder.step:03d}.latents", result[0])
        return result

    def recorded_decode(latents, **kwargs):
        recorder.put("vae.decode_in", latents)
        return decode(latents, **kwargs)

    pictures = {}
    if "first" in case:
        prepare = pipe.prepare_latents

        def recorded_prepare(image, *args):
            recorder.put("image.first", image[0])
            if args[-1] is not None:
                recorder.put("image.last", args[-1][0])
            result = prepare(image, *args)
            recorder.put("image.condition", result[1])
            return result

        pipe.prepare_latents = recorded_prepare
        for number, role in enumerate(role for role in ("first", "last") if role in case):
            given = picture(case[role], 100 * case["seed"] + number)
            recorder.put(f"input.{role}", torch.tensor(list(given.tobytes())).reshape(*given.size[::-1], 3), torch.float16)
            pictures["image" if role == "first" else "last_image"] = given
    pipe.scheduler.step, pipe.vae.decode = recorded_step, recorded_decode
    pipe.set_progress_bar_config(disable=True)
    frames = pipe(
        **pictures, prompt=case["prompt"], negative_prompt=case["negative_prompt"], height=case["height"], width=case["width"],
        num_frames=case["frames"], num_inference_steps=case["steps"], guidance_scale=case["guidance"],
        guidance_scale_2=case["guidance_2"], generator=torch.Generator("cpu").manual_seed(case["seed"]),
        output_type="np").frames[0]  # fmt: skip
    recorder.put("frames", torch.from_numpy(frames), torch.float16)
    recorder.put("schedule.timesteps", pipe.scheduler.timesteps)
    recorder.put("schedule.sigmas", pipe.scheduler.sigmas)
    recorder.remove()
    pipe.vae.decode = decode
    inside = ((frames > 0) & (frames < 1)).mean()
    assert inside > 0.9, f"only {inside:.0%} of the pixels are not clipped"
    assert all(torch.isfinite(x).all() for x in recorder.tensors.values())
    return recorder.tensors


def main():
    parser = argparse.ArgumentParser()
    default = pathlib.Path(__file__).parents[1] / "PipelinesTests/Fixtures"
    parser.add_argument("--out", type=pathlib.Path, default=default)
    parser.add_argument("variants", nargs="*", default=list(CASES))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    diffusers.logging.set_verbosity_error()
    # One entry only: the order of several is not the same in each run.
    made_by = f"Tests/Reference/goldens.py, diffusers {diffusers.__version__}, transformers {transformers.__version__}"
    for variant in arguments.variants:
        cases = CASES[variant]
        folder = arguments.out / variant
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "model").mkdir(parents=True)
        tiny_models.write(variant, folder / "model")
        for name, case in cases.items():
            case = BASE | case
            tensors = run(load(folder / "model", case), case)
            path = folder / f"{name}.safetensors"
            save_file(tensors, path, metadata={"made_by": made_by})
            (folder / f"{name}.json").write_text(json.dumps(case, indent=2, ensure_ascii=False) + "\n")
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{folder}: {total} bytes, {len(cases)} goldens")


if __name__ == "__main__":
    main()
