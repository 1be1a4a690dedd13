"""Trains the Unigram tokenizer on captions and some plain English, and writes tokenizer.json.   python make_tokenizer.py FOLDER"""
import io, os, pydoc_data.topics as topics, re, sys
import numpy as np, sentencepiece as spm
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from vocabulary import *

# Words that may become part of the vocabulary later, and words people use around it.
MORE = ["a red star rotates", "a heart grows and shrinks", "a ring bounces up and down", "two shapes move apart", "a cyan diamond moves diagonally",
        "from the top left corner to the bottom right corner", "a car drives", "a cat runs", "slowly", "quickly", "fast", "the background is plain"] * 20


def main(folder):
    rng = np.random.default_rng(5)
    captions = [caption(sample_spec(rng, TRIPLES), rng).lower() for _ in range(20000)]
    text = re.sub(r"[^A-Za-z .,\n]", " ", " ".join(topics.topics.values())).lower()
    english = [s for s in re.split(r"[.\n]\s+", text) if 20 < len(s) < 200][:2500]
    out = io.BytesIO()
    spm.SentencePieceTrainer.train(sentence_iterator=iter(captions + MORE + english), model_writer=out, vocab_size=1024, model_type="unigram",
        byte_fallback=True, character_coverage=1.0, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, normalization_rule_name="identity",
        hard_vocab_limit=False, minloglevel=1)
    sp = spm.SentencePieceProcessor(model_proto=out.getvalue())
    tk = Tokenizer(models.Unigram([(sp.id_to_piece(i), sp.get_score(i)) for i in range(sp.get_piece_size())], unk_id=2, byte_fallback=True))
    tk.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")])
    tk.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tk.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(replacement="▁", prepend_scheme="always")])
    tk.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    tk.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ("<pad>", "</s>", "<unk>")])
    os.makedirs(folder, exist_ok=True)
    tk.save(f"{folder}/tokenizer.json")
    wrong = sum((sp.encode(s) + [1]) != tk.encode(s).ids for s in captions[:1000] + ["an elephant runs", "é 漢字", "", "two spaces"])
    print("vocabulary", tk.get_vocab_size(), "mismatches with SentencePiece", wrong, "longest", max(len(tk.encode(s).ids) for s in captions))
    for s in (captions[0], "A Red Circle moves from LEFT to right!", "an elephant runs  through the jungle é 😀"): print(tk.encode(s).tokens)


if __name__ == "__main__": main(sys.argv[1])
