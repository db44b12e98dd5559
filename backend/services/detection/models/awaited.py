"""The model that an owner asked for before it was here: fetched while motion works, then used.

It is fetched by a process of its own, which may take its time and crash over a file; when it has
come, `ModelSwitch` takes it up as if it had been chosen by hand.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from backend.core.clock import Clock
from backend.core.disk_threads import InThread
from backend.core.retry import Pauses
from backend.services.detection.models.catalogue import catalogue, first_model
from backend.services.detection.models.folder import OTHERS_SECONDS, ModelFolder

LOOK_EVERY_SECONDS = 2.0
LONGEST_PAUSE = 1800.0
AT_FAULT = 2
"""The status with which the process ends where what came is at fault."""
AT_FAULT_PAUSE = 86_400.0
"""Until that is fetched again: each time costs the whole file, and helps seldom."""
_LEAVE_SECONDS = 2.0
_HOME = Path(__file__).parents[4]
"""Where `backend` is found, whatever folder we are in."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Awaited:
    """How far a model is, in bytes; and why it was not to be had at the last try.

    No reason is left once more of it comes.
    """

    model: str
    done: int
    size: int | None
    reason: str | None


class AwaitedModel:
    """Sees which model is awaited, and has `command` fetch it until it is there.

    `state` says how that goes; None where none is awaited. With `asks_first`, the first model is,
    as long as nobody has chosen any.
    """

    def __init__(
        self,
        folder: ModelFolder,
        command: Sequence[str],
        clock: Clock,
        *,
        asks_first: bool,
        in_thread: InThread = asyncio.to_thread,
    ) -> None:
        self.state: Awaited | None = None
        self._folder = folder
        self._command = command
        self._clock = clock
        self._asks_first = asks_first
        self._in_thread = in_thread
        self._process: subprocess.Popen[bytes] | None = None
        self._name: str | None = None
        self._reason: str | None = None
        self._pauses = Pauses(longest=LONGEST_PAUSE)
        self._due = clock.monotonic()
        self._was_here = False
        self._done_before = 0

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        try:
            if self._asks_first:
                await self._in_thread(ask_for_first, self._folder)
            while True:
                await self.look()
                await self._clock.sleep(LOOK_EVERY_SECONDS)
        finally:
            await self._stop()

    async def look(self) -> None:
        """Begin to fetch what is awaited, see how far that is, or end it."""
        manifest = await self._in_thread(self._folder.read)
        awaited = manifest.awaited
        if awaited != self._name:
            await self._stop()
            self._name, self._reason, self._due = awaited, None, self._clock.monotonic()
            self._pauses.begin_anew()
        if awaited is None:
            self.state = None
            return
        done = await self._in_thread(self._folder.size_of_part, awaited)
        if self._process is not None and self._process.poll() is not None:
            self._note_end(self._process, has_grown=done > self._done_before)
        is_here = awaited in manifest.models
        if is_here and not self._was_here:  # brought by hand: it has only to be used
            self._due = self._clock.monotonic()
        self._was_here = is_here
        if self._process is None and self._clock.monotonic() >= self._due:
            await self._begin(awaited, done)
        comes = self._process is not None and done > self._done_before
        self.state = Awaited(awaited, done, _size_of(awaited), None if comes else self._reason)

    async def _begin(self, name: str, done: int) -> None:
        if await self._in_thread(self._folder.is_fetching, name):  # by another worker, or by hand
            self._reason = None
            return
        log.info("a model is fetched", model=name)
        self._done_before = done
        command = [*self._command, "--parent", str(os.getpid())]
        paths = filter(None, (str(_HOME), os.environ.get("PYTHONPATH")))
        try:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - wiring's; from the main thread
                command,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                process_group=0,
            )
        except OSError as error:
            self._fail(f"it cannot be begun: {error.strerror}", self._pauses.after())

    def _note_end(self, process: subprocess.Popen[bytes], *, has_grown: bool) -> None:
        self._process = None
        status, said = process.returncode, _last_line(process)
        if status == 0:
            log.info("the model that was awaited is here", model=self._name)
            return
        if has_grown:
            self._pauses.begin_anew()
        pause = AT_FAULT_PAUSE if status == AT_FAULT else self._pauses.after()
        self._fail(said or f"its process ended with status {status}", pause)

    def _fail(self, reason: str, pause: float) -> None:
        self._reason = reason
        self._due = self._clock.monotonic() + pause
        log.warning("the model that is awaited is not to be had", model=self._name, reason=reason)

    async def _stop(self) -> None:
        """End the process; what came stays."""
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(_end, process)


def ask_for_first(folder: ModelFolder) -> None:
    """Have the first model awaited, if nobody has chosen or added any."""
    with folder.changing(patience=OTHERS_SECONDS):
        if folder.mark() is None:
            folder.wait_for(first_model().name)


def _size_of(name: str) -> int | None:
    entry = catalogue().get(name)
    return entry.source.size if entry is not None and entry.source is not None else None


def _last_line(process: subprocess.Popen[bytes]) -> str:
    """What it said at the end, as `hsi` says why."""
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    with process.stderr:
        lines = process.stderr.read().decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("hsi: ") if lines else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and what it has started; none of it is worth waiting for."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LEAVE_SECONDS)
            break
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    process.stderr.close()
