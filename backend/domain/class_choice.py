"""Which classes of objects a zone or a line is about."""

import difflib
from collections.abc import Iterable, Sequence

from backend.domain.boxes import Detection
from backend.domain.classes import GROUPS

CHOICES: tuple[str, ...] = tuple(dict.fromkeys([*GROUPS, *GROUPS.values()]))
"""What can be named: a class, or a group for all its classes."""


def class_choice(raw: object) -> frozenset[str]:
    """The classes and groups that somebody named; none means all.

    Raises `ValueError` for what is not known, with what may have been meant.
    """
    if isinstance(raw, str) or not isinstance(raw, Sequence | frozenset | set):
        raise ValueError('must be a list of classes, like ["person", "vehicle"]')  # noqa: TRY004
    return frozenset(_known(one) for one in raw)


def is_chosen(choice: frozenset[str], detection: Detection) -> bool:
    """Whether a detection is of a chosen class, by its own class or by an alternative.

    An object that looked like two classes counts for both: to miss it is worse.
    """
    names = (detection.class_name, *(name for name, _ in detection.alternatives))
    return is_chosen_class(choice, names)


def is_chosen_class(choice: frozenset[str], names: Iterable[str]) -> bool:
    """Whether one of these classes is chosen, itself or with its group."""
    return not choice or any(name in choice or GROUPS.get(name) in choice for name in names)


def _known(name: object) -> str:
    if isinstance(name, str):
        if name in CHOICES:
            return name
        near = difflib.get_close_matches(name.lower()[:40], CHOICES, n=1, cutoff=0.5)
        if near:
            raise ValueError(f"has a class that is not known: did you mean {near[0]}?")
    raise ValueError(f"must be of these classes: {', '.join(CHOICES)}")
