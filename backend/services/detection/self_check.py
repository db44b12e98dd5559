"""Does a model see at all? It is asked at load, since a blind one would report a quiet house.

Nothing is known of what a model should find in a drawn picture. But two pictures that have nothing
in common cannot have one answer, and a grey wall has next to nothing on it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.services.detection.detector import Pixels
from backend.services.detection.postprocess import Candidate, believable, without_duplicates

FEW = 3
"""So many things may be seen where there is nothing; real models see none."""

SURE = 0.5
"""The least score of a thing that counts as seen, whatever the owner's threshold is."""

Answer = Sequence[NDArray[Any]]
Ask = Callable[[Pixels], tuple[Answer, list[Candidate]]]
"""What a model answers to a picture, and what of it is read with a score of `SURE` or more."""


def doubt_about(ask: Ask, side: int) -> str | None:
    """Why the model cannot be trusted, in a few words; None where nothing speaks against it.

    Three pictures of `side` x `side` pixels are shown. Raises what `ask` raises.
    """
    blank, found = ask(np.full((side, side, 3), 114, np.uint8))
    stripes, _ = ask(_stripes(side))
    red, _ = ask(glow(side))
    if any(not np.isfinite(one).all() for one in (*blank, *stripes, *red)):
        return "it answers with what is no number"
    if all(map(np.array_equal, stripes, red)):
        return "it gives the same answer to two pictures that have nothing in common"
    seen = len(without_duplicates(believable(found, confidence=SURE)[0]))
    if seen > FEW:
        return f"it sees {seen} things in a picture on which there is nothing"
    return None


def _stripes(side: int) -> Pixels:
    """Upright stripes, blue and white."""
    across = np.arange(side) // max(1, side // 8) % 2
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[:] = np.where(across[:, None] == 0, (200, 40, 20), (240, 240, 240))
    return pixels


def glow(side: int) -> Pixels:
    """Dark above, bright and red below."""
    down = np.linspace(0, 255, side)[:, None, None]
    return np.broadcast_to(down * (0.2, 0.4, 1), (side, side, 3)).astype(np.uint8)
