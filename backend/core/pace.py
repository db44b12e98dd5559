"""How long the answers of one thing take: is it slow?"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.core.clock import Clock

SLOW_IN_A_ROW = 3
NO_ANSWER_TIMES = 5
"""A call that goes on for so many times the limit counts as slow before it has ended."""
_FORGOTTEN_AFTER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Slowness:
    """How long the last call took, or has gone on without an answer; and since when it is so."""

    seconds: float
    since: datetime
    answered: bool = True


class Pace:
    """Times calls, be they one after the other or several at once.

    Slow are three in a row that took longer than `limit` seconds, and one that has gone on for five
    times as long. It is over with a call that is quicker, or when nobody has asked for a minute.
    In a row are calls of which each began when the one before had ended: those that one stall held
    up together count once. What was cancelled within the limit says nothing.
    """

    def __init__(self, clock: Clock, *, limit: float) -> None:
        self._clock = clock
        self.limit = limit
        self._begun: dict[object, float] = {}
        self._slow_in_a_row = 0
        self._since = clock.now()
        self._took = 0.0
        self._ended_at = self._slow_ended_at = clock.monotonic()

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Around a call."""
        if not self._is_known:
            self._slow_in_a_row = 0
        call = object()
        begun = self._begun[call] = self._clock.monotonic()
        cancelled = False
        try:
            yield
        except asyncio.CancelledError:
            cancelled = True
            raise
        finally:
            del self._begun[call]
            if not cancelled or self._clock.monotonic() - begun > self.limit:
                self._note(begun)

    def _note(self, begun: float) -> None:
        self._ended_at = self._clock.monotonic()
        self._took = self._ended_at - begun
        if self._took <= self.limit:
            self._slow_in_a_row = 0
        elif begun >= self._slow_ended_at:
            self._note_slow()

    def _note_slow(self) -> None:
        self._slow_ended_at = self._ended_at
        if self._slow_in_a_row == 0:
            self._since = self._clock.now() - timedelta(seconds=self._took)
        self._slow_in_a_row += 1

    @property
    def _is_known(self) -> bool:
        """Whether what is known is not too old."""
        quiet = self._clock.monotonic() - self._ended_at
        return quiet < _FORGOTTEN_AFTER_SECONDS or bool(self._begun)

    @property
    def slowness(self) -> Slowness | None:
        """How slow it is; None where it is not, as far as anybody knows."""
        now = self._clock.monotonic()
        going_on = max((now - begun for begun in self._begun.values()), default=0.0)
        if going_on > NO_ANSWER_TIMES * self.limit:
            since = self._clock.now() - timedelta(seconds=going_on)
            return Slowness(going_on, since, answered=False)
        if self._slow_in_a_row >= SLOW_IN_A_ROW and self._is_known:
            return Slowness(self._took, self._since)
        return None
