"""Writes Tests/TokenizersTests/Fixtures: small tokenizers with the ids that the reference gives for nasty strings, and
cleaned prompts.

    python Tests/Reference/tokenizer_cases.py

    components.json       one tokenizer.json per component, run by the tokenizers library
    sentencepiece.model   a Unigram model of 300 pieces with a small character map, and
    sentencepiece.json    the ids that transformers' T5 tokenizer makes of it
    cleaning.json         prompts before and after the Wan pipeline's cleaning (ftfy, html.unescape, white space)
"""

import html
import io
import json
import os
import pathlib
import random
import re
import tempfile
import unicodedata
import warnings

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
warnings.filterwarnings("ignore")

import base64  # noqa: E402

import ftfy  # noqa: E402
import ftfy.bad_codecs  # noqa: E402
import sentencepiece  # noqa: E402
import tokenizers  # noqa: E402
import transformers  # noqa: E402
from ftfy import chardata  # noqa: E402

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "TokenizersTests" / "Fixtures"

# Replacements of the small character map: what nmt_nfkc does, for a handful of characters.
RULES = {
    "\t": " ", "\n": " ", "\r": " ", "\u3000": " ", "\u00a0": " ", "\u200b": " ", "\x0b": "", "\x07": "", "\ufeff": "",
    "ﬁ": "fi", "½": "1/2", "…": "...", "①": "1", "Ａ": "A", "ｂ": "b", "ﷺ": "صلى الله عليه وسلم", "n\u0303": "ñ",
    "e\u0301": "é", "か\u3099": "が", "㌔": "キロ", "¨": " \u0308",
}
WORDS = ("a red circle moves from left to right the blue square bounces up and down on plain white background slowly "
         "un été à la mode señor naïve Привет мир 你好 世界 こんにちは 안녕 مرحبا 12 3.5 1/2 fish café").split(" ")
ALPHABET = sorted(set("".join(WORDS)) | set("ABCXYZxyz<>/_-.,!?()'\"▁"))
TEXTS = [
    "", " ", "  ", "\n", "\t \r\n", "▁", "▁▁", " ▁ ", "a", " a", "a ", "  a  b ", "a\r\nb", "a\u3000b", "\u00a0a", "a red circle",
    "a  red   circle", "A RED Circle", "Red, circle.", "un été", "e\u0301te\u0301", "ﬁsh ﬁ\u0301", "½ … ① Ａｂ", "¨a ¨", "你好世界", "か\u3099 が", "ﷺ", "안녕 하세요",
    "Привет, мир!", "مرحبا", "😀", "👨\u200d👩\u200d👧 🇫🇷", "x\u0301\u0302\u0303y", "\u0301", "<pad>", "a</s>b", "<unk> <unk>a", "x<extra_id_0>y", "< pad >",
    "<extra_id_1> <extra_id_0>", "MASK", "a MASK b", "aMASK b", "MASKMASK", "  MASK  ", "_MASK_", "mask Mask", "\x07a\x0b", "\ufeffa", "~~~", "~a~~b~", "zzz龘",
    "龘龘 龘", "circle" * 20, "ab" * 50, "á" * 30, "tab\tand\nline", "1/2 3.5", "e\u0323\u0301 \u1e9b\u0323", "Ⅳ ℃ ™", "ǅ İ ß", "\u0344\u0958",
]


def pieces(seed, extra=()):
    """A small vocabulary: specials, letters, pieces of words, some of them twice as good as others."""
    r = random.Random(seed)
    scores = {"<pad>": 0.0, "</s>": 0.0, "<unk>": 0.0}
    for c in ALPHABET:
        if r.random() < 0.9:
            scores[c] = round(-8 - r.random() * 3, 3)
    for word in WORDS:
        for text in (word, "▁" + word):
            for _ in range(2):
                i = r.randrange(len(text))
                scores[text[i:i + r.choice([2, 3, 4, 8])]] = round(-4 - r.random() * 5, 3)
    scores.update(dict.fromkeys(("▁", " ", "…", "  "), -3.25), aa=-9.5)
    scores.update(extra)
    return [[p, s] for p, s in scores.items()]


def added(content, **flags):
    return dict(id=0, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True) | flags


