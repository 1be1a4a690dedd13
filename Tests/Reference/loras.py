#!/usr/bin/env python
"""Writes VideoProviderTests/Fixtures/loras: LoRAs of tiny models in every spelling, and the weights that they must give.

    FILE.safetensors    a LoRA
    weights/NAME.safetensors  {transformer,transformer_2}.KEY, f32: every weight that changes, computed in f64
    cases.json          [{name, model, loras: [as a command's --lora], weights, diffusers}]; `diffusers` says that Diffusers
                        itself was asked too and gave the same weights within 1e-6 when this was written
    latents/NAME.safetensors  what Diffusers computes with the LoRA beside the weights, not merged: the latents of each step

`W + strength * alpha / rank * up @ down` (no alpha: 1) and `W + strength * diff`. Most spellings hold the same numbers, so that
one set of weights serves them all: where there is an alpha, the second factor is the smaller for it.
"""

import json
import pathlib
import shutil

import diffusers
import torch
from diffusers import CogVideoXTransformer3DModel, WanTransformer3DModel
from diffusers.loaders import CogVideoXLoraLoaderMixin, WanLoraLoaderMixin
from safetensors.torch import save_file

import goldens

TESTS = pathlib.Path(__file__).parents[1]
MODELS = TESTS / "PipelinesTests/Fixtures"
OUT = TESTS / "VideoProviderTests/Fixtures/loras"
STRENGTH = 0.75

ORIGINAL = [
    ("condition_embedder.text_embedder.linear_1", "text_embedding.0"), ("condition_embedder.time_proj", "time_projection.1"),
    ("condition_embedder.text_embedder.linear_2", "text_embedding.2"), ("proj_out", "head.head"),
    ("condition_embedder.time_embedder.linear_1", "time_embedding.0"), ("attn2.add_k_proj", "cross_attn.k_img"),
    ("condition_embedder.time_embedder.linear_2", "time_embedding.2"), ("attn2.add_v_proj", "cross_attn.v_img"),
    ("attn1.to_out.0", "self_attn.o"), ("attn2.to_out.0", "cross_attn.o"), ("attn1.to_", "self_attn."),
    ("attn2.to_", "cross_attn."), ("attn1.", "self_attn."), ("attn2.", "cross_attn."), ("ffn.net.0.proj", "ffn.0"),
    ("ffn.net.2", "ffn.2"), (".norm2", ".norm3"),
]  # fmt: skip


def original(name):
    """What the published code calls a module, or a parameter by itself."""
    for ours, theirs in ORIGINAL:
        if ours in name:
            return name.replace(ours, theirs)
    return name.replace("scale_shift_table", "modulation" if name.startswith("blocks.") else "head.modulation")


def state(model, component):
    kind = WanTransformer3DModel if "wan" in model else CogVideoXTransformer3DModel
    return kind.from_pretrained(MODELS / model / "model", subfolder=component, torch_dtype=torch.float32).state_dict()


class Case:
    def __init__(self, name, model, weights, generator):
        self.name, self.model, self.weights, self.g = name, model, weights, generator
        self.states = {c: state(model, c) for c in ("transformer", "transformer_2") if (MODELS / model / "model" / c).is_dir()}
        self.sums = {c: {k: v.double() for k, v in s.items()} for c, s in self.states.items()}
        self.loras = []

    def modules(self, component="transformer", others=()):
        blocks = [k[:-7] for k, v in self.states[component].items() if k.endswith(".weight") and v.ndim == 2]
        return [k for k in blocks if "blocks." in k and ".linear" not in k or k in others]

    def pair(self, module, rank=2, component="transformer"):
        rows, columns = self.states[component][module + ".weight"].shape
        down = torch.randn(rank, columns, generator=self.g) / columns**0.5
        return down, torch.randn(rows, rank, generator=self.g) * 0.5 / rank**0.5

    def like(self, key, component="transformer"):
        value = self.states[component][key]
        return torch.randn(value.shape, generator=self.g) * 0.1 * value.square().mean().sqrt()

    def merge(self, module, down, up, factor=1.0, strength=STRENGTH, component="transformer"):
        self.sums[component][module + ".weight"] += strength * factor * (up.double() @ down.double())

    def add(self, key, tensor, strength=STRENGTH, component="transformer"):
        self.sums[component][key] += strength * tensor.double()

    def file(self, name, tensors, metadata=None, option=None):
        save_file({k: v.clone().contiguous() for k, v in tensors.items()}, OUT / name, metadata=metadata)
        self.loras.append((name, option or f"{name}:{STRENGTH}"))

    def done(self, asks_diffusers):
        changed = {
            f"{c}.{k}": v.float() for c, s in self.sums.items() for k, v in s.items() if not torch.equal(v, self.states[c][k].double())
        }
        path = OUT / "weights" / f"{self.weights}.safetensors"
        if not path.exists():
            save_file(changed, path)
        if asks_diffusers:
            check(self)
        return dict(name=self.name, model=self.model, loras=[o for _, o in self.loras], weights=self.weights, diffusers=asks_diffusers)


