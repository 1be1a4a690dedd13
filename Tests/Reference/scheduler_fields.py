#!/usr/bin/env python
"""Writes PipelinesTests/Fixtures/scheduler-fields.{json,safetensors}: what each field of a scheduler's file does in diffusers.

For each class that runs here and each field that any of them has, a file with an odd value of it: whether diffusers
gives the same latents as without it, others (tensor `N.latents` [steps, 16], those after each step, with `N.sigmas` and
`N.timesteps`), or none. Noise and velocities are consecutive randn(1, 4, 2, 2) of a generator with seed 7.
"""

import inspect
import json
import pathlib
import warnings

import diffusers
import torch
from diffusers import DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler
from safetensors.torch import save_file

STEPS = 5
FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}
BASES = {
    UniPCMultistepScheduler: FLOW,
    FlowMatchEulerDiscreteScheduler: {"shift": 3.0},
    DPMSolverMultistepScheduler: FLOW,
}
ODD = {
    "num_train_timesteps": [500], "beta_start": [0.001], "beta_end": [0.01],
    "beta_schedule": ["scaled_linear", "squaredcos_cap_v2", "nonsense"], "trained_betas": [[0.01] * 1000],
    "solver_order": [1, 3], "prediction_type": ["epsilon", "sample", "v_prediction"], "thresholding": [True],
    "dynamic_thresholding_ratio": [0.5], "sample_max_value": [2.0], "predict_x0": [False],
    "solver_type": ["bh1", "bh2", "midpoint", "heun", "logrho", "nonsense"], "lower_order_final": [False],
    "disable_corrector": [[0]], "use_karras_sigmas": [True], "use_exponential_sigmas": [True],
    "use_beta_sigmas": [True], "use_flow_sigmas": [False], "flow_shift": [5.0],
    "timestep_spacing": ["leading", "trailing", "nonsense"], "steps_offset": [3], "final_sigmas_type": ["sigma_min"],
    "rescale_betas_zero_snr": [True], "use_dynamic_shifting": [True], "time_shift_type": ["linear", "nonsense"],
    "sigma_min": [0.05], "sigma_max": [0.9], "shift_terminal": [0.1, 0.0],
    "algorithm_type": ["dpmsolver", "sde-dpmsolver++", "deis", "nonsense"], "euler_at_final": [True],
    "use_lu_lambdas": [True], "lambda_min_clipped": [-5.1], "variance_type": ["learned_range"], "shift": [5.0],
    "base_shift": [0.1], "max_shift": [2.0], "base_image_seq_len": [1], "max_image_seq_len": [2],
    "invert_sigmas": [True], "stochastic_sampling": [True],
}  # fmt: skip
PAIRS = [
    {"use_karras_sigmas": True, "use_exponential_sigmas": True},
    {"use_karras_sigmas": True, "shift_terminal": 0.1},
    {"use_exponential_sigmas": True, "shift_terminal": 0.1},
    {"use_karras_sigmas": True, "sigma_min": 0.05, "sigma_max": 0.9},
]


def walk(kind, config):
    s = kind.from_config(config)
    s.set_timesteps(STEPS)
    generator = torch.Generator("cpu").manual_seed(7)
    latents = torch.randn(1, 4, 2, 2, generator=generator)
    rows = []
    for t in s.timesteps:
        velocity = torch.randn(1, 4, 2, 2, generator=generator)
        latents = s.step(velocity, t, latents, generator=generator, return_dict=False)[0] if has_generator(s) else (
            s.step(velocity, t, latents, return_dict=False)[0])  # fmt: skip
        rows.append(latents.flatten())
    rows = torch.stack(rows)
    if not torch.isfinite(rows).all():
        raise ValueError("not finite")
    return {"latents": rows, "sigmas": s.sigmas, "timesteps": s.timesteps.float()}


def has_generator(scheduler):
    return "generator" in inspect.signature(scheduler.step).parameters


def main():
    warnings.simplefilter("ignore")
    diffusers.logging.set_verbosity_error()
    known = set()
    for kind in BASES:
        known |= set(inspect.signature(kind.__init__).parameters) - {"self", "solver_p"}
    assert known == set(ODD), known ^ set(ODD)
    cases, tensors = [], {}
    for kind, base in BASES.items():
        plain = walk(kind, base)
        changes = [{name: value} for name, values in ODD.items() for value in values] + PAIRS
        for change in changes:
            config = {"_class_name": kind.__name__, **base, **change}
            case = {"config": config, "changed": sorted(change)}
            try:
                found = walk(kind, config)
            except Exception as error:  # noqa: BLE001
                case["outcome"] = "none"
                case["reason"] = type(error).__name__
            else:
                same = all(torch.equal(found[name], plain[name]) for name in plain)
                case["outcome"] = "same" if same else "other"
                if not same:
                    tensors |= {f"{len(cases)}.{name}": value.contiguous() for name, value in found.items()}
            cases.append(case)
    folder = pathlib.Path(__file__).parents[1] / "PipelinesTests/Fixtures"
    made_by = f"Tests/Reference/scheduler_fields.py, diffusers {diffusers.__version__}"
    lines = ",\n".join(json.dumps(case, sort_keys=True) for case in cases)
    (folder / "scheduler-fields.json").write_text(f'{{"made_by": "{made_by}", "cases": [\n{lines}\n]}}\n')
    save_file(tensors, folder / "scheduler-fields.safetensors", metadata={"made_by": made_by})
    counts = {o: sum(c["outcome"] == o for c in cases) for o in ("same", "other", "none")}
    print(len(cases), "cases", counts)


if __name__ == "__main__":
    main()
