"""What the owner said is never what the detector takes it for: a coat on its hanger, a statue."""

from collections.abc import Iterable
from dataclasses import dataclass

from backend.domain.boxes import Box, overlap
from backend.domain.prints import likeness
from backend.domain.tracks import kind_of

LEAST_OVERLAP = 0.5
LEAST_LIKENESS = 0.7
"""Of the look: a person who stands before the coat looks like no coat."""

LONGEST_DAYS = 365
USUAL_DAYS = 30
MOST_SUPPRESSIONS = 100
"""Of one camera at a time: each is compared with all that is found there."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """A class, a place and a look that do not count. An empty print is like everything's."""

    id: int
    class_name: str
    box: Box
    print: bytes = b""


def hides(suppression: Suppression, class_name: str, box: Box, print_: bytes) -> bool:
    """Whether what was found is what the owner spoke of: of its kind, in its place, and like it."""
    return (
        kind_of(class_name) == kind_of(suppression.class_name)
        and overlap(suppression.box, box) >= LEAST_OVERLAP
        and (
            not (suppression.print and print_)
            or likeness(suppression.print, print_) >= LEAST_LIKENESS
        )
    )


def hidden_by(
    suppressions: Iterable[Suppression], class_name: str, box: Box, print_: bytes
) -> Suppression | None:
    """The first suppression that hides what was found, or None."""
    return next((one for one in suppressions if hides(one, class_name, box, print_)), None)
