"""The denoiser of dit.py with each block as one compiled function of plain tensors: same result, less time a training step."""
import math
import torch, torch.nn.functional as F
from dit import Z, coordinates, rope
from muon import half


def weights(b):
    a, c = b.attn1, b.attn2
    return [b.scale_shift_table, a.to_q.weight, a.to_k.weight, a.to_v.weight, a.to_q.bias, a.to_k.bias, a.to_v.bias, a.norm_q.weight, a.norm_k.weight,
            a.to_out[0].weight, a.to_out[0].bias, b.norm2.weight, b.norm2.bias, c.to_q.weight, c.to_q.bias, c.norm_q.weight, c.norm_k.weight,
            c.to_k.weight, c.to_v.weight, c.to_k.bias, c.to_v.bias, c.to_out[0].weight, c.to_out[0].bias, b.ffn.net[0].proj.weight, b.ffn.net[0].proj.bias,
            b.ffn.net[2].weight, b.ffn.net[2].bias]


def rms(x, w):
    x = x.float()
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * w


def turn(x, c, s):
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((a * c - b * s, a * s + b * c), -1).flatten(-2)


def block(p, x, mod, text, c, s, heads: int, over_time: bool):
    (table, wq, wk, wv, bq, bk, bv, nq, nk, wo, bo, n2w, n2b, cq, cqb, cnq, cnk, ck, cv, ckb, cvb, co, cob, f1, f1b, f2, f2b) = p
    lin = lambda y, w, b: F.linear(y.to(half), w.to(half), b.to(half))
    B, T, S, D = x.shape
    d = D // heads
    sh1, sc1, g1, sh2, sc2, g2 = (mod + table[None]).unsqueeze(2).unbind(3)
    y = (F.layer_norm(x, (D,), eps=1e-6) * (1 + sc1) + sh1).to(half)
    order = (0, 2, 3, 1, 4) if over_time else (0, 1, 3, 2, 4)
    q = turn(rms(lin(y, wq, bq), nq).unflatten(-1, (heads, d)), c, s) * d ** -.5
    k = turn(rms(lin(y, wk, bk), nk).unflatten(-1, (heads, d)), c, s)
    v = lin(y, wv, bv).unflatten(-1, (heads, d))
    q, k, v = (z.to(half).permute(order).flatten(0, 2) for z in (q, k, v))
    o = torch.bmm(torch.softmax(torch.bmm(q, k.transpose(1, 2)).float(), -1).to(half), v)
    o = o.view(B, S if over_time else T, heads, -1, d)
    o = o.permute(0, 3, 1, 2, 4).reshape(B, T, S, D) if over_time else o.permute(0, 1, 3, 2, 4).reshape(B, T, S, D)
    x = x + lin(o, wo, bo).float() * g1
    q = (rms(lin(F.layer_norm(x, (D,), n2w, n2b, 1e-6), cq, cqb), cnq) * d ** -.5).to(half).reshape(B, T * S, heads, d).transpose(1, 2)
    k = rms(lin(text, ck, ckb), cnk).to(half).unflatten(-1, (heads, d)).transpose(1, 2)
    v = lin(text, cv, cvb).unflatten(-1, (heads, d)).transpose(1, 2)
    o = torch.softmax((q @ k.transpose(2, 3)).float(), -1).to(half) @ v
    x = x + lin(o.transpose(1, 2).reshape(B, T, S, D), co, cob).float()
    y = F.gelu(lin(F.layer_norm(x, (D,), eps=1e-6) * (1 + sc2) + sh2, f1, f1b).float(), approximate="tanh")
    return x + lin(y, f2, f2b).float() * g2


compiled = torch.compile(block, dynamic=False)
torch._dynamo.config.cache_size_limit = 64


def dit(m, x, t, text):
    """As dit.dit: t [B] or, for each latent frame, [B,T]"""
    B, T, h, w, _ = x.shape
    x = torch.cat([x, coordinates(T, h, w).to(x).expand(B, -1, -1, -1, -1)], -1)
    h, w = h // 2, w // 2
    x = x.reshape(B, T, h, 2, w, 2, -1).permute(0, 1, 2, 4, 6, 3, 5).reshape(B, T, h * w, -1)
    x = F.linear(x, m.patch_embedding.weight.flatten(1), m.patch_embedding.bias)
    ce = m.condition_embedder
    f = torch.exp(-math.log(10000) * torch.arange(128, dtype=torch.float32) / 128) * t[..., None].float()
    e = ce.time_embedder(torch.cat([f.cos(), f.sin()], -1)).float().view(B, -1, x.shape[-1])
    with torch.autocast("cpu", torch.bfloat16, enabled=half == torch.bfloat16):
        mod = ce.time_proj(F.silu(e)).float().unflatten(-1, (6, -1))
        text = ce.text_embedder(text)
    c, s = rope(m, T, h, w)
    for i, b in enumerate(m.blocks): x = compiled(weights(b), x, mod, text, c, s, b.attn1.heads, i % 2 == 1)
    shift, scale = (m.scale_shift_table[None] + e[:, :, None]).unbind(2)
    y = F.linear(F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale[:, :, None]) + shift[:, :, None], m.proj_out.weight, m.proj_out.bias)
    return y.view(B, T, h, w, 2, 2, Z).permute(0, 1, 2, 4, 3, 5, 6).reshape(B, T, h * 2, w * 2, Z)


if __name__ == "__main__":
    import time, dit as plain
    torch.set_num_threads(1); torch.set_flush_denormal(True)
    m = plain.make_dit(); x = torch.randn(32, 5, 8, 8, Z); t = torch.rand(32) * 1000; k = torch.randn(32, 32, 128)
    for b in m.blocks: torch.nn.init.normal_(b.attn2.to_out[0].weight, std=.1)
    t0 = time.process_time(); y = dit(m, x, t, k); (y - x).square().mean().backward(); print("compile", time.process_time() - t0, flush=True)
    g = {n: p.grad.clone() for n, p in m.named_parameters() if p.grad is not None}
    t0 = time.process_time()
    for _ in range(3): z = dit(m, x, t, k); (z - x).square().mean().backward()
    print("step", (time.process_time() - t0) / 3, flush=True)
    for p in m.parameters(): p.grad = None
    with torch.autocast("cpu", torch.bfloat16): r = plain.dit(m, x, t, k)
    (r - x).square().mean().backward()
    print("difference", (r - y).abs().max().item(), r.abs().mean().item(), max(((p.grad - g[n]).norm() / p.grad.norm()).item() for n, p in m.named_parameters() if p.grad is not None and p.grad.norm() > 1e-4))
