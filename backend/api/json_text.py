"""JSON as a client writes it, taken strictly."""

import json
from collections import Counter
from typing import Any

from backend.core.errors import Invalid


def parsed(text: str | bytes) -> object:
    """What the text says. Raises `Invalid` where a name stands twice in an object.

    For what cannot be read it raises `ValueError`, or `RecursionError`.
    """
    value: object = json.loads(text, object_pairs_hook=_named_once)
    return value


def _named_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    counted = Counter(name for name, _ in members)
    repeated = sorted(name for name, times in counted.items() if times > 1)
    if repeated:
        raise Invalid(f"{', '.join(repeated)}: given more than once", code="member.repeated")
    return dict(members)
