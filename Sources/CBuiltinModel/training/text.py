"""The UMT5 text encoder, its tokens, and its first training: linear probes that read every attribute of a caption.
    python text.py FOLDER/tokenizer.json OUT.pt [STEPS]"""
import sys, time
import numpy as np, torch, torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import UMT5Config, UMT5EncoderModel
from muon import Muon
from vocabulary import *

TEXT_LEN = 32


def make_text(vocab, width=128, layers=2):
    return UMT5EncoderModel(UMT5Config(vocab_size=vocab, d_model=width, d_kv=32, d_ff=256, num_layers=layers, num_heads=4, dropout_rate=0.,
        relative_attention_num_buckets=32, relative_attention_max_distance=128, feed_forward_proj="gated-gelu", is_encoder_decoder=False,
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0, tie_word_embeddings=True))


class Words:
    def __init__(self, path): self.t = Tokenizer.from_file(path)

    def __len__(self): return self.t.get_vocab_size()

    def ids(self, texts):
        o = torch.zeros(len(texts), TEXT_LEN, dtype=torch.long)
        for row, text in zip(o, texts):
            k = self.t.encode(text).ids
            if len(k) > TEXT_LEN: k = k[:TEXT_LEN - 1] + [1]
            row[:len(k)] = torch.tensor(k)
        return o


def embed(encoder, ids):
    """[B,32,width]; rows after </s> are zeros, as in the Wan pipeline. Only the columns in use are computed."""
    mask = ids != 0
    n = int(mask.sum(1).max())
    h = encoder(input_ids=ids[:, :n], attention_mask=mask[:, :n].long()).last_hidden_state * mask[:, :n, None]
    return F.pad(h, (0, 0, 0, TEXT_LEN - n))


if __name__ == "__main__":
    words, steps = Words(sys.argv[1]), int(sys.argv[3]) if len(sys.argv) > 3 else 350
    torch.manual_seed(0); rng = np.random.default_rng(11)
    te = make_text(len(words))
    keys = [list(COLOURS), list(SHAPES), list(MOTIONS), ["", *SIZE_WORDS], ["", *BACKGROUNDS]]
    heads = torch.nn.ModuleList([torch.nn.Linear(128, len(k)) for k in keys])
    matrices = [p for n, p in te.named_parameters() if p.dim() == 2 and "block." in n and "relative" not in n]
    rest = [p for p in [*te.parameters(), *heads.parameters()] if all(p is not q for q in matrices)]
    opts = [(Muon(matrices, .01), .01), (torch.optim.AdamW(rest, 3e-3, weight_decay=0), 3e-3)]
    start, acc = time.time(), []
    for step in range(steps):
        for o, lr in opts:
            for g in o.param_groups: g["lr"] = lr * min(1, (step + 1) / 20) * (1 - step / steps)
        S = [sample_spec(rng) for _ in range(96)]
        ids = words.ids([caption(s, rng) for s in S])
        want = torch.tensor([[k.index(v) for k, v in zip(keys, s)] for s in S])
        h = embed(te, ids)
        h = h.sum(1) / (ids != 0).sum(1, keepdim=True)
        out = [head(h) for head in heads]
        loss = sum(F.cross_entropy(o, want[:, i]) for i, o in enumerate(out))
        for p in [*te.parameters(), *heads.parameters()]: p.grad = None
        loss.backward()
        for o, _ in opts: o.step()
        acc.append([(o.argmax(1) == want[:, i]).float().mean().item() for i, o in enumerate(out)])
        if step % 50 == 49:
            print(step + 1, f"{time.time() - start:.0f} s, colour shape motion size background", np.round(np.mean(acc, 0), 3), flush=True); acc = []
    torch.save(te.state_dict(), sys.argv[2])
