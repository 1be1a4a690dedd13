"""The denoiser: a Diffusers WanTransformer3DModel's parameters, run with factorized attention.

Even blocks attend within one latent frame, odd blocks over the frames at one place. Every latent cell also gets its normalised
coordinates as input channels (`coordinates`), since rotary embeddings alone say nothing of absolute place and clip length."""
import math
import torch, torch.nn.functional as F
from diffusers import WanTransformer3DModel

Z, FEATURES = 12, 3                                          # latent channels, K of the coordinate features
COORDINATES = 3 * (1 + 2 * FEATURES)


def make_dit(heads=6, head_dim=32, layers=8, ffn=512, text_width=128):
    m = WanTransformer3DModel(patch_size=(1, 2, 2), num_attention_heads=heads, attention_head_dim=head_dim, in_channels=Z + COORDINATES,
        out_channels=Z, text_dim=text_width, freq_dim=256, ffn_dim=ffn, num_layers=layers, cross_attn_norm=True, rope_max_seq_len=1024)
    init = torch.nn.init
    for p in m.parameters():
        if p.dim() == 2: init.xavier_uniform_(p)
    for n in ("linear_1", "linear_2"): init.normal_(getattr(m.condition_embedder.time_embedder, n).weight, std=.02)
    init.normal_(m.condition_embedder.time_proj.weight, std=.02)
    for b in m.blocks:
        init.zeros_(b.attn2.to_out[0].weight)
        init.normal_(b.attn1.to_out[0].weight, std=.02); init.normal_(b.ffn.net[2].weight, std=.02)
    # Start as v = x: at high noise the velocity is nearly the input.
    w = m.patch_embedding.weight.data
    init.normal_(w, std=.05)
    q = torch.linalg.qr(torch.randn(w.shape[0], 4 * Z))[0]    # [D, 4Z], orthonormal columns
    w[:, :Z] = q.view(-1, Z, 1, 2, 2) * w.shape[0] ** .5 / (4 * Z) ** .5
    m.proj_out.weight.data = q.view(-1, Z, 4).permute(0, 2, 1).reshape(w.shape[0], -1).T.contiguous() * (4 * Z) ** .5 / w.shape[0] ** .5
    init.zeros_(m.proj_out.bias); init.zeros_(m.patch_embedding.bias)
    return m


def coordinates(T, h, w, K=FEATURES):
    """[T,h,w,3(1+2K)]: for t, y, x in turn u in [-1,1] and sin, cos of k pi u / 2, k = 1..K"""
    out = []
    for u in torch.meshgrid(*[torch.linspace(-1, 1, n) if n > 1 else torch.zeros(1) for n in (T, h, w)], indexing="ij"):
        out.append(u)
        for k in range(1, K + 1): out += [torch.sin(k * math.pi * u / 2), torch.cos(k * math.pi * u / 2)]
    return torch.stack(out, -1)


def rope(m, T, h, w):
    """cos, sin [T, h*w, 1, head_dim/2]"""
    sizes, out = [m.rope.t_dim, m.rope.h_dim, m.rope.w_dim], []
    for table, o in ((m.rope.freqs_cos, 0), (m.rope.freqs_sin, 1)):
        a, b, c = table.float().split(sizes, 1)
        f = torch.cat([a[:T, None, None, o::2].expand(T, h, w, -1), b[None, :h, None, o::2].expand(T, h, w, -1),
                       c[None, None, :w, o::2].expand(T, h, w, -1)], -1)
        out.append(f.reshape(T, h * w, 1, -1))
    return out


def rotate(x, table):
    c, s = table
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((a * c - b * s, a * s + b * c), -1).flatten(-2)


def modulated(x, scale, shift): return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=1e-6), 1 + scale)


