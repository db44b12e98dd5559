"""Which of two ways is faster, by a clock that is moved by hand."""

import pytest

from backend.services.detection.runtimes.speed import speedup


class Work:
    """Two ways that take so many seconds, in turn; `log` has who worked."""

    def __init__(self, usual: float, other: list[float]) -> None:
        self.now = 0.0
        self.log = ""
        self._usual = usual
        self._other = other

    def usual(self) -> None:
        self.log += "A"
        self.now += self._usual

    def other(self) -> None:
        self.now += self._other[self.log.count("B") % len(self._other)]
        self.log += "B"

    def speedup(self) -> float:
        return speedup(self.usual, self.other, lambda: self.now)


def test_it_is_the_median_of_rounds_in_turn() -> None:
    work = Work(0.2, [0.1, 0.1, 5, 0.1, 0.05])
    assert work.speedup() == pytest.approx(2)
    assert work.log == "AB" * 5


def test_what_takes_long_is_measured_twice_only() -> None:
    work = Work(8, [4])
    assert work.speedup() == pytest.approx(2)
    assert work.log == "AB" * 2
