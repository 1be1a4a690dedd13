"""Writes Sources/Tokenizers/Tables/*.swift: the tables of prompt cleaning and of compatibility normalisation.

    python Tests/Reference/text_tables.py && swift format -i -r Sources/Tokenizers/Tables

Sources of the facts: Python's codecs, html.entities; the tokenizers library; ftfy's heuristics (Apache-2.0), read from its
compiled regular expressions rather than copied from its text.
"""

import base64
import html.entities
import pathlib
import re
import re._parser as regex_parser
import unicodedata

import ftfy.bad_codecs  # registers the sloppy codecs
from ftfy import badness, chardata
from tokenizers import normalizers

ROOM = pathlib.Path(__file__).resolve().parents[2] / "Sources" / "Tokenizers" / "Tables"
HEADER = "// Written by Tests/Reference/text_tables.py; change that, not this.\n\n"
EVERY_SCALAR = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def literal(text, width=108):
    """A multi-line Swift literal whose lines are joined again when compiled."""
    assert '"' not in text and "\\" not in text
    lines = []
    while text:
        cut = width if len(text) > width else len(text)
        while cut < len(text) and text[cut - 1] == " ":
            cut -= 1  # a space before the backslash would be taken for indentation by editors
        lines.append(text[:cut])
        text = text[cut:]
    return '"""\n' + "\\\n".join("        " + line for line in lines) + '\n        """'


def write(name, doc, fields):
    out = HEADER + f"/// {doc}\nenum {name} {{\n"
    out += "\n".join(f"    /// {note}\n    static let {field} = {value}\n" for field, note, value in fields)
    (ROOM / f"{name}.swift").write_text(out + "}\n", encoding="utf-8")


# --- html entities


def entities():
    table, out = html.entities.html5, []
    for name in sorted(n[:-1] for n in table if n.endswith(";")):
        value = table[name + ";"]
        bare = table.get(name)
        assert bare in (None, value)
        out.append(f"{name}{'!' if bare else ''} {'+'.join(f'{ord(c):x}' for c in value)}")
    assert len(out) == sum(n.endswith(";") for n in table)
    write("HTMLEntityTable", "The named character references of HTML 5.", [
        ("text", "`name value name value …`: values are hexadecimal scalars joined by `+`; `!` marks a name that "
         "also counts\n    /// without its semicolon.", literal(" ".join(out)))])


# --- compatibility decompositions


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def compatibility():
    compatibility_form = normalizers.NFKD()
    blob, last = bytearray(), 0
    for c in EVERY_SCALAR:
        full = compatibility_form.normalize_str(chr(c))
        if full == unicodedata.normalize("NFD", chr(c)):
            continue
        blob += varint(c - last) + varint(len(full)) + b"".join(varint(ord(x)) for x in full)
        last = c
    write("CompatibilityTable", "Full compatibility decompositions of Unicode 9, as the tokenizers library has them.", [
        ("base64", "Entries in rising order: distance from the last scalar, number of scalars, the scalars; all LEB128.",
         literal(base64.b64encode(bytes(blob)).decode()))])


# --- code pages


def code_pages():
    pages = []
    for name in chardata.CHARMAP_ENCODINGS[1:]:
        upper = bytes(range(0x80, 0x100)).decode(name)
        assert all(bytes([b]).decode(name) == chr(b) for b in range(0x80) if b != 0x1A)
        assert bytes([0x1A]).decode(name) == ("\ufffd" if name.startswith("sloppy") else "\x1a")
        text = "".join(c if c.isprintable() and c.isalnum() else f"\\u{{{ord(c):x}}}" for c in upper)
        lines = []
        while text:
            cut = min(len(text), 100)
            while cut < len(text) and "\\" in text[cut - 8:cut] and "}" not in text[text.rindex("\\", 0, cut):cut]:
                cut -= 1
            lines.append(text[:cut])
            text = text[cut:]
        body = "\\\n".join("            " + line for line in lines)
        pages.append(f'        // {name}\n        """\n{body}\n            """,\n')
    write("CodePageTable", "What the bytes 0x80 to 0xFF mean in each code page that mojibake comes from.", [
        ("upperHalves", "In the order in which they are tried, after Latin-1; the first six are the sloppy kind.",
         "[\n" + "".join(pages) + "    ]")])


# --- mojibake rules


