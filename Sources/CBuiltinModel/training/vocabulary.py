"""What the model may be asked for: colours, shapes, motions, backgrounds, and the wordings of each.

A clip is described by `Spec(colour, shape, motion, size, background)`. `caption` words a spec at random.
One in six colour x shape x motion triples never occurs in training (`held_out`)."""
from typing import NamedTuple


class Spec(NamedTuple):
    colour: str
    shape: str
    motion: str
    size: str = ""          # "", "small", "big"
    background: str = ""    # "" = the default dark background


COLOURS = {"red": (222, 36, 36), "green": (34, 172, 64), "blue": (40, 84, 226), "yellow": (250, 222, 44), "white": (244, 244, 244),
           "orange": (250, 138, 22), "purple": (140, 50, 194), "pink": (250, 128, 190)}
SHAPES = {"circle": ["circle", "circle", "ball", "disc", "dot"], "square": ["square", "square", "box", "block"],
          "triangle": ["triangle"], "star": ["star"], "ring": ["ring", "ring", "hoop"]}
BACKGROUNDS = {"black": (10, 10, 12), "white": (246, 246, 246), "gray": (120, 122, 126), "dark blue": (14, 24, 84)}
BACKGROUND_WORDS = {"gray": ["gray", "grey"], "dark blue": ["dark blue", "navy"]}
SIZE_WORDS = {"small": ["small", "little", "tiny"], "big": ["big", "large", "huge"]}

VERBS = [("moves", "moving"), ("moves", "moving"), ("slides", "sliding"), ("travels", "travelling"), ("goes", "going"), ("glides", "gliding")]


def _phrases(ways, extra=()):
    return [(f"{a} {w}", f"{b} {w}") for a, b in VERBS for w in ways] + list(extra)


def _diagonal(start, end, vertical, horizontal):
    return _phrases([f"diagonally from {start} to {end}", f"diagonally from the {start} to the {end}", f"from {start} to {end}",
                     f"from the {start} to the {end}", f"from the {start} corner to the {end} corner", f"to the {end} corner",
                     f"{vertical} and to the {horizontal}", f"diagonally {vertical} to the {horizontal}"])


MOTIONS = {
    "right": _phrases(["from left to right", "from left to right", "from the left to the right", "to the right", "right",
                       "from the left side to the right side", "rightwards"],
                      [("rolls to the right", "rolling to the right"), ("flies to the right", "flying to the right"),
                       ("rolls from left to right", "rolling from left to right"),
                       ("crosses the screen from left to right", "crossing the screen from left to right")]),
    "left": _phrases(["from right to left", "from right to left", "from the right to the left", "to the left", "left",
                      "from the right side to the left side", "leftwards"],
                     [("rolls to the left", "rolling to the left"), ("flies to the left", "flying to the left"),
                      ("rolls from right to left", "rolling from right to left"),
                      ("crosses the screen from right to left", "crossing the screen from right to left")]),
    "up": _phrases(["up", "up", "upwards", "from bottom to top", "from the bottom to the top", "to the top"],
                   [("rises", "rising"), ("rises up", "rising up"), ("floats up", "floating up"), ("flies up", "flying up")]),
    "down": _phrases(["down", "down", "downwards", "from top to bottom", "from the top to the bottom", "to the bottom"],
                     [("falls", "falling"), ("falls down", "falling down"), ("drops", "dropping"), ("sinks", "sinking")]),
    "still": [("stays still", "staying still"), ("is still", "standing still"), ("does not move", "not moving"), ("stands still", "standing still"),
              ("rests in place", "resting in place"), ("stays in place", "staying in place"), ("stays in the middle", "staying in the middle")],
    "down right": _diagonal("top left", "bottom right", "down", "right"),
    "down left": _diagonal("top right", "bottom left", "down", "left"),
    "up right": _diagonal("bottom left", "top right", "up", "right"),
    "up left": _diagonal("bottom right", "top left", "up", "left"),
    "grow": [("grows", "growing"), ("grows", "growing"), ("gets bigger", "getting bigger"), ("grows larger", "growing larger"),
             ("gets larger", "getting larger"), ("becomes bigger", "becoming bigger"), ("expands", "expanding")],
    "shrink": [("shrinks", "shrinking"), ("shrinks", "shrinking"), ("gets smaller", "getting smaller"), ("becomes smaller", "becoming smaller")],
}
SHAPE_WEIGHT = {"star": .6, "ring": .6}                      # share in training relative to the others
MOTION_WEIGHT = {"down right": .5, "down left": .5, "up right": .5, "up left": .5, "grow": .5, "shrink": .5}
ARTICLES = ["the", "one"]
TAILS = [", 4k", ", high quality", ", smooth motion", ", cartoon style", ", minimalist", ", best quality"]

