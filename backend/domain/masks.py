"""Privacy masks: parts of a camera's picture that nobody and nothing may see."""

from dataclasses import dataclass

from backend.domain.shapes import Points

MOST_MASKS = 20
"""Of one camera."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A polygon that is painted over before anything looks at the picture, at all hours."""

    name: str
    points: Points
    enabled: bool = True
