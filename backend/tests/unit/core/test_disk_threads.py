"""Threads for a disk that may stop to answer."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator

import pytest

from backend.core.clock import SystemClock
from backend.core.disk_threads import DiskThreads
from backend.core.errors import Unavailable
from backend.core.pace import Pace

THREADS = 2


class Hanging:
    """Work on a disk that does not answer, until it does; `begun` counts what is at it."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.begun = 0

    def work(self) -> str:
        self.begun += 1
        self.answers.wait()
        return "late"


@pytest.fixture
async def hanging() -> AsyncIterator[Hanging]:
    made = Hanging()
    yield made
    made.answers.set()


def threads(patience: float = 0.02, most: int = THREADS) -> DiskThreads:
    pace = Pace(SystemClock(), limit=1.0)
    return DiskThreads("media", "the cameras' folder", pace, patience=patience, most=most)


def failing() -> None:
    raise FileNotFoundError("gone")


async def test_work_is_done_in_a_thread_and_its_errors_are_raised_here() -> None:
    disk = threads(4)
    assert await disk.run(max, 1, 2) == 2
    assert await disk.run(threading.current_thread) is not threading.main_thread()
    assert (await disk.run(threading.current_thread)).daemon, "it keeps no process from its end"
    with pytest.raises(FileNotFoundError, match="gone"):
        await disk.run(failing)


async def test_one_at_a_time_goes_through_many() -> None:
    disk = threads(4, most=1)
    assert await asyncio.gather(*(disk.run(int, n) for n in range(50))) == list(range(50))


async def test_a_disk_that_does_not_answer_is_not_waited_for(hanging: Hanging) -> None:
    with pytest.raises(Unavailable, match="the cameras' folder does not answer") as raised:
        await threads().run(hanging.work)
    assert raised.value.code == "media.no_answer"


async def test_threads_do_not_pile_up_and_those_who_wait_for_one_are_told(
    hanging: Hanging,
) -> None:
    disk, before = threads(), threading.active_count()
    outcomes = await asyncio.gather(
        *(disk.run(hanging.work) for _ in range(30)), return_exceptions=True
    )
    assert [type(one) for one in outcomes] == [Unavailable] * 30
    for _ in range(30):
        with pytest.raises(Unavailable):
            await disk.run(hanging.work)
    assert hanging.begun == THREADS
    assert threading.active_count() - before == THREADS


async def test_when_it_answers_again_its_threads_are_there_again(hanging: Hanging) -> None:
    disk = threads()
    back: list[bool] = []
    disk.back = lambda: back.append(True)
    for _ in range(THREADS):
        with pytest.raises(Unavailable):
            await disk.run(hanging.work)
    with pytest.raises(Unavailable):
        await disk.run(int, 1)
    assert back == []
    hanging.answers.set()
    async with asyncio.timeout(4):
        while True:
            try:
                assert await disk.run(int, 1) == 1
            except Unavailable:
                await asyncio.sleep(0)
            else:
                break
    assert await asyncio.gather(*(disk.run(int, n) for n in range(9))) == list(range(9))
    async with asyncio.timeout(4):
        while len(back) < THREADS:
            await asyncio.sleep(0)
    assert back == [True] * THREADS


async def test_who_is_cancelled_leaves_the_others_their_turn(hanging: Hanging) -> None:
    disk = threads(4, most=1)
    first = asyncio.create_task(disk.run(hanging.work))
    waiting = [asyncio.create_task(disk.run(int, n)) for n in range(3)]
    while not hanging.begun:
        await asyncio.sleep(0)
    first.cancel()
    waiting[0].cancel()
    await asyncio.wait([first, waiting[0]])
    hanging.answers.set()
    assert await asyncio.gather(*waiting[1:]) == [1, 2]


async def test_whose_turn_it_is_and_who_is_cancelled_passes_it_on(hanging: Hanging) -> None:
    disk = threads(4, most=1)
    first = asyncio.create_task(disk.run(hanging.work))
    waiting = [asyncio.create_task(disk.run(int, n)) for n in range(3)]
    while not hanging.begun:
        await asyncio.sleep(0)
    hanging.answers.set()
    await first
    waiting[0].cancel()
    assert await asyncio.gather(*waiting[1:]) == [1, 2]
    await asyncio.wait([waiting[0]])


async def test_who_is_cancelled_while_a_thread_becomes_free_is_just_cancelled(
    hanging: Hanging,
) -> None:
    disk = threads(4, most=1)
    first = asyncio.create_task(disk.run(hanging.work))
    while not hanging.begun:
        await asyncio.sleep(0)
    second = asyncio.create_task(disk.run(int, 2))
    third = asyncio.create_task(disk.run(int, 3))
    while len(disk._waiting) < 2:
        await asyncio.sleep(0)
    # The loop hears that the thread is free before the cancelled one goes on.
    asyncio.get_running_loop().call_soon(disk._wake, 1)
    second.cancel()
    hanging.answers.set()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert (await first, await third) == ("late", 3)


async def test_who_is_overtaken_stays_the_first(hanging: Hanging) -> None:
    disk = threads(4, most=1)
    order: list[int] = []
    first = asyncio.create_task(disk.run(hanging.work))
    waiting = [asyncio.create_task(disk.run(order.append, n)) for n in range(3)]
    while len(disk._waiting) < len(waiting):
        await asyncio.sleep(0)
    disk._wake(1)  # and there is no free thread any more
    while len(disk._waiting) < len(waiting):
        await asyncio.sleep(0)
    hanging.answers.set()
    await asyncio.gather(first, *waiting)
    assert order == [0, 1, 2]


class Large:
    """An answer that is not to be kept."""


async def test_an_answer_does_not_stay_with_its_thread() -> None:
    disk = threads(4, most=1)
    answer = weakref.ref(await disk.run(Large))
    async with asyncio.timeout(4):
        while answer() is not None:
            gc.collect()
            await asyncio.sleep(0)
    assert answer() is None