def loaded(case):
    """The networks with the LoRAs of a case beside their weights, as Diffusers loads them."""
    mixin = WanLoraLoaderMixin if "wan" in case.model else CogVideoXLoraLoaderMixin

    class Loader(mixin):
        pass

    kind = WanTransformer3DModel if "wan" in case.model else CogVideoXTransformer3DModel
    loader = Loader()
    networks = {
        c: kind.from_pretrained(MODELS / case.model / "model", subfolder=c, torch_dtype=torch.float32) for c in case.states
    }
    loader.transformer, loader.transformer_2 = networks["transformer"], networks.get("transformer_2")
    loader.components, loader.hf_device_map = networks, None
    for number, (name, option) in enumerate(case.loras):
        low = "low_noise" in name
        where = dict(load_into_transformer_2=True) if low else {}
        loader.load_lora_weights(OUT, weight_name=name, adapter_name=f"a{number}", **where)
        network = networks["transformer_2" if low else "transformer"]
        active = [a for a in network.peft_config]
        strengths = [float(case.loras[int(a[1:])][1].rsplit(":", 1)[1]) for a in active]
        network.set_adapters(active, weights=strengths)
    return networks


def check(case):
    for component, network in loaded(case).items():
        network.fuse_lora()
        network.unload_lora()
        for key, value in network.state_dict().items():
            want = case.sums[component][key]
            assert (value.double() - want).norm() <= 1e-6 * want.norm(), (case.name, key)


def pairs(name, key, down, up, weights="pairs", alpha=None, alphas=".alpha", model="wan21-t2v", asks=False, metadata=None, file=None,
          option=None):
    """A file of pairs alone; alpha: 4 halves the second factor of rank 2."""
    case = Case(name, model, weights, torch.Generator().manual_seed(5))
    tensors = {}
    for module in case.modules():
        first, second = case.pair(module)
        case.merge(module, first, second)
        tensors[key(module) + down], tensors[key(module) + up] = first, second if alpha is None else second * (2 / float(alpha))
        if alpha is not None and alphas:
            tensors[key(module) + alphas] = alpha
    file = file or f"{name}.safetensors"
    case.file(file, tensors, metadata, option and f"{option}:{STRENGTH}")
    return case.done(asks)


def comfy(module):
    return "diffusion_model." + original(module)


