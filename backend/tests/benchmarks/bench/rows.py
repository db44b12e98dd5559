"""What a figure came to: the median of its rounds, an interval, and its goal."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import comb
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound, both ends included: at most, or at least."""

    most: float | None = None
    least: float | None = None

    def __str__(self) -> str:
        if self.most == self.least:
            return f"= {self.most:g}"
        return f"<= {self.most:g}" if self.most is not None else f">= {self.least:g}"

    def is_met(self, value: float) -> bool:
        """Whether a value keeps it."""
        return (self.most is None or value <= self.most) and (
            self.least is None or value >= self.least
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """A model by a runtime: pictures per second of the product, and of what it is compared with."""

    model: str
    runtime: str
    ours: float
    compared: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    `ratio` is measured / compared, or where `unit` is not `x` the measured quantity itself; None
    where nothing was measured, and `note` says why.
    """

    id: str
    measured: str
    compared: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = "x"
    goal: Goal | None = None
    rounds: int = 0
    note: str = ""
    pace: Pace | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None where there is none, or nothing was measured."""
        if self.goal is None or self.ratio is None:
            return None
        return self.goal.is_met(self.ratio)

    def as_json(self) -> dict[str, Any]:
        """The row for programs."""
        return {
            "id": self.id,
            "ratio": self.ratio,
            "low": self.low,
            "high": self.high,
            "unit": self.unit,
            "measured": self.measured,
            "compared": self.compared,
            "goal": None if self.goal is None else str(self.goal),
            "met": self.is_met,
            "rounds": self.rounds,
            "note": self.note,
            **({} if self.pace is None else {"pace": asdict(self.pace)}),
        }


def row_of(
    figure: str,
    measured: str,
    compared: str,
    values: Sequence[float],
    *,
    unit: str = "x",
    goal: Goal | None = None,
    note: str = "",
    pace: Pace | None = None,
) -> Row:
    """The row of one value a round."""
    low, high = interval(values)
    median = statistics.median(values)
    return Row(figure, measured, compared, median, low, high, unit, goal, len(values), note, pace)


def ratios(ours: Sequence[float], floor: Sequence[float]) -> list[float]:
    """Round by round: what was measured one after the other is compared."""
    return [a / b for a, b in zip(ours, floor, strict=True)]


def interval(values: Sequence[float], *, confidence: float = 0.95) -> tuple[float, float]:
    """An interval that holds the true median with this confidence, whatever the distribution.

    By order statistics: of n rounds the k-th lowest and k-th highest, with the largest k that the
    confidence allows (7 rounds: the lowest and the highest, 98 %). With fewer than 6 rounds no
    interval has it; then it is all of the range.
    """
    ordered, n = sorted(values), len(values)
    outside = 0.0
    k = 0
    while k < n // 2:
        outside += 2 * comb(n, k) / 2**n
        if 1 - outside < confidence:
            break
        k += 1
    k = max(k, 1)
    return ordered[k - 1], ordered[n - k]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
