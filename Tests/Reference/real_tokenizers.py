"""Writes what umT5's and T5's own tokenizers make of nasty strings, and as much of their vocabularies as that needs.

    WAN_TOKENIZERS=FOLDER python Tests/Reference/real_tokenizers.py

FOLDER holds umt5-xxl/tokenizer.json and t5-v1_1-xxl/tokenizer.json as published (Google's, Apache-2.0): 11 MB, too much to
be kept here. A Unigram model looks at nothing but the pieces that occur in a text, their scores and the lowest score of all,
so those pieces under their ids, and pieces that cannot occur under all others, give the same ids. That is checked here with
the tokenizers library, case by case.

    real-cases.json    texts (kept from run to run), cleaned prompts, ids of both tokenizers
    real-umt5.json     the file without its vocabulary, the pieces that can occur, and how many there are in all
    real-t5.json       the same
"""

import json
import os
import pathlib
import sys

import ftfy
import tokenizers

from tokenizer_cases import FIXTURES, clean

# No text has it.
STRANGER = "\U0010fffd"
FOLDERS = {"umt5": "umt5-xxl", "t5": "t5-v1_1-xxl"}
MADE_WITH = dict(script=pathlib.Path(__file__).name, tokenizers=tokenizers.__version__, ftfy=ftfy.__version__)


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def whole(sample):
    """The tokenizer.json that a sample stands for; the Swift tests do the same."""
    rows = [f'["{STRANGER}{i}",{sample["lowest"]}]' for i in range(sample["count"])]
    for i, row in zip(sample["ids"], sample["rows"]):
        rows[i] = row
    return sample["file"].replace('"vocab":[]', '"vocab":[' + ",".join(rows) + "]")


def sample(path, texts):
    file = json.loads(path.read_text(encoding="utf-8"))
    normalizer = tokenizers.Tokenizer.from_str(json.dumps(file)).normalizer
    vocabulary = file["model"].pop("vocab")
    longest = max(len(piece) for piece, _ in vocabulary)
    wanted = {token["content"] for token in file["added_tokens"]}
    for text in texts:
        # An added token cuts a text, and what is behind it may get a mark of its own.
        for form in (text, normalizer.normalize_str(text)):
            assert STRANGER not in form
            form = "▁" + form.replace(" ", "▁")
            wanted.update(form[i:j] for i in range(len(form)) for j in range(i + 1, min(i + longest, len(form)) + 1))
            wanted.update("▁" + form[i:i + longest][:j] for i in range(len(form)) for j in range(1, longest))
    kept = [(i, piece, score) for i, (piece, score) in enumerate(vocabulary) if piece in wanted]
    file["model"]["vocab"] = []
    return dict(
        made_with=MADE_WITH, licence="Apache-2.0", count=len(vocabulary), lowest=compact(min(s for _, s in vocabulary)),
        ids=[i for i, _, _ in kept], rows=[compact([piece, score]) for _, piece, score in kept], file=compact(file))


def write(name, value):
    text = compact(value) + "\n"
    (FIXTURES / name).write_text(text, encoding="utf-8")
    print(name, len(text.encode()), "bytes")


def main():
    folder = os.environ.get("WAN_TOKENIZERS")
    if not folder:
        print("kept as they are: WAN_TOKENIZERS names no folder with the published files")
        return
    cases = json.loads((FIXTURES / "real-cases.json").read_text(encoding="utf-8"))["cases"]
    texts = [case["text"] for case in cases]
    cleaned = [clean(text) for text in texts]
    made = dict(made_with=MADE_WITH, cases=[dict(text=t, clean=c) for t, c in zip(texts, cleaned)])
    for name, place in FOLDERS.items():
        path = pathlib.Path(folder) / place / "tokenizer.json"
        part = sample(path, texts + cleaned)
        published = tokenizers.Tokenizer.from_file(str(path))
        ours = tokenizers.Tokenizer.from_str(whole(part))
        for case in made["cases"]:
            for key, text in ((name, case["clean"]), (name + "_raw", case["text"])):
                case[key] = published.encode(text).ids
                if ours.encode(text).ids != case[key]:
                    sys.exit(f"{name}: the pieces kept do not suffice for {text!r}")
        write(f"real-{name}.json", part)
    write("real-cases.json", made)


if __name__ == "__main__":
    main()