TRIPLES = [(c, s, m) for c in COLOURS for s in SHAPES for m in MOTIONS]


def held_out(colour, shape, motion):
    i, j, k = list(COLOURS).index(colour), list(SHAPES).index(shape), list(MOTIONS).index(motion)
    return (i + 2 * j + 5 * k) % 6 == 0


TRAIN = [t for t in TRIPLES if not held_out(*t)]
TEST = [t for t in TRIPLES if held_out(*t)]


def background_allowed(colour, background):
    if not background: return True
    a, b = COLOURS[colour], BACKGROUNDS[background]
    return sum(abs(x - y) for x, y in zip(a, b)) > 160


def sample_spec(rng, triples=TRAIN):
    while True:
        c, s, m = triples[rng.integers(len(triples))]
        if rng.random() < SHAPE_WEIGHT.get(s, 1) * MOTION_WEIGHT.get(m, 1) or len(triples) == 1: break
    size = str(rng.choice(["", "small", "big"], p=[.7, .15, .15])) if m not in ("grow", "shrink") else ""
    while True:
        b = str(rng.choice(["", *BACKGROUNDS], p=[.6, .12, .12, .08, .08]))
        if background_allowed(c, b): return Spec(c, s, m, size, b)


def caption_of_a_picture(spec, rng):
    """What is said where a picture shows the thing: mostly "it", often its shape alone, sometimes everything."""
    k = rng.random()
    if k < .35 and spec.colour: return caption(spec, rng)
    if k < .6: return caption(spec._replace(colour="", size="", background=""), rng)
    finite, ing = MOTIONS[spec.motion][rng.integers(len(MOTIONS[spec.motion]))]
    t = ing if k < .66 else f"{['it', 'it', 'it', 'this', 'the thing', 'the shape', 'the object'][rng.integers(7)]} {finite}"
    return caption_end(t, rng)


def caption(spec, rng, plain=False):
    pick = lambda l: l[rng.integers(len(l))]
    noun = " ".join(w for w in (pick(SIZE_WORDS[spec.size]) if spec.size else "", spec.colour, pick(SHAPES[spec.shape])) if w)
    subject = f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
    k = rng.random()
    if not plain: subject = f"{pick(ARTICLES)} {noun}" if k < .15 else noun if k < .27 else subject
    finite, ing = pick(MOTIONS[spec.motion])
    place = ""
    if spec.background:
        b = pick(BACKGROUND_WORDS.get(spec.background, [spec.background]))
        place = pick(["on a {}", "on a {}", "over a {}", "against a {}", "in front of a {}", "with a {}"]).format(b) + " background"
    k = rng.random()
    if k < .6: t = f"{subject} {finite} {place}"
    elif k < .78: t = f"{subject} {ing} {place}"
    elif k < .86 and place: t = f"{place}, {subject} {finite}"
    elif k < .94: t = pick(["a video of ", "an animation of ", "a clip of ", "video of ", "there is "]) + f"{subject} {ing} {place}"
    else: t = f"{subject} {place}, {ing}"
    t = " ".join(t.split()).replace(" ,", ",")
    if not plain and rng.random() < .08: t += pick(TAILS)
    return caption_end(t, rng)


def caption_end(t, rng):
    if rng.random() < .3: t += "."
    if rng.random() < .4: t = t[0].upper() + t[1:]
    return t
