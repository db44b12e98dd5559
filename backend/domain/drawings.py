"""What people have drawn on a camera's picture."""

from dataclasses import dataclass

from backend.domain.lines import Line
from backend.domain.masks import Mask
from backend.domain.zones import Zone


@dataclass(frozen=True, slots=True)
class Drawings:
    """The zones, lines and privacy masks of one camera."""

    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    masks: tuple[Mask, ...] = ()