def class_of(items):
    members, negated, word = set(), False, False
    for op, value in items:
        op = str(op)
        if op == "LITERAL":
            members.add(value)
        elif op == "RANGE":
            members.update(range(value[0], value[1] + 1))
        elif op == "NEGATE":
            negated = True
        elif op == "CATEGORY" and str(value) == "CATEGORY_SPACE":
            members.update(c for c in EVERY_SCALAR if re.match(r"\s", chr(c)))
        elif op == "CATEGORY" and str(value) == "CATEGORY_WORD":
            word = True
        else:
            raise ValueError(op)
    return frozenset(members), negated, word


def alternatives(sequence):
    """Every sequence of classes that the expression can match; only fixed and optional items occur."""
    out = [[]]
    for op, value in sequence:
        op = str(op)
        if op == "LITERAL":
            found = [[(frozenset([value]), False, False)]]
        elif op == "IN":
            found = [[class_of(value)]]
        elif op == "ANY":
            found = [[(frozenset([10]), True, False)]]
        elif op == "AT":
            assert str(value) == "AT_BEGINNING"
            found = [["^"]]
        elif op == "BRANCH":
            found = [x for branch in value[1] for x in alternatives(branch)]
        elif op == "SUBPATTERN":
            found = alternatives(value[3])
        elif op == "MAX_REPEAT":
            low, high, inner = value
            assert (low, high) == (0, 1)
            found = alternatives(inner) + [[]]
        else:
            raise ValueError(op)
        out = [a + b for a in out for b in found]
    return out


def runs_of(numbers):
    runs = []
    for c in sorted(numbers):
        if runs and runs[-1][1] == c - 1:
            runs[-1][1] = c
        else:
            runs.append([c, c])
    return runs


def hex_ranges(numbers):
    return " ".join(f"{a:x}" if a == b else f"{a:x}-{b:x}" for a, b in runs_of(numbers))


def decimal_ranges(numbers):
    return " ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs_of(numbers))


def mojibake():
    rules = alternatives(regex_parser.parse(badness.BADNESS_RE.pattern, badness.BADNESS_RE.flags))
    clue_names = ["utf8_first_of_2", "utf8_first_of_3", "utf8_first_of_4", "utf8_continuation", "utf8_continuation_strict"]
    clues = []
    for name in clue_names:
        [(op, value)] = list(regex_parser.parse(f"[{chardata.UTF8_CLUES[name]}]"))
        clues.append(class_of(value))
    classes = list(dict.fromkeys(clues + [c for rule in rules for c in rule if c != "^"]))
    signature = {}
    for i, (members, _, _) in enumerate(classes):
        for c in members:
            signature.setdefault(c, set()).add(i)
    kinds = {}
    for c, s in sorted(signature.items()):
        kinds.setdefault(frozenset(s), []).append(c)
    class_texts = []
    for i, (_, negated, word) in enumerate(classes):
        assert not (negated and word)
        listed = decimal_ranges(k + 1 for k, s in enumerate(kinds) if i in s)
        class_texts.append(("!" if negated else "w" if word else "=") + listed)
    rule_text = "|".join(" ".join("^" if c == "^" else str(classes.index(c)) for c in rule) for rule in rules)
    write("MojibakeTable", "Which scalars make a text look like UTF-8 that was read in another encoding.", [
        ("kinds", "Scalars that no rule tells apart share a kind: hexadecimal ranges, kinds separated by `|`.\n    ///\n    /// "
         "The first is kind 1; kind 0 is every scalar not listed.", literal("|".join(hex_ranges(v) for v in kinds.values()))),
        ("classes", "The kinds in each class: `=` these, `!` all but these, `w` these and letters, digits and `_`.\n    ///\n"
         "    /// The first five are the clues of a UTF-8 sequence: first of two, of three, of four,\n    /// "
         "continuation, certain continuation.", literal("|".join(class_texts))),
        ("rules", "Sequences of classes that betray mojibake; `^` is the start of the text.", literal(rule_text))])


if __name__ == "__main__":
    ROOM.mkdir(parents=True, exist_ok=True)
    entities()
    compatibility()
    code_pages()
    mojibake()
    for path in sorted(ROOM.glob("*.swift")):
        text = path.read_text(encoding="utf-8")
        lines = text.split("\n")
        print(path.name, len(text), "characters,", len(lines), "lines, longest", max(map(len, lines)))
