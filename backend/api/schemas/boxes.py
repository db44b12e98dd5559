"""Boxes, as they are stored and as they are shown."""

from collections.abc import Sequence

SIDES = ("x", "y", "width", "height")


def as_box(numbers: Sequence[float]) -> dict[str, float]:
    """Left, top, width and height as the API shows them, to four places."""
    return {side: round(number, 4) for side, number in zip(SIDES, numbers, strict=True)}
