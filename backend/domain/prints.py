"""How alike two things look, told from small prints of their pictures.

A print is 64 bytes: light and dark in 4 x 8 cells (the mean taken out, the contrast made the same),
colour in 2 x 4 cells (two numbers each: red and blue against green), and how much of the edges runs
in which of 8 directions, in the upper and in the lower half. So neither exposure nor contrast
matters, and noise little; a light that falls on a part of the thing does.
"""

import math

LIGHT = slice(0, 32)
COLOUR = slice(32, 48)
EDGES = slice(48, 64)
LENGTH = 64

NO_COLOUR = 128
"""The byte of red, or blue, that is as strong as green; a grey picture has no other."""

_COLOUR_SCALE = 14.0  # bytes of mean difference at which colours are alike by 1/e
_COLOURED = 4.0  # bytes of mean colour from which it is worth comparing
_NEUTRAL = 0.6
_FAINT = 200.0  # square bytes of light and dark; a pattern has ten times as much


def likeness(a: bytes, b: bytes) -> float:
    """0 (nothing in common) to 1 (the same); 0.6, which proves nothing, where a print is missing.

    The same whichever comes first. Colours count by how much of them there is in the greyer of
    both: a camera that has switched to infrared sees none.
    """
    if len(a) != LENGTH or len(b) != LENGTH:
        return _NEUTRAL
    light = max(0.0, _agreement(a[LIGHT], b[LIGHT]))
    edges = _shared(a[EDGES], b[EDGES])
    colour = math.exp(-_mean_difference(a[COLOUR], b[COLOUR]) / _COLOUR_SCALE)
    weight = 0.35 * min(1.0, _colourfulness(a) / _COLOURED, _colourfulness(b) / _COLOURED)
    return (0.4 * light + 0.25 * edges + weight * colour) / (0.65 + weight)


def blended(old: bytes, new: bytes, share: float) -> bytes:
    """A print between two: `share`, 0..1, of the new one. What is missing is not blended."""
    if len(old) != LENGTH or len(new) != LENGTH:
        return new or old
    return bytes(round(a + share * (b - a)) for a, b in zip(old, new, strict=True))


def _agreement(a: bytes, b: bytes) -> float:
    """A correlation, but that what has hardly any pattern is like what has none either."""
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    together = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    alone = sum((x - mean_a) ** 2 for x in a) + sum((y - mean_b) ** 2 for y in b)
    faint = _FAINT * len(a)
    return (together + faint) / (alone / 2 + faint)


def _shared(a: bytes, b: bytes) -> float:
    larger = max(sum(a), sum(b))
    return sum(map(min, a, b)) / larger if larger else 1.0


def _mean_difference(a: bytes, b: bytes) -> float:
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / len(a)


def _colourfulness(print_: bytes) -> float:
    return sum(abs(x - NO_COLOUR) for x in print_[COLOUR]) / len(print_[COLOUR])
