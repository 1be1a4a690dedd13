#!/usr/bin/env python
"""Writes SamplingTests/Fixtures/diffusions.safetensors: schedules and steps of CogVideoX's schedulers of diffusers.

For each case `KIND/SPACING/STEPS/SHIFT/PREDICTION/END`, END being `noise` where the last timestep is stretched to pure
noise, else `beta`: `.timesteps` and, for some, `.latents` [steps, 16], the latents after each step. First latents,
outputs and the solver's own noise are consecutive randn(1, 16) of a generator with seed 7. `alphas/SHIFT/END` has the
products of alphas in f32.
"""

import itertools
import pathlib

import diffusers
import torch
from diffusers import CogVideoXDDIMScheduler, CogVideoXDPMScheduler
from safetensors.torch import save_file

CLASSES = {"ddim": CogVideoXDDIMScheduler, "dpm": CogVideoXDPMScheduler}
SPACINGS = ["trailing", "leading", "linspace"]
STEPS = [1, 3, 7, 50]
SHIFTS = [1.0, 3.0]
KINDS = [("v_prediction", "noise"), ("v_prediction", "beta"), ("epsilon", "beta"), ("sample", "noise")]


def scheduler(kind, spacing, shift, prediction, end):
    return CLASSES[kind](
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=True,
        prediction_type=prediction, timestep_spacing=spacing, rescale_betas_zero_snr=end == "noise",
        snr_shift_scale=shift)  # fmt: skip


def walk(kind, s):
    generator = torch.Generator("cpu").manual_seed(7)
    latents = torch.randn(1, 16, generator=generator)
    rows, clean, before = [], None, None
    for t in s.timesteps:
        output = torch.randn(1, 16, generator=generator)
        if kind == "ddim":
            latents = s.step(output, t, latents, return_dict=False)[0]
        else:
            latents, clean = s.step(output, clean, t, before, latents, generator=generator, return_dict=False)
        assert latents.dtype == torch.float32
        before = t
        rows.append(latents[0])
    return torch.stack(rows)


def main():
    tensors = {}
    for kind, spacing, steps, shift in itertools.product(CLASSES, SPACINGS, STEPS, SHIFTS):
        for prediction, end in KINDS if shift == 3 else KINDS[:2]:
            s = scheduler(kind, spacing, shift, prediction, end)
            s.set_timesteps(steps)
            name = f"{kind}/{spacing}/{steps}/{shift:g}/{prediction}/{end}"
            tensors[f"alphas/{shift:g}/{end}"] = s.alphas_cumprod.float()
            tensors[name + ".timesteps"] = s.timesteps.float()
            if steps <= 7 or (spacing == "trailing" and prediction == "v_prediction" and steps == 50):
                latents = walk(kind, s)
                if torch.isfinite(latents).all():
                    tensors[name + ".latents"] = latents
    out = pathlib.Path(__file__).parents[1] / "SamplingTests/Fixtures/diffusions.safetensors"
    save_file(tensors, out, metadata={"made_by": f"Tests/Reference/diffusions.py, diffusers {diffusers.__version__}"})
    print(out, out.stat().st_size, "bytes,", len(tensors), "tensors")


if __name__ == "__main__":
    main()
