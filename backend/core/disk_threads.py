"""Threads of their own for the work on one disk, which may stop to answer.

A share whose server is away lets whoever reads from it wait for ever, and a thread that waits
cannot be ended. So each disk has its own few threads, and what waits for one of them waits for a
limited time: the rest of the process does not notice.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, Protocol, TypeVar

from backend.core.errors import Unavailable
from backend.core.pace import Pace

P = ParamSpec("P")
Answer = TypeVar("Answer")


class InThread(Protocol):
    """`asyncio.to_thread`, or what stands for it."""

    async def __call__(
        self, work: Callable[P, Answer], /, *args: P.args, **named: P.kwargs
    ) -> Answer:
        """What the work gives, which is done in a thread."""
        ...


def _nothing() -> None:
    pass


class _Call:
    """Work for a thread, and the future of who waits for it."""

    def __init__(self, work: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.loop = loop
        self.answer: asyncio.Future[Any] = loop.create_future()
        self.is_late = False


class DiskThreads:
    """At most `most` threads work on the disk; one more waits for its turn.

    A call that has no answer after `patience` seconds is `Unavailable`, with the code
    `<name>.no_answer`. Its thread stays with it. While all threads are lost to such calls, every
    other call is `Unavailable` at once; when the disk answers, they are there again, and `back` is
    called. The threads do not keep the process from ending.
    """

    def __init__(self, name: str, what: str, pace: Pace, *, patience: float, most: int = 6) -> None:
        self.name = name
        self.pace = pace
        self.back: Callable[[], None] = _nothing
        self._what = what
        self._patience = patience
        self._most = most
        self._calls: SimpleQueue[_Call] = SimpleQueue()
        self._threads = 0
        self._running: set[_Call] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def run(self, work: Callable[P, Answer], /, *args: P.args, **named: P.kwargs) -> Answer:
        """Do work in a thread. Raises `Unavailable` where the disk does not answer in time."""
        await self._turn()
        call = _Call(partial(work, *args, **named), asyncio.get_running_loop())
        self._running.add(call)
        timer = call.loop.call_later(self._patience, self._give_up, call)
        with self.pace.timed():
            self._hand_over(call)
            try:
                answer: Answer = await call.answer
            finally:
                if call not in self._running:
                    timer.cancel()
        return answer

    async def _turn(self) -> None:
        """Wait until a thread is free."""
        queue_up = self._waiting.append
        while len(self._running) >= self._most:
            self._refuse_while_lost()
            free: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            queue_up(free)
            try:
                await free
            except asyncio.CancelledError:
                if free.cancelled():
                    with suppress(ValueError):  # nobody's turn yet, or passed over already
                        self._waiting.remove(free)
                else:  # it was our turn
                    self._wake(1)
                raise
            queue_up = self._waiting.appendleft  # who is overtaken now does not lose its place

    def _refuse_while_lost(self) -> None:
        if all(call.is_late for call in self._running):
            raise self._no_answer()

    def _no_answer(self) -> Unavailable:
        return Unavailable(
            f"{self._what} does not answer: is its disk, or the machine that it is on, away?",
            code=f"{self.name}.no_answer",
        )

    def _hand_over(self, call: _Call) -> None:
        if self._threads < len(self._running):
            self._threads += 1
            name = f"{self.name}-{self._threads}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        self._calls.put(call)

    def _work(self) -> None:
        """What each thread does, for ever."""
        while True:
            call = self._calls.get()
            try:
                tell = partial(call.answer.set_result, call.work())
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                tell = partial(call.answer.set_exception, error)
            try:
                call.loop.call_soon_threadsafe(self._settle, call, tell)
            except RuntimeError:  # the loop has ended meanwhile
                return
            del call, tell  # the answer is not to stay until the next call

    def _settle(self, call: _Call, tell: Callable[[], None]) -> None:
        self._running.discard(call)
        if not call.answer.done():
            tell()
        if call.is_late:
            self.back()
        self._wake(1)

    def _give_up(self, call: _Call) -> None:
        if call not in self._running:
            return
        call.is_late = True
        if not call.answer.done():
            call.answer.set_exception(self._no_answer())
        if all(one.is_late for one in self._running):
            self._wake(len(self._waiting))  # to be refused

    def _wake(self, number: int) -> None:
        while self._waiting and number:
            free = self._waiting.popleft()
            if not free.done():
                free.set_result(None)
                number -= 1
