"""What enrichers said of one thing over and over, summed up without knowing the enricher."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

Enrichment = Mapping[str, Any]
"""What each enricher said of a detection, by the enricher's name."""


def summed_up(given: Iterable[Enrichment]) -> dict[str, dict[str, Any]]:
    """By enricher and by member: of numbers the greatest, of words how often each was said, of
    shares by name their means, the greatest first. Whatever else was said is left out."""
    said: dict[str, dict[str, list[Any]]] = {}
    for enrichment in given:
        for source, members in enrichment.items():
            for member, value in members.items():
                said.setdefault(source, {}).setdefault(member, []).append(value)
    summed = {
        source: {name: _summed(values) for name, values in members.items()}
        for source, members in said.items()
    }
    return {
        source: {name: value for name, value in members.items() if value is not None}
        for source, members in summed.items()
    }


def _summed(values: list[Any]) -> float | dict[str, Any] | None:
    if all(isinstance(value, str) for value in values):
        return dict(Counter(values).most_common())
    if all(_is_number(value) for value in values):
        return float(max(values))
    if all(isinstance(value, Mapping) and all(map(_is_number, value.values())) for value in values):
        return _means(values)
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _means(shares: list[Mapping[str, float]]) -> dict[str, float]:
    sums: Counter[str] = Counter()
    for one in shares:
        sums.update(one)
    means = {name: round(total / len(shares), 2) for name, total in sums.items()}
    return dict(sorted(means.items(), key=lambda item: (-item[1], item[0])))
