"""Keeps the parts of a process running, and knows how they are."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog

from backend.core.clock import Clock, wait_for
from backend.core.errors import HsiError
from backend.core.retry import SOUND_AFTER, Pauses

# Longer than a stage needs to end its picture and store what it has; a second one cuts that short.
_CANCEL_EVERY_SECONDS = 3.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PartState:
    """How one part is: whether it runs, since when, and the reason where it does not.

    One that fails again and again does not run since the first time. `code` is that of an expected
    error. `steady_at` is the monotonic time of `since`, which knows no jumps.
    """

    running: bool
    since: datetime
    steady_at: float
    reason: str | None = None
    code: str | None = None


class Supervisor:
    """Runs named parts until it is cancelled; one that fails is started again after a pause.

    The pause grows with each failure in a row, as `Pauses` has it. An expected error (a server that
    does not answer) is one line in the log, anything else is a bug and logged with its trace.
    """

    def __init__(self, clock: Clock, *, pauses: Callable[[], Pauses] = Pauses) -> None:
        self._clock = clock
        self._pauses = pauses
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
            await end(tasks)

    async def _keep_running(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        pauses = self._pauses()
        failing: tuple[datetime, float] | None = None
        while True:
            started = self._clock.monotonic()
            self.states[name] = PartState(True, self._clock.now(), started)
            reason, code = await self._run_once(name, run)
            if _is_cancelled():
                # An error while it was tidying up has taken the place of the cancellation.
                raise asyncio.CancelledError
            ran = self._clock.monotonic() - started
            if failing is None or ran > SOUND_AFTER:
                failing = self._clock.now(), self._clock.monotonic()
            self.states[name] = PartState(False, *failing, reason, code)
            await wait_for(self._woken, self._clock, pauses.after(ran))

    async def _run_once(
        self, name: str, run: Callable[[], Awaitable[None]]
    ) -> tuple[str, str | None]:
        """Run it to its end; why it ended, and the code of an expected error."""
        try:
            await run()
        except HsiError as error:
            log.warning("part stopped", part=name, reason=str(error), code=error.code)
            return str(error), error.code
        except Exception as error:
            log.exception("part failed", part=name)
            return f"an unexpected error: {type(error).__name__}", None
        log.error("part ended without being asked to", part=name)
        return "it ended without being asked to", None


async def end(tasks: Iterable["asyncio.Task[None]"]) -> None:
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
