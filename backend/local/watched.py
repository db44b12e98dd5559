"""Processes that are started again when they end, after a pause."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from backend.core.errors import HsiError
from backend.core.retry import Pauses


@dataclass(slots=True)
class Watched:
    """One process, and how it is started. With `once` its end is its own affair."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    once: bool = False
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _started: float = field(default=0.0, init=False)
    _pauses: Pauses = field(default_factory=Pauses, init=False)
    _due: float = field(default=0.0, init=False)

    def run(self) -> None:
        """Start it now. Raises what `start` raises."""
        self._started = time.monotonic()
        self.process = self.start()

    def run_if_due(self, say: Callable[[str], None]) -> None:
        """Start it if it has ended and its pause is over."""
        if self.wait_seconds() != 0:
            return
        try:
            self.run()
        except HsiError as error:
            say(f"{self.name}: {error}; again in {self._rest():.0f} s")

    def note_end(self, say: Callable[[str], None]) -> None:
        """See whether it has ended, and say so."""
        if self.process is None or self.process.poll() is None:
            return
        end = ending(self.process.returncode)
        self.process = None
        if self.once:
            if end != "ended":
                say(f"{self.name} {end}")
            return
        ran = time.monotonic() - self._started
        say(f"{self.name} {end}; again in {self._rest(ran):.0f} s")

    def wait_seconds(self) -> float | None:
        """Until it is to be started; None while it runs, or if it will not be."""
        if self.process is not None or self.once:
            return None
        return max(0.0, self._due - time.monotonic())

    def _rest(self, ran: float = 0.0) -> float:
        pause = self._pauses.after(ran)
        self._due = time.monotonic() + pause
        return pause


def ending(returncode: int) -> str:
    """How a process ended, in words."""
    if returncode == 0:
        return "ended"
    if returncode < 0:
        return f"was ended by {signal.Signals(-returncode).name}"
    return f"failed (exit status {returncode})"


def wait_for_change(watched: Sequence[Watched], *, longest: float | None = None) -> None:
    """Sleep until one of the processes ends, one is due, or the time is over."""
    poller = select.poll()
    descriptors = [os.pidfd_open(one.process.pid) for one in watched if one.process is not None]
    waits = [wait for one in watched if (wait := one.wait_seconds()) is not None]
    if longest is not None:
        waits.append(longest)
    try:
        for descriptor in descriptors:
            poller.register(descriptor, select.POLLIN)
        # Rounded up: a millisecond too early would be a turn for nothing.
        poller.poll(int(min(waits) * 1000) + 1 if waits else None)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
