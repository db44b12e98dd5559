"""What the owner said is never what the detector takes it for: a coat on its hanger, a statue."""

from collections.abc import Iterable
from dataclasses import dataclass

from backend.domain.boxes import Box, overlap
from backend.domain.prints import likeness
from backend.domain.tracks import kind_of, lives

LEAST_OVERLAP, LEAST_LIKENESS = 0.5, 0.7

LEAST_OVERLAP_LIVING, LEAST_LIKENESS_LIVING = 0.7, 0.85
"""Of what lives, or seems to: many a visitor looks a little like the one before, in the same place,
and what never is one stays where it is."""

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
    kind = kind_of(suppression.class_name)
    if kind_of(class_name) != kind:
        return False
    least_overlap, least_likeness = LEAST_OVERLAP, LEAST_LIKENESS
    if lives(kind):
        least_overlap, least_likeness = LEAST_OVERLAP_LIVING, LEAST_LIKENESS_LIVING
    if overlap(suppression.box, box) < least_overlap:
        return False
    has_looks = suppression.print and print_
    return not has_looks or likeness(suppression.print, print_) >= least_likeness


def hidden_by(
    suppressions: Iterable[Suppression], class_name: str, box: Box, print_: bytes
) -> Suppression | None:
    """The first suppression that hides what was found, or None."""
    return next((one for one in suppressions if hides(one, class_name, box, print_)), None)