def spellings():
    a, b = ".lora_A.weight", ".lora_B.weight"
    down, up = ".lora_down.weight", ".lora_up.weight"
    kohya = lambda m: "lora_unet_" + original(m).replace(".", "_")  # noqa: E731
    fun = lambda m: "lora_unet__" + original(m).replace(".", "_")  # noqa: E731
    peft = lambda m: "transformer." + m  # noqa: E731
    four, config = torch.tensor(4.0), dict(r=2, lora_alpha=4, peft_type="LORA", use_dora=False, use_rslora=False)
    config |= dict(rank_pattern={}, alpha_pattern={}, target_modules=["to_q"], lora_bias=False, lora_dropout=0.0)
    header = json.dumps({f"transformer.{k}": v for k, v in config.items()})
    return [
        pairs("peft", peft, a, b, asks=True),
        pairs("peft-metadata", peft, a, b, alpha=4, alphas=None, metadata=dict(lora_adapter_metadata=header), asks=True),
        pairs("peft-bare", lambda m: "base_model.model." + m, a, b),
        pairs("peft-default", comfy, ".lora_A.default.weight", ".lora_B.default.weight"),
        pairs("comfy-down", comfy, down, up, alpha=four, asks=True),
        pairs("comfy-ab", comfy, a, b, asks=True),
        pairs("bare", original, a, b),
        pairs("model", lambda m: "model." + comfy(m), a, b),
        pairs("dot", comfy, ".lora.down.weight", ".lora.up.weight", alpha=torch.tensor([4.0])),
        pairs("underscore", comfy, "_lora.down.weight", "_lora.up.weight", alpha=torch.tensor(4, dtype=torch.int64)),
        pairs("linear", comfy, ".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight", alpha=four.half()),
        pairs("short", comfy, ".lora_A", ".lora_B", alpha=four.bfloat16()),
        pairs("kohya", kohya, down, up, alpha=four.double(), asks=True),
        pairs("kohya-diffusers", lambda m: "lora_transformer_" + m.replace(".", "_"), down, up, alpha=four),
        pairs("fun", fun, down, up, alpha=torch.tensor(4, dtype=torch.int32)),
        pairs("cogvideox", peft, a, b, weights="cogvideox", model="cogvideox-2b", asks=True),
    ]


def alphas():
    """Alphas of every type, or none, ranks and types of factors that vary; what has no full block is left alone."""
    case = Case("alphas", "wan21-t2v", "alphas", torch.Generator().manual_seed(6))
    types = [torch.float32, torch.float16, torch.bfloat16]
    values = [torch.tensor(3.0), torch.tensor([5.0]), torch.tensor(4), torch.tensor(1.5).half(), torch.tensor(6.0).bfloat16(), None,
              torch.tensor(2, dtype=torch.uint8), torch.tensor(-1, dtype=torch.int16)]  # fmt: skip
    tensors = {}
    for i, module in enumerate(case.modules()[3:], 1):
        first, second = (x.to(types[i % 3]) for x in case.pair(module, 1 + i % 4))
        alpha = values[i % len(values)]
        case.merge(module, first, second, 1.0 if alpha is None else alpha.item() / (1 + i % 4))
        tensors[comfy(module) + ".lora_down.weight"], tensors[comfy(module) + ".lora_up.weight"] = first, second
        if alpha is not None:
            tensors[comfy(module) + ".alpha"] = alpha
    case.file("alphas.safetensors", tensors)
    return case.done(False)


def differences():
    """Whole differences of norms, biases, a convolution, tables and the head beside pairs, as LightX2V's distillations have them."""
    case = Case("differences", "wan21-t2v", "differences", torch.Generator().manual_seed(7))
    tensors = {}
    for module in case.modules(others=["condition_embedder.time_proj"])[:4]:
        first, second = (x.half() for x in case.pair(module))
        case.merge(module, first, second)
        tensors[comfy(module) + ".lora_down.weight"], tensors[comfy(module) + ".lora_up.weight"] = first, second
    for key in case.states["transformer"]:
        base, _, leaf = key.rpartition(".")
        if leaf == "bias":
            name = comfy(base) + (".b_norm" if base.endswith("norm2") else ".diff_b")
        elif leaf == "weight" and ("norm" in base or base in ("patch_embedding", "proj_out")):
            name = comfy(base) + (".w_norm" if base.endswith("norm2") else ".diff")
        elif leaf == "scale_shift_table":
            name = comfy(key) + ".diff" if key.startswith("blocks.0.") else comfy(key).replace("modulation", "diff_m")
        else:
            continue
        tensors[name] = case.like(key).half()
        case.add(key, tensors[name])
    # A convolution in two factors, and a bias of the second factor as PEFT trains it.
    rows, *window = case.states["transformer"]["patch_embedding.weight"].shape
    down, up = torch.randn(2, *window, generator=case.g) / 4, torch.randn(rows, 2, 1, 1, 1, generator=case.g) / 4
    del tensors["diffusion_model.patch_embedding.diff"]
    case.sums["transformer"]["patch_embedding.weight"] = case.states["transformer"]["patch_embedding.weight"].double()
    case.add("patch_embedding.weight", (up.double().flatten(1) @ down.double().flatten(1)).reshape(rows, *window))
    tensors["diffusion_model.patch_embedding.lora_A.weight"], tensors["diffusion_model.patch_embedding.lora_B.weight"] = down, up
    case.file("differences.safetensors", tensors)
    return case.done(False)