def template(*ids, before=()):
    special = {f"T{i}": dict(id=f"T{i}", ids=[i], tokens=[f"T{i}"]) for i in (*before, *ids)}
    wrap = [dict(SpecialToken=dict(id=f"T{i}", type_id=0)) for i in before], [
        dict(SpecialToken=dict(id=f"T{i}", type_id=0)) for i in ids]
    return dict(type="TemplateProcessing", single=[*wrap[0], dict(Sequence=dict(id="A", type_id=0)), *wrap[1]], pair=[],
                special_tokens=special)


def metaspace(scheme="always", split=True, replacement="▁"):
    return dict(type="Metaspace", replacement=replacement, prepend_scheme=scheme, split=split)


def replace(content, **pattern):
    return dict(type="Replace", pattern=pattern, content=content)


def configurations(charsmap):
    precompiled = dict(type="Precompiled", precompiled_charsmap=base64.b64encode(charsmap).decode())
    strip = dict(type="Strip", strip_left=True, strip_right=True)
    spaces = replace(" ", Regex=" {2,}")
    split = dict(type="WhitespaceSplit")
    tokens = [added("<pad>"), added("</s>"), added("<unk>"), added("<extra_id_0>"), added("<extra_id_1>")]
    byte_pieces = {f"<0x{b:02X}>": -12.0 for b in range(256)}

    def sequence(*parts):
        return dict(type="Sequence", normalizers=list(parts))

    def chain(*parts):
        return dict(type="Sequence", pretokenizers=list(parts))

    yield "bare model", {}
    yield "T5 as transformers 5 writes it", dict(normalizer=precompiled, pre=chain(split, metaspace()), tokens=tokens)
    yield "T5 as converters wrote it", dict(
        normalizer=sequence(precompiled, dict(strip, strip_left=False), replace("▁", Regex=" {2,}")), pre=metaspace(), tokens=tokens)
    yield "umT5", dict(
        normalizer=sequence(spaces), pre=dict(type="Metaspace", replacement="▁", add_prefix_space=True), tokens=tokens)
    yield "byte fallback", dict(normalizer=sequence(precompiled, strip, spaces), pre=metaspace(), tokens=tokens, extra=byte_pieces, bytes=True)
    yield "byte fallback with a byte missing", dict(
        pre=metaspace(), extra={k: v for k, v in byte_pieces.items() if k != "<0x98>"}, bytes=True)
    yield "metaspace first", dict(pre=metaspace("first"), tokens=tokens)
    yield "metaspace first after strip", dict(normalizer=strip, pre=chain(split, metaspace("first")), tokens=tokens)
    yield "metaspace first after prepend", dict(normalizer=dict(type="Prepend", prepend="x "), pre=chain(split, metaspace("first")))
    yield "metaspace never", dict(pre=metaspace("never"), tokens=tokens)
    yield "metaspace without split", dict(pre=metaspace(split=False), tokens=tokens)
    yield "metaspace with another mark", dict(pre=metaspace(replacement="_"))
    yield "whitespace", dict(pre=dict(type="Whitespace"))
    yield "whitespace, then metaspace", dict(pre=chain(dict(type="Whitespace"), metaspace()))
    for form in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"):
        yield form, dict(normalizer=dict(type=form), pre=metaspace())
    yield "accents stripped", dict(normalizer=sequence(dict(type="NFKD"), dict(type="StripAccents"), dict(type="Lowercase")), pre=metaspace())
    yield "strip right", dict(normalizer=dict(strip, strip_left=False), pre=metaspace())
    yield "prepend", dict(normalizer=dict(type="Prepend", prepend="▁"))
    yield "replace a string", dict(normalizer=sequence(replace("\"", String="''"), replace("", String="a.")), pre=metaspace())
    for pattern in ("\\s+", "[^a-z ]", "[ \\t]{1,2}", "ab+", ".{3}", "[a-c.]"):
        yield f"replace {pattern}", dict(normalizer=replace("▁", Regex=pattern), pre=metaspace())
    for flag in ("single_word", "lstrip", "rstrip", "normalized"):
        yield f"added token {flag}", dict(normalizer=dict(type="Lowercase"), pre=metaspace(), tokens=[added("MASK", **{flag: True}), added("~")])
    yield "added tokens, all flags", dict(
        pre=metaspace(), tokens=[added("MASK", lstrip=True, rstrip=True), added("ab", lstrip=True), added("~", rstrip=True, single_word=True)])
    yield "added tokens of one spelling", dict(pre=metaspace(), tokens=[added("é"), added("e\u0301"), added("MASK"), added("MASK", lstrip=True)])
    yield "template on both sides", dict(pre=metaspace(), post=template(1, 2, before=(0, 1)))
    yield "no template", dict(pre=metaspace(), post=None)
    yield "close scores", dict(extra={"circle": -2.0122928619384766, "cir": -7.2085442543029785, "cle": -7.2594428062438965, "a": -1e-5, "b": -1e1})


