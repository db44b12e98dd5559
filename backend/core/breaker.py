"""A circuit breaker: what does not answer is asked again from time to time, and by one at a time.

closed ──Unavailable──▶ open ──the pause is over──▶ half-open ──the probe succeeds──▶ closed
                         ▲                              │
                         └──────────Unavailable─────────┘
"""

from asyncio import Event
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog

from backend.core import metrics
from backend.core.clock import Clock, wait_for
from backend.core.errors import Unavailable
from backend.core.retry import Pauses

LONGEST_PAUSE = 5.0
"""Seconds; a probe costs little, and people wait for what it finds."""

log = structlog.get_logger(__name__)


class BreakerState(StrEnum):
    """Whether calls are let through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class BreakerView:
    """How a breaker is: since when it is closed, or is not; and why not.

    `steady_at` is the monotonic time of `since`, which knows no jumps.
    """

    state: BreakerState
    since: datetime
    steady_at: float
    reason: str | None = None
    code: str | None = None


def _nothing() -> None:
    pass


class Breaker:
    """Lets calls through to one thing until it is `Unavailable`; then one at a time, after a pause.

    Only `Unavailable` opens it, and only a call that ends well closes it: any other error teaches
    nothing about whether the thing is there. `closed` is called when it closes again.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        closed: Callable[[], None] = _nothing,
        pauses: Pauses | None = None,
    ) -> None:
        self.name = name
        self._clock = clock
        self._closed = closed
        self._pauses = pauses or Pauses(longest=LONGEST_PAUSE)
        self._since = self._stamp()
        self._error: Unavailable | None = None
        self._due = 0.0
        self._is_probed = False
        self._changes = 0
        self._changed = Event()

    @property
    def state(self) -> BreakerState:
        """Whether calls are let through now."""
        if self._error is None:
            return BreakerState.CLOSED
        is_due = self._clock.monotonic() >= self._due
        return BreakerState.HALF_OPEN if is_due else BreakerState.OPEN

    @property
    def view(self) -> BreakerView:
        """How it is, for those who tell people."""
        error = self._error
        reason, code = (None, None) if error is None else (str(error), error.code)
        return BreakerView(self.state, *self._since, reason, code)

    async def ready(self) -> None:
        """Wait until a call would be let through. Who returns first has to make it at once."""
        while not self._lets_through():
            left = self._due - self._clock.monotonic()
            if left > 0:
                await wait_for(self._changed, self._clock, left)
            else:
                await self._changed.wait()  # for the probe to end

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around a call. Raises `Unavailable`, as the last call did, where none is let through."""
        if self._error is not None and not self._lets_through():
            raise Unavailable(str(self._error), code=self._error.code)
        begun_at, is_probe = self._changes, self._error is not None
        self._is_probed = is_probe
        try:
            yield
        except Unavailable as error:
            if begun_at == self._changes:  # else it opened meanwhile, or is known to be well again
                self._open(error)
            raise
        else:
            if is_probe:
                self._close()
        finally:
            if is_probe:
                self._is_probed = False
                self._tell()

    def _lets_through(self) -> bool:
        return self.state is not BreakerState.OPEN and not self._is_probed

    def _stamp(self) -> tuple[datetime, float]:
        return self._clock.now(), self._clock.monotonic()

    def _open(self, error: Unavailable) -> None:
        pause = self._pauses.after()
        if self._error is None:
            self._since = self._stamp()
            metrics.BREAKER_OPENED.labels(breaker=self.name).inc()
        log.warning("breaker open", breaker=self.name, reason=str(error), code=error.code)
        self._error, self._due = error, self._clock.monotonic() + pause
        self._changes += 1
        self._tell()

    def _close(self) -> None:
        self._error, self._since = None, self._stamp()
        self._pauses.begin_anew()
        self._changes += 1
        log.info("breaker closed", breaker=self.name)
        self._closed()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = Event()
