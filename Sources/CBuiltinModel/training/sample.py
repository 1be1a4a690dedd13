"""Text to clip with the trained parts: Diffusers' UniPC (or plain Euler) over the factorized denoiser, then the decoder."""
import numpy as np, torch
from diffusers import UniPCMultistepScheduler
from dit import *
from text import embed
from vae import decode


def unipc(shift): return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift, num_train_timesteps=1000, solver_order=2)


def noise(seed, T, h, w):
    """As torch.Generator("cpu") draws [1,Z,T,h,w], moved to [T,h,w,Z]"""
    return torch.randn(1, Z, T, h, w, generator=torch.Generator("cpu").manual_seed(seed))[0].permute(1, 2, 3, 0)


@torch.no_grad()
def latents(m, context, empty, seeds, frames=17, size=(96, 96), steps=16, guidance=3., shift=8., sampler="unipc", bf16=True, on_step=None,
            first=None):
    """context [N,32,width] -> [N,T,h,w,Z]; `first` [N,h,w,Z] is the latent frame of a picture: it is shown at every step, with time 0"""
    T, h, w = (frames - 1) // 4 + 1, size[0] // 8, size[1] // 8
    x = torch.stack([noise(s, T, h, w) for s in seeds])
    N = len(x)
    if sampler == "unipc":
        scheduler = unipc(shift); scheduler.set_timesteps(steps)
        times = scheduler.timesteps.tolist()
    else:
        sigma = shifted(torch.linspace(1, 1 / steps, steps), shift).tolist() + [0.]
        times = [1000 * s for s in sigma[:-1]]
    both = torch.cat([context, empty.expand(N, -1, -1)])
    for i, t in enumerate(times):
        y, told = x, torch.full((N, 1 if first is None else T), float(t))
        if first is not None: y = x.clone(); y[:, 0] = first; told[:, 0] = 0
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            if guidance == 1: v = dit(m, y, told, context); cond = uncond = v
            else:
                cond, uncond = dit(m, torch.cat([y, y]), torch.cat([told, told]), both).float().chunk(2)
                v = uncond + guidance * (cond - uncond)
        x = scheduler.step(v, scheduler.timesteps[i], x, return_dict=False)[0] if sampler == "unipc" else x + (sigma[i + 1] - sigma[i]) * v
        if on_step: on_step(i, cond, uncond, x)
    if first is not None: x[:, 0] = first
    return x


@torch.no_grad()
def clips(m, te, vae, words, prompts, seeds, batch=16, **kw):
    """-> uint8 [N,F,H,W,3]"""
    empty, out = embed(te, words.ids([""])), []
    for i in range(0, len(prompts), batch):
        z = latents(m, embed(te, words.ids(prompts[i:i + batch])), empty, seeds[i:i + batch], **kw)
        for k in range(0, len(z), 4):
            with torch.autocast("cpu", torch.bfloat16): y = decode(vae, z[k:k + 4]).float()
            out.append(((y.clamp(-1, 1) + 1) * 127.5).round().byte().numpy())
    return np.concatenate(out)


class LinearDecoder:
    """Pseudo-inverse of the linear encoder: good enough to judge latents before the real decoder is trained."""
    def __init__(self, basis):
        w = basis["w"].flatten(1)                            # [z, 768]
        self.inverse, self.mean, self.shape = torch.linalg.pinv(w), basis["mean"], basis["w"].shape[1:]

    def __call__(self, z):
        B, T, h, w, _ = z.shape
        p = (z @ self.inverse.T).unflatten(-1, (4, 8, 8, 3)) + self.mean
        v = p.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(B, 4 * T, 8 * h, 8 * w, 3)
        return torch.cat([v[:, :4].mean(1, keepdim=True), v[:, 4:]], 1)
