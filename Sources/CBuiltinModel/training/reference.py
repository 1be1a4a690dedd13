"""One clip, computed in float32, with every intermediate tensor: what an engine is compared with.

    python reference.py MODEL_FOLDER OUT.safetensors [--prompt P] [--seed 7] [--steps 4] [--guidance 3] [--frames 9] [--size 64] [--shift 8] [--picture]
Latents are [1,C,F,H,W]; the noise is torch.Generator("cpu").manual_seed(seed) of that shape; the solver is Diffusers' UniPC. With
--picture the clip begins with a drawn one: a yellow star left of the middle, on blue."""
import argparse
import torch
from safetensors.torch import save_file
from clips import coverage, pixels
from package import read, read_encoder
from sample import latents, noise, unipc
from text import Words, embed
from vae import decode


@torch.no_grad()
def main():
    a = argparse.ArgumentParser()
    a.add_argument("model"); a.add_argument("out")
    a.add_argument("--prompt", default="a red circle moves from left to right")
    for k, v in (("seed", 7), ("steps", 4), ("frames", 9), ("size", 64)): a.add_argument(f"--{k}", type=int, default=v)
    for k, v in (("guidance", 3.), ("shift", 8.)): a.add_argument(f"--{k}", type=float, default=v)
    a.add_argument("--picture", action="store_true")
    a = a.parse_args()
    torch.set_num_threads(1)
    m, te, vae = read(a.model)
    words, D = Words(f"{a.model}/tokenizer/tokenizer.json"), {}
    channels = lambda x: x.permute(0, 4, 1, 2, 3).contiguous().float().clone()
    for name, text in (("prompt", a.prompt), ("negative", "")):
        ids = words.ids([text])
        D[f"text.{name}_ids"], D[f"text.{name}_mask"] = ids, (ids != 0).long()
        D[f"text.{name}_embeds"] = embed(te, ids).contiguous()
    T, h = (a.frames - 1) // 4 + 1, a.size // 8
    D["noise.initial"] = channels(noise(a.seed, T, h, h)[None])
    s = unipc(a.shift); s.set_timesteps(a.steps)
    D["schedule.timesteps"], D["schedule.sigmas"] = s.timesteps.float(), s.sigmas.float()

    first = None
    if a.picture:
        cover = coverage(["star"], torch.tensor([[.4, .4]]), torch.tensor([[-.3, .1, -.3, .1]]), 1, a.size, a.size)
        x = (pixels(cover, torch.tensor([[.9, .8, -.6]]), torch.tensor([[-.8, -.7, .2]])) * 127.5 + 127.5).round() / 127.5 - 1
        first = read_encoder(a.model).encode(x)
        D["image.first"], D["image.condition"] = x[0, 0].permute(2, 0, 1).contiguous(), channels(first)
        first = first[:, 0]

    def on_step(i, cond, uncond, x):
        for k, v in (("cond", cond), ("uncond", uncond), ("latents", x)): D[f"step.{i:03d}.{k}"] = channels(v)
    z = latents(m, D["text.prompt_embeds"], D["text.negative_embeds"], [a.seed], frames=a.frames, size=(a.size, a.size), steps=a.steps,
                guidance=a.guidance, shift=a.shift, bf16=False, on_step=on_step, first=first)
    D["latents.final"], D["vae.decode_in"] = channels(z), channels(z)          # latents_mean 0, latents_std 1
    full = vae.decode(channels(z)).sample                                      # Diffusers' streaming decoder
    D["vae.decode_out"] = full.contiguous()
    print("fast decoder against Diffusers", (channels(decode(vae, z)).clamp(-1, 1) - full).abs().max().item())
    D["frames"] = ((full[0].permute(1, 2, 3, 0) + 1) / 2).clamp(0, 1).contiguous()
    save_file(D, a.out, {k: str(v) for k, v in vars(a).items()})
    print({k: list(v.shape) for k, v in D.items()})


main()