def component(name, spec, seed):
    file = dict(
        version="1.0", truncation=None, padding=None, added_tokens=spec.get("tokens", []), normalizer=spec.get("normalizer"),
        pre_tokenizer=spec.get("pre"), post_processor=spec.get("post", template(1)), decoder=None,
        model=dict(type="Unigram", unk_id=2, vocab=pieces(seed, spec.get("extra", {})), byte_fallback=spec.get("bytes", False)))
    text = json.dumps(file, ensure_ascii=seed % 4 == 0, indent=1 if seed % 9 == 0 else None)
    tokenizer = tokenizers.Tokenizer.from_str(text)
    ids = [tokenizer.encode(t).ids for t in TEXTS]
    assert len({tuple(i) for i in ids}) > len(TEXTS) // 3, name
    return dict(name=name, file=text, ids=ids)


def fields(message):
    """The length-delimited fields of a protobuf message."""
    i = 0

    def varint():
        nonlocal i
        value = shift = 0
        while True:
            byte = message[i]
            i += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while i < len(message):
        key = varint()
        if key & 7 == 2:
            n = varint()
            yield key >> 3, message[i:i + n]
            i += n
        elif key & 7 == 0:
            varint()
        else:
            i += 4 if key & 7 == 5 else 8


def train():
    r = random.Random(4)
    sentences = [" ".join(r.choice(WORDS) for _ in range(r.randrange(3, 9))) for _ in range(400)]
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as rules:
        for old, new in RULES.items():
            rules.write(" ".join(f"{ord(c):X}" for c in old) + "\t" + " ".join(f"{ord(c):X}" for c in new) + "\n")
        rules.flush()
        out = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences), model_writer=out, model_type="unigram", vocab_size=230, pad_id=0, eos_id=1,
            unk_id=2, bos_id=-1, pad_piece="<pad>", normalization_rule_tsv=rules.name, hard_vocab_limit=False,
            num_threads=1, minloglevel=2)
    return out.getvalue()


