"""A worker's end of its model's process."""

import asyncio
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Self

from backend.core.errors import Unavailable
from backend.services.detection.detector import Findings, Pixels
from backend.services.detection.process.handover import (
    Asked,
    Failure,
    Introduction,
    SharedPixels,
    line_of,
    read_line,
)

_HOME = Path(__file__).parents[4]
"""Where `backend` is found, whatever folder we are in."""
PROGRAM = "backend.services.detection.process"
START_SECONDS = 120.0
"""For the process to start and to load the model, on a busy machine as well."""
_LEAVE_SECONDS = 1.0
_KILLED_WITHIN_SECONDS = 5.0
_MOST_BYTES = 1_000_000  # of a line; 300 boxes are 60 KB


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model, and how it is run: with so many threads, for what is at least so sure (0..1), and by
    which runtime."""

    path: Path
    threads: int
    confidence: float
    runtime: str


class NotTaken(Exception):  # noqa: N818 - nothing has happened to the picture
    """The process ended, or stood still, before it began with the picture."""


class RuntimeDied(Exception):  # noqa: N818 - a bug, of the runtime's; not a kind of expected error
    """The process ended, or stood still, at a picture: perhaps the picture was the reason."""


class _Ended(Exception):  # noqa: N818
    """No line comes any more."""


class ModelProcess:
    """A process that has loaded a model. Asked one picture at a time; once it failed, never again.

    Started from the main thread, since it ends with the thread that started it. It leads a process
    group of its own, so that Ctrl-C in a terminal reaches only us.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        pixels: SharedPixels,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.is_sound = True
        self.introduction = Introduction("", 0, "", None)
        self._process = process
        self._pixels = pixels
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, model: ModelFile) -> Self:
        """A new process, its model loaded and checked.

        Raises `Invalid` as `load_chosen` does; `Unavailable` (`detector.process`) where it does not
        come so far.
        """
        try:
            ours, process, pixels = _spawn(model)
        except OSError as error:
            raise Unavailable(
                f"the model's process cannot be started: {error.strerror}", code="detector.process"
            ) from error
        reader, writer = await asyncio.open_connection(sock=ours, limit=_MOST_BYTES)
        made = cls(process, pixels, reader, writer)
        try:
            await made._get_to_know(model)
        except BaseException:
            await made.end(at_once=True)
            raise
        return made

    async def look(self, pixels: Pixels, *, patience: float) -> Findings:
        """What the model sees; `patience` are the seconds that it may take.

        Raises `NotTaken`, `RuntimeDied`; `Unavailable` if the model failed to answer.
        """
        self.is_sound = False  # until it has answered: who is cancelled meanwhile leaves it so
        await asyncio.to_thread(self._pixels.put, pixels)
        height, width = pixels.shape[:2]
        said = await self._answer_to(Asked(height, width), patience)
        self.is_sound = True
        if isinstance(said, Failure):
            raise said.as_error()
        assert isinstance(said, Findings)  # noqa: S101 - it says nothing else
        return said

    async def end(self, *, at_once: bool = False) -> None:
        """End it: where it is sound and not `at_once`, by its own doing, within a second."""
        self._writer.close()
        self._pixels.close()
        seconds = _LEAVE_SECONDS if self.is_sound and not at_once else 0.0
        await asyncio.to_thread(_end, self._process, seconds)

    async def _get_to_know(self, model: ModelFile) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                said = await self._hear()
        except (TimeoutError, _Ended) as error:
            how = await self._how_it_ended(error, START_SECONDS)
            raise Unavailable(
                f"the process of the model {model.path} {how} while it loaded it",
                code="detector.process",
            ) from error
        if isinstance(said, Failure):
            raise said.as_error()
        assert isinstance(said, Introduction)  # noqa: S101
        self.introduction = said

    async def _answer_to(self, asked: Asked, patience: float) -> object:
        is_taken = False
        try:
            async with asyncio.timeout(patience):
                self._writer.write(line_of(asked))
                await self._hear()
                is_taken = True
                return await self._hear()
        except (TimeoutError, _Ended) as error:
            if not is_taken:
                raise NotTaken from error
            how = await self._how_it_ended(error, patience)
            raise RuntimeDied(f"the model's process {how} at this picture") from error

    async def _hear(self) -> object:
        try:
            line = await self._reader.readline()
        except (ConnectionError, ValueError) as error:
            raise _Ended from error
        if not line.endswith(b"\n"):
            raise _Ended
        return read_line(line)

    async def _how_it_ended(self, error: Exception, seconds: float) -> str:
        if isinstance(error, TimeoutError):
            self._process.kill()  # it may be running in circles
            return f"gave no answer within {seconds:g} s"
        await asyncio.to_thread(_end, self._process, _LEAVE_SECONDS)
        status = self._process.returncode
        if status is not None and status < 0:
            return f"was ended by {Signals(-status).name}"
        return f"ended (exit status {status})"


def _spawn(model: ModelFile) -> tuple[socket.socket, subprocess.Popen[bytes], SharedPixels]:
    ours, theirs = socket.socketpair()
    with theirs, ExitStack() as undo:
        undo.callback(ours.close)
        pixels = SharedPixels.make()
        undo.callback(pixels.close)
        command = [
            *(sys.executable, "-m", PROGRAM),
            *("--parent", str(os.getpid())),
            *("--line", str(theirs.fileno())),
            *("--pixels", str(pixels.descriptor)),
            *("--threads", str(model.threads)),
            *("--confidence", repr(model.confidence)),
            *("--runtime", model.runtime),
            str(model.path.absolute()),
        ]
        process = subprocess.Popen(  # noqa: S603 - our own
            command,
            cwd=_HOME,
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), pixels.descriptor),
            process_group=0,
        )
        undo.pop_all()
    return ours, process, pixels


def _end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait so long for its end, and then kill it."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return
    process.kill()
    with suppress(subprocess.TimeoutExpired):  # only one that waits for a broken disk
        process.wait(_KILLED_WITHIN_SECONDS)
