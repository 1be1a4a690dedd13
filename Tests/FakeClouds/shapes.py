"""Sizes, ratios and unknown fields, as all fakes read them."""

RATIOS = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1), "4:3": (4, 3), "3:4": (3, 4), "21:9": (21, 9),
          "9:21": (9, 21), "3:2": (3, 2), "2:3": (2, 3)}


def size(side, ratio="16:9"):
    """The size of a shorter side in pixels and a ratio."""
    width, height = RATIOS.get(ratio, (16, 9))
    long = round(side * max(width, height) / min(width, height) / 2) * 2
    return (long, side) if width >= height else (side, long)


def unknown(fields, known):
    return sorted(set(fields) - set(known))