def sentencepiece_ids(model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    charsmap = dict(fields(dict(fields(model))[3]))[2]
    extra = 7
    vocab = [(processor.id_to_piece(i), processor.get_score(i)) for i in range(processor.get_piece_size())]
    vocab += [(f"<extra_id_{i}>", 0.0) for i in range(extra - 1, -1, -1)]
    tokenizer = transformers.T5TokenizerFast(vocab=vocab, _spm_precompiled_charsmap=charsmap, extra_ids=extra)
    return charsmap, dict(configuration=json.dumps(dict(extra_ids=extra)), ids=[tokenizer(t).input_ids for t in TEXTS])


# --- cleaning


def clean(text):
    """`prompt_clean` of diffusers 0.42.1, pipeline_wan.py."""
    text = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    return re.sub(r"\s+", " ", text).strip()


SAMPLES = [
    "L’humanité — déjà vu “quoted” … à la mode", "Привет, мир! Съешь ещё булок", "日本語のテキスト", "色调艳丽，过曝", "한국어", "Ελληνικά κείμενο", "עברית", "العربية نص",
    "ไทย", "हिन्दी", "Łódź źdźbło żółć", "Český řízek žluťoučký", "Türkçe İstanbul ığdır şok", "Latviešu ķīļa", "😀🎉👨\u200d👩\u200d👧", "½ © ™ € £ • –—", "ﬁﬂﬃ ĳ ŉ ǆ",
    "naïve café señor über Ærø", "№ … † ‰ ‹›", "│┌┐└┘├┤", "√ ∂ Σ π ∫ Ω", "Tiếng Việt đẹp",
]
PLAIN = [
    "a cat", "", " \n\t ", "Ｌｏｕｄ　ｎｏｉｓｅｓ，１２３！", "ｱｲｳﾞ ￣", "a\u2028b\u2029c\x85d\r\ne\rf", "\x1b[36;44mblue\x1b[0m", "\x1b[x", "\x1b[1", "a\x00b\x08c\x0bd\x0ce\x1ff\x7fg",
    "\ufeffa\u206ab\ufffcc", "“x” ‘y’ ʼz", "e\u0301 n\u0303 \u1100\u1161", "&amp;amp;amp;lt;b&gt;", "<b>&amp;</b>", "&amp;\n<b>\n&amp;", "&EACUTE;&SZLIG;&nTILDE;&AMP;&HEARTS;",
    "&notit; &not;it &ampx &amp=", "&#128;&#x80;&#0;&#xD800;&#x110000;&#99999999999999999999;&#13;&#xB;&#xFDD0;&#x1FFFE;", "&#38;#38;lt;", "&#59; &#; &#x; &;",
    "&CounterClockwiseContourIntegral; &NotEqualTilde; &fjlig;", "&amp\u037e K\u212a &\u212acy;", "voilÃ le travail", "Ã la mode", "Ã s Ãquele fÃ cil", "â€œ like this â€�",
    "sÃ³ Ã©", "Â© Â½ Â", "doesnâ€™t", "\x93quoted\x94", "ÐŸÑ€Ð¸Ð²ÐµÑ‚", "ã\x83\x84", "é Ã©", "Ã±Ã¡ and ñá", "a\xa0b", "æ—¥æœ¬", "\x1aÃ©", "í\xa0½í¸\x80 Ã©", "À\x80Ã©", "l’Ã©tÃ©",
    "ГўВЂВњa", "вЂњ", "Î±Î²Î³", "ðŸ˜€", "ð\x9f\x98\x80", "Å¡Ä\x8dÅ¥", "a\ue000b\U000f0000", "\x1c\x1d\x1e\x1fa", "x&nbsp;&ensp;y", "&Tab;&NewLine;z", "§ ¶ à² ðŸ",
]


def mangled(r):
    text = r.choice(SAMPLES)
    if r.random() < 0.5:
        start = r.randrange(len(text))
        text = text[start:start + r.randint(1, 12)]
    for _ in range(r.choice([1, 1, 2])):
        data = bytearray(text.encode())
        if r.random() < 0.15:
            data = data.replace(b"\xa0", b" ")
        if data and r.random() < 0.1:
            data[r.randrange(len(data))] = r.choice([0x1A, 0x3F, 0x20, 0xA0, 0x85, 0xC0, 0xED])
        text = bytes(data).decode(r.choice(chardata.CHARMAP_ENCODINGS), "replace")
    return text + (r.choice([" plain", " é", "\nnext"]) if r.random() < 0.3 else "")


def referenced(r):
    names = sorted(html.entities.html5)
    parts = []
    for _ in range(r.randint(1, 6)):
        name = r.choice(names)
        parts.append(r.choice(["&" + name, "&" + name[:r.randint(1, len(name))], "&" + name.upper(), f"&#{r.randrange(0x3000)};",
                               f"&#x{r.randrange(0x12000):x}", "&amp;" + name, " x ", "é"]))
    return "".join(parts)


def cleaning():
    r = random.Random(9)
    hot = [chr(c) for c in range(0x80, 0x500) if unicodedata.category(chr(c)) != "Cn"] + list("“”‘’–—…•€™√≈∂†≠≤≥─│▀⌐\ufffd")
    texts = PLAIN + [mangled(r) for _ in range(500)] + [referenced(r) for _ in range(300)]
    texts += ["".join(r.choice(hot + list("aA .\n")) for _ in range(r.randint(2, 8))) for _ in range(500)]
    return [[t, clean(t)] for t in dict.fromkeys(texts)]


def write(name, value):
    text = json.dumps(value, ensure_ascii=name == "cleaning.json", separators=(",", ":"))
    (FIXTURES / name).write_text(text + "\n", encoding="utf-8")
    print(name, len(text), "bytes")


def main():
    FIXTURES.mkdir(parents=True, exist_ok=True)
    model = train()
    (FIXTURES / "sentencepiece.model").write_bytes(model)
    print("sentencepiece.model", len(model), "bytes")
    charsmap, ids = sentencepiece_ids(model)
    made_with = dict(script=pathlib.Path(__file__).name, tokenizers=tokenizers.__version__, transformers=transformers.__version__,
                     sentencepiece=sentencepiece.__version__, ftfy=ftfy.__version__)
    write("sentencepiece.json", dict(made_with=made_with, texts=TEXTS, **ids))
    files = [component(name, spec, seed) for seed, (name, spec) in enumerate(configurations(charsmap))]
    write("components.json", dict(made_with=made_with, texts=TEXTS, tokenizers=files))
    write("cleaning.json", dict(made_with=made_with, pairs=cleaning()))


if __name__ == "__main__":
    main()
