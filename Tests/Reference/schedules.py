#!/usr/bin/env python
"""Writes SamplingTests/Fixtures/schedules.safetensors: schedules and steps of the schedulers of diffusers.

For each case `KIND/STEPS/SHIFT` (or `KIND/levels/SHIFT`): `.timesteps`, `.sigmas` and, for some, `.latents` [steps, 16],
the latents after each step. Noise and velocities are consecutive randn(1, 16) of a generator with seed 7.
"""

import pathlib

import diffusers
import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler
from safetensors.torch import save_file

STEPS = [1, 2, 3, 4, 8, 30, 50]
SHIFTS = [1.0, 3.0, 5.0, 8.0, 12.0, 2.5]
LEVELS = [1.0, 0.75, 0.5, 0.25]


def scheduler(kind, shift):
    if kind == "unipc":
        return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)
    if kind == "euler":
        return FlowMatchEulerDiscreteScheduler(shift=shift)
    return DPMSolverMultistepScheduler(
        algorithm_type="dpmsolver++", solver_order=2, solver_type="midpoint", prediction_type="flow_prediction",
        use_flow_sigmas=True, flow_shift=shift)  # fmt: skip


def walk(s):
    generator = torch.Generator("cpu").manual_seed(7)
    latents = torch.randn(1, 16, generator=generator)
    rows = []
    for t in s.timesteps:
        velocity = torch.randn(1, 16, generator=generator)
        latents = s.step(velocity, t, latents, return_dict=False)[0]
        assert latents.dtype == torch.float32
        rows.append(latents[0])
    return torch.stack(rows)


def main():
    tensors = {}
    for kind in ("unipc", "euler", "dpm++"):
        for shift in SHIFTS:
            for steps in STEPS:
                s = scheduler(kind, shift)
                s.set_timesteps(steps)
                name = f"{kind}/{steps}/{shift:g}"
                tensors[name + ".timesteps"] = s.timesteps.float()
                tensors[name + ".sigmas"] = s.sigmas
                if shift in (1.0, 3.0, 12.0) or steps <= 8:
                    tensors[name + ".latents"] = walk(s)
    for kind in ("unipc", "euler"):
        for shift in (1.0, 5.0):
            s = scheduler(kind, shift)
            s.set_timesteps(sigmas=np.array(LEVELS))
            name = f"{kind}/levels/{shift:g}"
            tensors[name + ".timesteps"] = s.timesteps.float()
            tensors[name + ".sigmas"] = s.sigmas
            tensors[name + ".latents"] = walk(s)
    out = pathlib.Path(__file__).parents[1] / "SamplingTests/Fixtures/schedules.safetensors"
    made_by = {"made_by": f"Tests/Reference/schedules.py, diffusers {diffusers.__version__}"}
    save_file({k: v.contiguous() for k, v in tensors.items()}, out, metadata=made_by)
    print(out, out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
