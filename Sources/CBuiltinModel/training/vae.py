"""The decoder of AutoencoderKLWan with tiny numbers, and a fast whole-clip forward for CPU training.

Every causal 3x3x3 convolution runs as one channels-last 2-D convolution over three concatenated frames; the result is that of
Diffusers' streaming decoder (python vae.py compares). The attention of the middle block is kept at zero: crops then train whole frames."""
import torch, torch.nn.functional as F
from diffusers import AutoencoderKLWan

Z = 12


def make_vae(base=16, mult=(1, 2, 2, 4), res_blocks=1):
    v = AutoencoderKLWan(base_dim=base, z_dim=Z, dim_mult=list(mult), num_res_blocks=res_blocks, temperal_downsample=[False, True, True],
        latents_mean=[0.] * Z, latents_std=[1.] * Z)
    a = v.decoder.mid_block.attentions[0]
    for p in (a.proj.weight, a.proj.bias): torch.nn.init.zeros_(p)
    for m in v.decoder.modules():                            # start without motion: past taps zero, time resamplers copy
        if isinstance(m, torch.nn.Conv3d) and m.kernel_size[0] == 3:
            w = m.weight.data
            if m.kernel_size[1] == 3: w[:, :, :2] = 0; w[:, :, 2] *= 3 ** .5
            else: e = torch.eye(w.shape[1]); w.zero_(); w[:, :, 2, 0, 0] = torch.cat([e, e]); m.bias.data.zero_()
    return v


def conv2(h, w, b):                                          # h [B,T,H,W,C]
    B, T, H, W, C = h.shape
    y = F.conv2d(h.reshape(B * T, H, W, C).permute(0, 3, 1, 2), w.contiguous(memory_format=torch.channels_last), b, 1, 1)
    return y.permute(0, 2, 3, 1).unflatten(0, (B, T))


def past(h):
    p, T = F.pad(h, (0, 0, 0, 0, 0, 0, 2, 0)), h.shape[1]
    return torch.cat([p[:, :T], p[:, 1:T + 1], h], -1)


def conv(m, h):
    w = m.weight
    if m.kernel_size == (1, 1, 1): return F.linear(h, w.flatten(1), m.bias)
    w = w.transpose(1, 2).flatten(1, 2)
    return F.linear(past(h), w.flatten(1), m.bias) if m.kernel_size[1] == 1 else conv2(past(h), w, m.bias)


def norm(m, h):
    f = h.float()
    return (f * torch.rsqrt(f.square().sum(-1, keepdim=True).clamp_min(1e-24)) * (m.scale * m.gamma.flatten())).to(h.dtype)


def residual(m, h):
    s = h if isinstance(m.conv_shortcut, torch.nn.Identity) else conv(m.conv_shortcut, h)
    h = conv(m.conv1, F.silu(norm(m.norm1, h)))
    return s + conv(m.conv2, F.silu(norm(m.norm2, h)))


def upsample(m, h):
    if m.mode == "upsample3d" and h.shape[1] > 1:
        B, T, H, W, C = h.shape
        y = conv(m.time_conv, h[:, 1:]).reshape(B, T - 1, H, W, 2, C).permute(0, 1, 4, 2, 3, 5).reshape(B, 2 * T - 2, H, W, C)
        h = torch.cat([h[:, :1], y], 1)
    h = h.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return conv2(h, m.resample[1].weight, m.resample[1].bias)


def decode(v, z):
    """z [B,T,h,w,Z] -> [B,4T-3,8h,8w,3], not clamped"""
    d = v.decoder
    h = conv(d.conv_in, conv(v.post_quant_conv, z))
    for r in d.mid_block.resnets: h = residual(r, h)         # the attention between them adds zero
    for u in d.up_blocks:
        for r in u.resnets: h = residual(r, h)
        if u.upsamplers is not None: h = upsample(u.upsamplers[0], h)
    return conv(d.conv_out, F.silu(norm(d.norm_out, h)))


def decoder_parameters(v): return [(n, p) for n, p in v.named_parameters() if n.startswith(("decoder.", "post_quant_conv."))]


def load_vae(path, **kw):
    v = make_vae(**kw); v.load_state_dict(torch.load(path)["ema"], strict=False); return v.eval()


if __name__ == "__main__":
    torch.manual_seed(0)
    v = make_vae()
    for n, p in decoder_parameters(v):
        if "time_conv" in n or "conv1" in n: torch.nn.init.normal_(p, std=.1)
    z = torch.randn(1, 5, 6, 6, Z)
    with torch.no_grad():
        a = v.decode(z.permute(0, 4, 1, 2, 3)).sample.permute(0, 2, 3, 4, 1)
        print("against Diffusers", (a - decode(v, z).clamp(-1, 1)).abs().max().item(), "of", a.abs().mean().item())
    print("decoder parameters", sum(p.numel() for _, p in decoder_parameters(v)))
