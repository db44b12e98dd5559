"""Files whose reading has no answer in time: each is found again once it has one."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from backend.core.disk_threads import InThread
from backend.core.errors import Unavailable

if TYPE_CHECKING:
    from backend.services.ingest.stage import FoundFile

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Reading:
    """A file, and what is read of it; not `current` where the file was found anew meanwhile."""

    file: "FoundFile"
    answer: "Future[Any]"
    current: bool = True

    def is_good_for(self, file: "FoundFile") -> bool:
        return self.current and self.file is file and self.answer.exception() is None


class LateFiles:
    """Reads files, and is the source of those whose answer comes late.

    While it has no answer a reading keeps its thread, and its file is not read once more: so no
    more files are late than the disk has threads. The answer is kept until the file has been taken
    in: a slow disk gets on too. After a restart the scan finds them.
    """

    def __init__(self, in_thread: InThread) -> None:
        self._in_thread = in_thread
        self._readings: dict[str, _Reading] = {}
        self._ended = asyncio.Event()

    @property
    def unanswered(self) -> list[str]:
        """The files that have no answer yet, as text, for health."""
        late = [one for one in self._readings.values() if not one.answer.done()]
        return sorted(one.file.recorded for one in late)

    async def read(self, file: "FoundFile", work: Callable[[], Answer]) -> Answer | None:
        """What the work on a file gives; None where that is late, and the file found again.

        Raises `Unavailable` where the disk has no thread left to begin it.
        """
        late = self._readings.get(file.relative)
        if late is not None and not late.answer.done():
            late.current = late.current and late.file is file
            late.file = file
            return None
        if late is not None and late.is_good_for(file):
            answered: Answer = late.answer.result()
            return answered
        answer: Future[Answer] = Future()
        try:
            await self._in_thread(_answer, answer, work)
        except Unavailable:
            if answer.cancel():  # it was not begun, and never will be
                raise
            if not answer.done():
                self._keep(file, answer)
                return None
        return answer.result()

    async def batches(self) -> AsyncGenerator[Sequence["FoundFile"], None]:
        """The late files, one by one, each once its reading has ended."""
        while True:
            self._ended.clear()
            for late in [one for one in self._readings.values() if one.answer.done()]:
                yield [late.file]
                if self._readings.get(late.file.relative) is late:
                    del self._readings[late.file.relative]
            await self._ended.wait()

    def _keep(self, file: "FoundFile", answer: "Future[Answer]") -> None:
        log.warning("a file does not answer, the others go on", path=file.recorded)
        self._readings[file.relative] = _Reading(file, answer)
        loop = asyncio.get_running_loop()
        answer.add_done_callback(lambda _: self._tell(loop))

    def _tell(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(self._ended.set)


def _answer(answer: "Future[Answer]", work: Callable[[], Answer]) -> None:
    """Do the work in a thread, where somebody still wants it."""
    if not answer.set_running_or_notify_cancel():
        return
    try:
        answer.set_result(work())
    except Exception as error:  # noqa: BLE001 - it is raised where the answer is asked for
        answer.set_exception(error)
