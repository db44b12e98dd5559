"""Brings pictures of several requests together into one run of the model."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from backend.core.errors import Unavailable
from backend.services.detection.detector import Findings, Pixels
from backend.services.detection.runtimes.network import Engine

_WEIGHT = 0.2  # of the newest run in the mean

log = logging.getLogger(__name__)

Asked = tuple[Pixels, float]
"""A picture, and the least confidence that a detection in it needs."""


class Model(Protocol):
    """What the batcher runs; one thread at a time."""

    name: str
    sight: int
    takes_batches: bool
    engine: Engine
    """What runs it."""
    doubt: str | None
    """Why what it sees cannot be trusted, where it cannot."""

    def look(self, asked: Sequence[Asked]) -> list[Findings]:
        """What is seen in each picture. Raises `Unavailable`, whichever picture it failed at."""
        ...


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen in one picture, and how long the run took that it was in."""

    findings: Findings
    milliseconds: float


@dataclass(frozen=True, slots=True)
class _Waiting:
    asked: Asked
    answer: "asyncio.Future[Looked]"


class Batcher:
    """One run after the other, in a thread of its own, so that the event loop is always free.

    What has come while the model was at work goes into the next run, `most` pictures at most. A run
    waits up to `wait` seconds for more, but only while some are `on_the_way`: who comes alone never
    waits. A picture at which the model fails does not harm those beside it: each is tried alone.
    """

    def __init__(
        self,
        model: Model,
        *,
        most: int,
        wait: float,
        on_the_way: Callable[[], int],
        clock: Callable[[], float],
        ran: Callable[[int, float], None] = lambda *_: None,
    ) -> None:
        self.model = model
        self.seconds_each = 0.0
        """What a picture takes, as a mean of the last runs."""
        self.began_at: float | None = None
        """When the run began that is going on."""
        self.failed_in_a_row = 0
        self._most = most if model.takes_batches else 1
        self._wait = wait
        self._on_the_way = on_the_way
        self._clock = clock
        self._ran = ran
        self._waiting: deque[_Waiting] = deque()
        self._changed = asyncio.Event()
        self._is_over = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")

    @property
    def waiting(self) -> int:
        """How many pictures wait for a run."""
        return self._still_waiting()

    def changed(self) -> None:
        """Somebody came or left: a run that waits for more looks again."""
        self._changed.set()

    async def look(self, pixels: Pixels, confidence: float) -> Looked:
        """What is seen in a picture. Raises `Unavailable`, or whatever the model raised."""
        if self._is_over:
            raise _over()
        answer: asyncio.Future[Looked] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting((pixels, confidence), answer))
        self.changed()
        return await answer

    async def run(self) -> None:
        """Work, until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                batch = await self._gather()
                if not batch:  # who was waited with has left
                    continue
                self.began_at = self._clock()
                asked = [one.asked for one in batch]
                answers = await loop.run_in_executor(self._thread, self._ask, asked)
                self._note(len(batch), self._clock() - self.began_at, answers)
                for one, answer in zip(batch, answers, strict=True):
                    _give(one.answer, answer)
        finally:
            self._is_over = True
            for one in self._waiting:
                _give(one.answer, _over())
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _gather(self) -> list[_Waiting]:
        while self._still_waiting() == 0:
            await self._next_change()
        if self._some_are_coming():  # a timeout costs who comes alone
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait):
                    while self._some_are_coming():
                        await self._next_change()
        return [self._waiting.popleft() for _ in range(min(self._most, self._still_waiting()))]

    def _some_are_coming(self) -> bool:
        return self._still_waiting() < min(self._most, self._on_the_way())

    def _still_waiting(self) -> int:
        """How many wait, without those whose requests were given up meanwhile."""
        if any(one.answer.done() for one in self._waiting):
            self._waiting = deque(one for one in self._waiting if not one.answer.done())
        return len(self._waiting)

    async def _next_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _note(self, pictures: int, seconds: float, answers: Sequence[Looked | Exception]) -> None:
        self.began_at = None
        each = seconds / pictures
        self.seconds_each += (_WEIGHT if self.seconds_each else 1) * (each - self.seconds_each)
        has_failed = all(isinstance(answer, Exception) for answer in answers)
        self.failed_in_a_row = self.failed_in_a_row + 1 if has_failed else 0
        self._ran(pictures, seconds)

    def _ask(self, asked: Sequence[Asked]) -> list[Looked | Exception]:
        begun = self._clock()
        try:
            found = self.model.look(asked)
        except Exception as error:
            if len(asked) > 1:
                return [answer for one in asked for answer in self._ask([one])]
            if not isinstance(error, Unavailable):
                log.exception("a picture could not be looked at")
            return [error]
        milliseconds = (self._clock() - begun) * 1000
        return [Looked(one, milliseconds) for one in found]


def _over() -> Unavailable:
    return Unavailable("the model is not at work any more", code="detector.failed")


def _give(future: "asyncio.Future[Looked]", answer: Looked | Exception) -> None:
    if future.done():  # its request was given up meanwhile
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
