"""Which of two ways is faster here: measured side by side, since nothing else says it."""

import time
from collections.abc import Callable
from statistics import median

_ROUNDS = 5
_LEAST_ROUNDS = 2
_LONGEST = 10.0  # seconds: a large model on a small machine has its answer after two rounds


def speedup(
    usual: Callable[[], object],
    other: Callable[[], object],
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """How many times as fast `other` is: the median of some rounds, in turn. Both are warm."""
    begun = clock()
    ratios: list[float] = []
    while len(ratios) < _ROUNDS:
        if len(ratios) >= _LEAST_ROUNDS and clock() - begun > _LONGEST:
            break
        ratios.append(_seconds(usual, clock) / _seconds(other, clock))
    return median(ratios)


def _seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    begun = clock()
    work()
    return clock() - begun
