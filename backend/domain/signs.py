"""What is known of a detection beside the picture: through its track, and by zones and lines.

Signs are stored with the detection as they were at that moment, so that a score can be made again
from them whatever becomes of the track, or of what people have drawn.
"""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["inwards", "outwards"]
"""Over a line; see `domain.lines.Line`."""


@dataclass(frozen=True, slots=True)
class InZone:
    """A zone that it was in: with its weight then, and for how many seconds so far.

    `entered`: it came in just now, having been seen outside before.
    """

    name: str
    weight: int
    seconds: float = 0.0
    entered: bool = False


@dataclass(frozen=True, slots=True)
class Crossed:
    """A line that it has just crossed; `words` are the owner's for this direction."""

    line: str
    direction: Direction
    words: str


@dataclass(frozen=True, slots=True)
class Signs:
    """`zones` has the one of the highest priority first; `left` are those it has just gone out of.

    `still` is for how many seconds it has stood where it stands; `approach` is how many times
    larger it is than at its first sight. `arrived`: it has just come to stand, or has come back;
    `departed`: it belonged to the scene and leaves.
    """

    zones: tuple[InZone, ...] = ()
    left: tuple[str, ...] = ()
    crossed: tuple[Crossed, ...] = ()
    still: float = 0.0
    approach: float = 1.0
    arrived: bool = False
    departed: bool = False


NO_SIGNS = Signs()