def self_attention(a, x, table, over_time):
    B, T, S, D = x.shape
    H = a.heads
    q, k, v = F.linear(x, torch.cat([a.to_q.weight, a.to_k.weight, a.to_v.weight]), torch.cat([a.to_q.bias, a.to_k.bias, a.to_v.bias])).chunk(3, -1)
    q = rotate(a.norm_q(q.float()).unflatten(-1, (H, -1)), table) * (D // H) ** -.5
    k = rotate(a.norm_k(k.float()).unflatten(-1, (H, -1)), table)
    v = v.unflatten(-1, (H, -1))
    order = (0, 2, 3, 1, 4) if over_time else (0, 1, 3, 2, 4)
    q, k, v = (y.permute(order).flatten(0, 2).to(x.dtype) for y in (q, k, v))
    o = torch.bmm(torch.softmax(torch.bmm(q, k.transpose(1, 2)), -1, dtype=torch.float32).to(v.dtype), v)
    o = o.view(B, S if over_time else T, H, -1, D // H)
    return a.to_out[0](o.permute(0, 3, 1, 2, 4).reshape(B, T, S, D) if over_time else o.permute(0, 1, 3, 2, 4).reshape(B, T, S, D))


def cross_attention(a, x, c):
    B, T, S, D = x.shape
    H = a.heads
    q = (a.norm_q(a.to_q(x).float()) * (D // H) ** -.5).reshape(B, T * S, H, -1).transpose(1, 2)
    k, v = F.linear(c, torch.cat([a.to_k.weight, a.to_v.weight]), torch.cat([a.to_k.bias, a.to_v.bias])).chunk(2, -1)
    k = a.norm_k(k.float()).unflatten(-1, (H, -1)).transpose(1, 2)
    v = v.unflatten(-1, (H, -1)).transpose(1, 2)
    o = torch.softmax(q.to(v.dtype) @ k.to(v.dtype).transpose(2, 3), -1, dtype=torch.float32).to(v.dtype) @ v
    return a.to_out[0](o.transpose(1, 2).reshape(B, T, S, D))


def dit(m, x, t, text, factorized=True):
    """x [B,T,h,w,Z], t [B] or, for each latent frame, [B,T] in 0..1000, text [B,32,width] -> velocity, like x"""
    B, T, h, w, _ = x.shape
    if m.config.in_channels > Z: x = torch.cat([x, coordinates(T, h, w).to(x).expand(B, -1, -1, -1, -1)], -1)
    h, w = h // 2, w // 2
    x = x.reshape(B, T, h, 2, w, 2, -1).permute(0, 1, 2, 4, 6, 3, 5).reshape(B, T, h * w, -1)
    with torch.autocast("cpu", enabled=False):
        x = F.linear(x.float(), m.patch_embedding.weight.flatten(1), m.patch_embedding.bias)
    ce = m.condition_embedder
    f = torch.exp(-math.log(10000) * torch.arange(128, dtype=torch.float32) / 128) * t[..., None].float()
    e = ce.time_embedder(torch.cat([f.cos(), f.sin()], -1)).float().view(B, -1, x.shape[-1])
    mod = ce.time_proj(F.silu(e)).float().unflatten(-1, (6, -1))
    c, table = ce.text_embedder(text), rope(m, T, h, w)
    for i, b in enumerate(m.blocks):
        shift1, scale1, gate1, shift2, scale2, gate2 = (mod + b.scale_shift_table[None]).unsqueeze(2).unbind(3)
        y = modulated(x, scale1, shift1)
        if factorized: y = self_attention(b.attn1, y, table, i % 2 == 1)
        else: y = self_attention(b.attn1, y.flatten(1, 2)[:, None], [z.flatten(0, 1)[None] for z in table], False).view(x.shape)
        x = torch.addcmul(x, y.float(), gate1)
        x = x + cross_attention(b.attn2, b.norm2(x), c)
        y = b.ffn.net[2](F.gelu(b.ffn.net[0].proj(modulated(x, scale2, shift2)), approximate="tanh"))
        x = torch.addcmul(x, y.float(), gate2)
    shift, scale = (m.scale_shift_table[None] + e[:, :, None]).unbind(2)
    with torch.autocast("cpu", enabled=False):
        y = F.linear(modulated(x, scale[:, :, None], shift[:, :, None]), m.proj_out.weight, m.proj_out.bias)
    return y.view(B, T, h, w, 2, 2, Z).permute(0, 1, 2, 4, 3, 5, 6).reshape(B, T, h * 2, w * 2, Z)


def shifted(u, s): return s * u / (1 + (s - 1) * u)


if __name__ == "__main__":                                  # Diffusers agrees where the two attentions are the same thing
    torch.manual_seed(0)
    m = make_dit()
    torch.nn.init.normal_(m.proj_out.weight, std=.1)
    for b in m.blocks: torch.nn.init.normal_(b.attn2.to_out[0].weight, std=.1)
    x, t, c = torch.randn(2, 3, 8, 8, Z), torch.tensor([300., 900.]), torch.randn(2, 32, 128)
    with torch.no_grad():
        y = torch.cat([x, coordinates(3, 8, 8).expand(2, -1, -1, -1, -1)], -1)
        a = m(y.permute(0, 4, 1, 2, 3), t, c).sample.permute(0, 2, 3, 4, 1)
        full = dit(m, x, t, c, False)
        print("full attention against Diffusers", (a - full).abs().max().item(), "of", a.abs().mean().item())
        print("parameters", sum(p.numel() for p in m.parameters()), "factorized differs by", (dit(m, x, t, c) - full).abs().mean().item())
        m = make_dit()
        y = dit(m, x, t, c); print("start: v against x, cosine", F.cosine_similarity(x.flatten(), y.flatten(), 0).item(), y.std().item())
