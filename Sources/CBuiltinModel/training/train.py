"""Trains the denoiser and, slowly, the text encoder by rectified flow on freshly drawn clips.

    python train.py RUN_FOLDER MINUTES [key=value ...]         workers=2 splits the batch over two processes
RUN_FOLDER holds basis.pt, tokenizer/ and text.pt; state.pt (resumable) and ema_*.pt appear there. The learning rate falls linearly to
zero over the last `decay` of the time; MINUTES counts from the start of the first run, so that a resumed run ends on time."""
import os, sys, time
import numpy as np, torch
import torch.distributed as dist, torch.multiprocessing as mp
import fast
from clips import draw
from dit import *
from latents import Encoder
from muon import Muon
from text import Words, embed, make_text
from vocabulary import *

torch.set_flush_denormal(True)
half = lambda: torch.autocast("cpu", torch.bfloat16, enabled=fast.half == torch.bfloat16)


class Pool:
    """Recently drawn clips of one kind, with whether they begin with a picture; half a batch is new each time."""
    def __init__(self, encoder, rng, frames, side, batch, pictures):
        self.encoder, self.rng, self.kind, self.batch, self.pictures = encoder, rng, (frames, (side, side)), batch, pictures
        self.specs, self.latents = [], None

    def fresh(self, n):
        S, seen, free = [sample_spec(self.rng) for _ in range(n)], self.rng.random(n) < self.pictures, self.rng.random(n)
        S = [s._replace(colour="", background="") if p and u < .25 else s for s, p, u in zip(S, seen, free)]
        return list(zip(S, seen)), self.encoder.encode_parts(*draw(S, self.rng, *self.kind, seen & (free < .6)))

    def next(self, capacity=1024):
        new, z = self.fresh(self.batch if len(self.specs) < 2 * self.batch else self.batch // 2)
        if len(self.specs) < capacity:
            self.specs += new; self.latents = z if self.latents is None else torch.cat([self.latents, z])
        else:
            for k, j in enumerate(self.rng.choice(capacity, len(new), replace=False)): self.specs[j] = new[k]; self.latents[j] = z[k]
        i = self.rng.choice(len(self.specs), self.batch, replace=False)
        return [self.specs[j] for j in i], self.latents[torch.from_numpy(i)]


def parameters(m, te): return [("d." + n, p) for n, p in m.named_parameters()] + [("t." + n, p) for n, p in te.named_parameters()]


def load(path, words=1024, key="ema"):
    m, te = make_dit(), make_text(words)
    d = torch.load(path)[key]
    m.load_state_dict({k[2:]: v for k, v in d.items() if k[0] == "d"}, strict=False)
    te.load_state_dict({k[2:]: v for k, v in d.items() if k[0] == "t"}, strict=False)
    return m.eval(), te.eval()


@torch.no_grad()
def exchange_text(m, te, average, weights, words):
    """Puts another text encoder in front of the denoiser: the least-squares map from its outputs to the old ones goes into the text embedder."""
    rng = np.random.default_rng(4)
    ids = words.ids([caption(sample_spec(rng), rng) for _ in range(400)])
    old = make_text(len(words)); old.load_state_dict({n[2:]: v for n, v in average.items() if n[0] == "t"}, strict=False)
    want = embed(old, ids)[ids != 0]
    te.load_state_dict(weights)
    got = embed(te, ids)[ids != 0]
    eye = torch.eye(got.shape[1])
    fit = torch.linalg.solve(got.T @ got + .01 * len(got) * eye, got.T @ want)     # want = got @ fit
    for w in (m.condition_embedder.text_embedder.linear_1.weight, average["d.condition_embedder.text_embedder.linear_1.weight"]): w.copy_(w @ fit.T)
    for n, p in te.named_parameters(): average["t." + n].copy_(p)
    print("text exchanged, explained", 1 - ((got @ fit - want).square().sum() / want.square().sum()).item(), flush=True)


def main(run, minutes, workers="1", **kw):
    if workers == "1": return train(0, 1, run, minutes, kw)
    mp.spawn(train, (int(workers), run, minutes, kw), nprocs=int(workers))


def train(rank, workers, run, minutes, kw):
    if workers > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29517")
        dist.init_process_group("gloo", rank=rank, world_size=workers)
    learn(rank, workers, run, minutes, **kw)


def learn(rank, workers, run, minutes, shift="10", batch="32", lr="1", decay=".6", mix="64x17:1", ema=".998", threads="1", text_lr=".3", fresh="0", seed="0", text="", detail="0",
          start="", pictures="0"):
    torch.set_num_threads(int(threads))
    detail = float(detail)               # share of clips noised with a lower shift, where shapes get their outline
    shift, batch, lr, decay, ema_decay = float(shift), int(batch), float(lr), float(decay), float(ema)
    torch.manual_seed(int(seed)); rng = np.random.default_rng(7 + int(seed))
    words = Words(f"{run}/tokenizer/tokenizer.json")
    encoder = Encoder(torch.load(f"{run}/basis.pt"))
    m, te = make_dit(), make_text(len(words))
    if start:                            # a packaged model
        from package import read
        m, te = (p.train() for p in read(start)[:2])
    else: te.load_state_dict(torch.load(f"{run}/text.pt"))
    P = parameters(m, te)
    is_matrix = lambda n, p: p.dim() == 2 and ("blocks." in n or "block." in n) and "relative" not in n
    groups = [(Muon, lambda n, p: is_matrix(n, p) and n[0] == "d", .02), (Muon, lambda n, p: is_matrix(n, p) and n[0] == "t", .02 * float(text_lr)),
              (None, lambda n, p: not is_matrix(n, p) and n[0] == "d", 2e-3), (None, lambda n, p: not is_matrix(n, p) and n[0] == "t", 2e-3 * float(text_lr))]
    opts = []
    for kind, wants, rate in groups:
        if rate == 0: continue
        ps = [p for n, p in P if wants(n, p)]
        opts.append((Muon(ps, rate) if kind else torch.optim.AdamW(ps, rate, betas=(.9, .98), weight_decay=0), rate))
    average = {n: p.detach().clone() for n, p in P}
    step, begun = 0, time.time()
    if os.path.exists(f"{run}/state.pt"):
        s = torch.load(f"{run}/state.pt", weights_only=False)
        with torch.no_grad():
            for n, p in P: p.copy_(s["weights"][n]); average[n].copy_(s["ema"][n])
        for (o, _), d in zip(opts, s["opts"]): o.load_state_dict(d)
        if text: exchange_text(m, te, average, torch.load(text), words)
        step, begun = s["step"], s["begun"]; rng = np.random.default_rng(1000 + step + rank); torch.manual_seed(step + 7919 * rank)
        if rank == 0: print("resumed at", step, flush=True)
        if fresh != "0": begun = time.time()
    # mix: "64x17:3,96x17:1" = side x frames : weight; longer or larger clips come in smaller batches
    kinds = []
    for item in mix.split(","):
        (side, frames), weight = map(int, item.split(":")[0].split("x")), float(item.split(":")[1])
        cells = (side // 16) ** 2 * (1 + (frames - 1) // 4)
        kinds.append((Pool(encoder, rng, frames, side, max(4, min(batch, round(batch * 100 / cells))), float(pictures)), weight, item.split(":")[0]))
    chance = np.array([w for _, w, _ in kinds]); chance /= chance.sum()
    size = sum(p.numel() for _, p in P)                     # all gradients are views of one buffer; its tail carries rate and stop
    buffer, at = torch.zeros(size + 2), 0
    for _, p in P: p.grad = buffer[at:at + p.numel()].view_as(p); at += p.numel()
    dice = np.random.default_rng(step)                       # the same in every process
    losses, saved, mark, first = {}, time.time(), time.time(), step
    while True:
        done = (time.time() - begun) / 60 / minutes
        pool, _, name = kinds[dice.choice(len(kinds), p=chance)]
        S, x0 = pool.next()
        text = ["" if rng.random() < .1 else caption_of_a_picture(s, rng) if p else caption(s, rng) for s, p in S]
        B, T = x0.shape[:2]
        t = shifted((torch.randperm(B) + torch.rand(B)) / B, torch.where(torch.rand(B) < detail, 2.5, shift))
        noise, open_ = torch.randn_like(x0), torch.ones(B, T)
        open_[torch.tensor([bool(p) for _, p in S]), 0] = 0     # where a picture is the first latent frame, it is clean and its time is 0
        times = t[:, None] * open_; tt = times.view(B, T, 1, 1, 1)
        with half(), torch.set_grad_enabled(text_lr != "0"): context = embed(te, words.ids(text))
        xt = (1 - tt) * x0 + tt * noise
        if x0.shape[1] < 8: v = fast.dit(m, xt, times * 1000, context)
        else:                                                # rare kinds are not worth compiling for
            with half(): v = dit(m, xt, times * 1000, context)
        err = ((v.float() - (noise - x0)).square().mean((2, 3, 4)) * open_).sum(1) / open_.sum(1)
        buffer.zero_()
        err.mean().backward()
        if rank == 0:
            buffer[-2] = workers * lr * min(1, (step + 1) / 60, (step - first + 1) / 20) * min(1, max(0, 1 - done) / decay)
            buffer[-1] = workers * (1. if done >= 1 else .5 if os.path.exists(f"{run}/save") else 0.)
        if workers > 1: dist.all_reduce(buffer)
        buffer /= workers
        rate, stop = buffer[-2:].tolist()
        for o, base in opts:
            for g in o.param_groups: g["lr"] = base * rate
        for o, _ in opts: o.step()
        step += 1
        if stop == 1: break
        for kind, rows in ((name, open_[:, 0] == 1), (name + " picture", open_[:, 0] == 0)):
            if rows.any(): losses.setdefault(kind, []).append((err[rows].mean().item(), err[rows & (t > .97)].nanmean().item()))
        with torch.no_grad(): torch._foreach_lerp_(list(average.values()), [p for _, p in P], 1 - min(ema_decay, (1 + step) / (10 + step)))
        if step % 50 == 0 and rank == 0:
            print(step, f"{(time.time() - begun) / 60:.1f} min, {(time.time() - mark) * 20:.0f} ms/step",
                  {k: [round(float(x), 4) for x in np.nanmean(v, 0)] for k, v in losses.items()}, flush=True)
            losses, mark = {}, time.time()
        if rank == 0 and (time.time() - saved > 120 or stop):
            saved = time.time()
            torch.save({"ema": average, "step": step}, f"{run}/ema.tmp"); os.replace(f"{run}/ema.tmp", f"{run}/ema.pt")
            torch.save({"weights": dict(P), "ema": average, "opts": [o.state_dict() for o, _ in opts], "step": step, "begun": begun}, f"{run}/state.tmp")
            os.replace(f"{run}/state.tmp", f"{run}/state.pt")
            if stop: os.remove(f"{run}/save"); print("stopped at", step, flush=True)
        if stop: return
    if rank: return
    torch.save({"ema": average, "step": step}, f"{run}/ema.pt")
    print("done", step, flush=True)


if __name__ == "__main__": main(sys.argv[1], float(sys.argv[2]), **dict(a.split("=") for a in sys.argv[3:]))