def experts():
    """A file an expert, of two strengths and spellings: only their names say which is whose."""
    case = Case("experts", "wan22-a14b", "experts", torch.Generator().manual_seed(8))
    for component, name, strength in (("transformer", "style_high_noise", 1.5), ("transformer_2", "style-LowNoise", -0.5)):
        tensors = {}
        for module in case.modules(component):
            first, second = case.pair(module, component=component)
            case.merge(module, first, second, 1 if component == "transformer" else 3, strength, component)
            ends = (".lora_A.weight", ".lora_B.weight") if component == "transformer" else (".lora_down.weight", ".lora_up.weight")
            key = "transformer." + module if component == "transformer" else comfy(module)
            tensors[key + ends[0]], tensors[key + ends[1]] = first, second
            if component == "transformer_2":
                tensors[key + ".alpha"] = torch.tensor(6.0)
        case.file(f"{name}.safetensors", tensors, option=f"{name}.safetensors:{strength}")
    return case.done(False)


def stack():
    """Two files on one network."""
    case = Case("stack", "wan21-t2v", "stack", torch.Generator().manual_seed(9))
    for name, strength, rank in (("first", 0.75, 3), ("second", -0.4, 1)):
        tensors = {}
        for module in case.modules():
            first, second = case.pair(module, rank)
            case.merge(module, first, second, strength=strength)
            tensors[f"transformer.{module}.lora_A.weight"], tensors[f"transformer.{module}.lora_B.weight"] = first, second
        case.file(f"{name}.safetensors", tensors, option=f"{name}.safetensors:{strength}")
    return case.done(True), case


def latents(case):
    """What Diffusers makes of each step with the LoRAs of a case beside the weights."""
    request = goldens.BASE | goldens.CASES[case.model]["unipc"]
    pipe = goldens.load(MODELS / case.model / "model", request)
    pipe.scheduler = goldens.scheduler(request, pipe.scheduler)
    networks = loaded(case)
    pipe.transformer = networks["transformer"]
    found, step = {}, pipe.scheduler.step

    def recorded(*args, **kwargs):
        result = step(*args, **kwargs)
        found[f"step.{len(found):03d}.latents"] = result[0].float().clone()
        return result

    pipe.scheduler.step = recorded
    pipe.set_progress_bar_config(disable=True)
    pipe(prompt=request["prompt"], negative_prompt=request["negative_prompt"], height=request["height"], width=request["width"],
         num_frames=request["frames"], num_inference_steps=request["steps"], guidance_scale=request["guidance"],
         generator=torch.Generator("cpu").manual_seed(request["seed"]), output_type="latent")  # fmt: skip
    save_file(found, OUT / "latents" / f"{case.name}.safetensors")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    for folder in ("weights", "latents"):
        (OUT / folder).mkdir(parents=True)
    torch.set_num_threads(1)
    diffusers.logging.set_verbosity_error()
    stacked, case = stack()
    cases = [*spellings(), alphas(), differences(), experts(), stacked]
    latents(case)
    (OUT / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    for path in OUT.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    print(f"{OUT}: {sum(p.stat().st_size for p in OUT.rglob('*') if p.is_file())} bytes, {len(cases)} cases")


if __name__ == "__main__":
    main()
