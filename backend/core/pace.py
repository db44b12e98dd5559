"""How long the answers of one thing take: is it slow?"""

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
    """

    def __init__(self, clock: Clock, *, limit: float) -> None:
        self._clock = clock
        self.limit = limit
        self._begun: dict[object, float] = {}
        self._slow_in_a_row = 0
        self._since = clock.now()
        self._took = 0.0
        self._ended_at = clock.monotonic()

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Around a call."""
        call = object()
        begun = self._begun[call] = self._clock.monotonic()
        try:
            yield
        finally:
            del self._begun[call]
            self._note(self._clock.monotonic() - begun)

    def _note(self, took: float) -> None:
        self._took, self._ended_at = took, self._clock.monotonic()
        if took <= self.limit:
            self._slow_in_a_row = 0
            return
        if self._slow_in_a_row == 0:
            self._since = self._clock.now() - timedelta(seconds=took)
        self._slow_in_a_row += 1

    @property
    def slowness(self) -> Slowness | None:
        """How slow it is; None where it is not, as far as anybody knows."""
        now = self._clock.monotonic()
        going_on = max((now - begun for begun in self._begun.values()), default=0.0)
        if going_on > NO_ANSWER_TIMES * self.limit:
            since = self._clock.now() - timedelta(seconds=going_on)
            return Slowness(going_on, since, answered=False)
        is_known = now - self._ended_at < _FORGOTTEN_AFTER_SECONDS or bool(self._begun)
        if self._slow_in_a_row >= SLOW_IN_A_ROW and is_known:
            return Slowness(self._took, self._since)
        return None
