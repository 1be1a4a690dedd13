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
    step.NNN.timestep [1], step.NNN.expert [1]  expert 1 = transformer_2
    step.NNN.cond, .uncond, .noise_pred, .latents  latents; uncond only with guidance above 1
    step.NNN.cond.patches, .temb, .context      patch embedding [tokens, d], time embedding [1, d] (of the first token),
                                               text embedding [L + 1, d] (the last row stands for all padding);
                                               for the first step of each expert only
    step.NNN.cond.block.MM                     [tokens, d], output of each transformer block; ditto
    vae.decode_in                              latents, with the latent statistics undone
    vae.chunk.N.conv_in, .mid_block, .up_block.M  [T, H, W, C], stages of the decoder for the first two latent frames
    frames                                     f16 [F, H, W, 3] in 0...1
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
from diffusers import DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler, WanPipeline
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import T5TokenizerFast

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


def load(model: pathlib.Path):
    tokenizer = T5TokenizerFast.from_pretrained(model / "tokenizer")
    # transformers 5 would rebuild a tokenizer of its own instead of running the file as written.
    tokenizer._tokenizer = Tokenizer.from_file(str(model / "tokenizer/tokenizer.json"))
    return WanPipeline.from_pretrained(model, torch_dtype=torch.float32, tokenizer=tokenizer)


def scheduler(case, folder):
    shift = folder.config.flow_shift if case["flow_shift"] is None else case["flow_shift"]
    if case["scheduler"] == "unipc":
        return type(folder).from_config(folder.config, flow_shift=shift)
    if case["scheduler"] == "euler":
        return FlowMatchEulerDiscreteScheduler(shift=shift)
    return DPMSolverMultistepScheduler(
        algorithm_type="dpmsolver++", solver_order=2, solver_type="midpoint", prediction_type="flow_prediction",
        use_flow_sigmas=True, flow_shift=shift)  # fmt: skip


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
            return lambda m, args, kwargs, out: blocks.update({index: out[0][0]})

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
                self.put(name("timestep"), self.timestep.reshape(1))
                self.put(name("expert"), torch.tensor([expert]))

        def after(m, args, kwargs, out):
            self.put(name("cond" if self.calls == 0 else "uncond"), out[0])
            self.calls += 1

        def patches(m, args, kwargs, out):
            if is_recorded():
                self.put(name("cond.patches"), out[0].flatten(1).T)

        def condition(m, args, kwargs, out):
            if is_recorded():
                self.put(name("cond.temb"), out[0].reshape(-1, out[0].shape[-1])[:1])
                self.put(name("cond.context"), out[2][0, : self.length + 1])

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

    pipe.scheduler.step, pipe.vae.decode = recorded_step, recorded_decode
    pipe.set_progress_bar_config(disable=True)
    frames = pipe(
        prompt=case["prompt"], negative_prompt=case["negative_prompt"], height=case["height"], width=case["width"],
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
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    diffusers.logging.set_verbosity_error()
    # One entry only: the order of several is not the same in each run.
    made_by = f"Tests/Reference/goldens.py, diffusers {diffusers.__version__}, transformers {transformers.__version__}"
    for variant, cases in CASES.items():
        folder = arguments.out / variant
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "model").mkdir(parents=True)
        tiny_models.write(variant, folder / "model")
        for name, case in cases.items():
            case = BASE | case
            tensors = run(load(folder / "model"), case)
            path = folder / f"{name}.safetensors"
            save_file(tensors, path, metadata={"made_by": made_by})
            (folder / f"{name}.json").write_text(json.dumps(case, indent=2, ensure_ascii=False) + "\n")
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{folder}: {total} bytes, {len(cases)} goldens")


if __name__ == "__main__":
    main()
