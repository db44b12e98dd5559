"""Keeps the parts of a process running, and knows how they are."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog

from backend.core.clock import Clock, wait_for
from backend.core.errors import HsiError

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_SOUND_AFTER = 30.0  # so that one failure a minute costs the shortest pause each time
# Longer than a stage needs to end its picture and store what it has; a second one cuts that short.
_CANCEL_EVERY_SECONDS = 3.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PartState:
    """How one part is: whether it runs, since when, and the reason where it does not."""

    running: bool
    since: datetime
    reason: str | None = None


class Supervisor:
    """Runs named parts until it is cancelled; one that fails is started again after a pause.

    The pause doubles with each failure in a row up to 30 s. An expected error (a server that does
    not answer) is one line in the log, anything else is a bug and logged with its trace.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._parts: dict[str, Callable[[], Awaitable[None]]] = {}
        self._woken = asyncio.Event()
        self.states: dict[str, PartState] = {}

    def add(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Add a part; `run` works until it is cancelled."""
        self._parts[name] = run

    def wake(self) -> None:
        """End the pauses of parts that failed: what they need is there again."""
        self._woken.set()
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Run all parts. When cancelled, they are cancelled and have ended when this returns."""
        tasks = [
            asyncio.create_task(self._keep_running(name, run), name=name)
            for name, run in self._parts.items()
        ]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            await _end(tasks)

    async def _keep_running(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        pause = _FIRST_PAUSE
        while True:
            started = self._clock.monotonic()
            self.states[name] = PartState(running=True, since=self._clock.now())
            reason = await self._run_once(name, run)
            if _is_cancelled():
                # An error while it was tidying up has taken the place of the cancellation.
                raise asyncio.CancelledError
            if self._clock.monotonic() - started > _SOUND_AFTER:
                pause = _FIRST_PAUSE
            self.states[name] = PartState(running=False, since=self._clock.now(), reason=reason)
            await wait_for(self._woken, self._clock, pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _run_once(self, name: str, run: Callable[[], Awaitable[None]]) -> str:
        try:
            await run()
        except HsiError as error:
            log.warning("part stopped", part=name, reason=str(error), code=error.code)
            return str(error)
        except Exception as error:
            log.exception("part failed", part=name)
            return f"an unexpected error: {type(error).__name__}"
        log.error("part ended without being asked to", part=name)
        return "it ended without being asked to"


async def _end(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel tasks until all have ended.

    Again and again, since once may not do: before Python 3.12 `asyncio.wait_for`, which drivers
    use, loses a cancellation that comes in the same turn of the loop as what it waits for.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_EVERY_SECONDS)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
