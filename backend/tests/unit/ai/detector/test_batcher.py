"""Pictures of several requests in one run of the model."""

import asyncio
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from ai.detector.batcher import Batcher, Looked
from backend.core.errors import Unavailable
from backend.services.detection.detector import Pixels
from backend.tests.fixtures.scripted_model import BUG, POISON, ShadeModel, person_at


def picture(shade: int) -> Pixels:
    return np.full((4, 4, 3), shade, np.uint8)


class Bench:
    """A batcher at work over a model that a test holds up; `here` is how many are on the way."""

    def __init__(self, model: ShadeModel, *, most: int = 4, wait: float = 30.0) -> None:
        self.model = model
        self.here = 0
        self.batcher = Batcher(
            model, most=most, wait=wait, on_the_way=lambda: self.here, clock=time.monotonic
        )
        self.work = asyncio.ensure_future(self.batcher.run())

    async def look(self, *shades: int) -> list[Looked | BaseException]:
        """Ask for all at once."""
        asked = (self.batcher.look(picture(shade), 0.5) for shade in shades)
        return await asyncio.gather(*asked, return_exceptions=True)

    async def close(self) -> None:
        self.model.go_on.set()
        self.work.cancel()
        await asyncio.gather(self.work, return_exceptions=True)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench(ShadeModel())
    yield made
    await made.close()


def seen(answers: list[Looked | BaseException]) -> list[object]:
    return [one.findings if isinstance(one, Looked) else type(one) for one in answers]


async def test_who_comes_alone_does_not_wait(bench: Bench) -> None:
    bench.here = 1
    assert seen(await bench.look(7)) == [person_at(7)]
    assert bench.model.runs == [1]


async def test_what_is_on_the_way_is_waited_for(bench: Bench) -> None:
    bench.here = 2
    first = asyncio.ensure_future(bench.look(7))
    await asyncio.sleep(0)
    assert bench.model.runs == []
    assert seen(await bench.look(9)) == [person_at(9)]
    assert seen(await first) == [person_at(7)]
    assert bench.model.runs == [2]


async def test_who_was_on_the_way_and_left_is_waited_for_no_longer(bench: Bench) -> None:
    bench.here = 2
    first = asyncio.ensure_future(bench.look(7))
    await asyncio.sleep(0)
    bench.here = 1
    bench.batcher.changed()
    assert seen(await first) == [person_at(7)]


async def test_it_is_waited_no_longer_than_the_deadline() -> None:
    bench = Bench(ShadeModel(), wait=0.01)
    bench.here = 2
    assert seen(await bench.look(7)) == [person_at(7)]
    await bench.close()


async def test_what_came_during_a_run_goes_into_the_next_as_many_as_fit(bench: Bench) -> None:
    bench.model.go_on.clear()
    first = asyncio.ensure_future(bench.look(1))
    await asyncio.to_thread(bench.model.looking.wait, 5)
    rest = asyncio.ensure_future(bench.look(*range(20, 26)))
    while bench.batcher.waiting < 6:
        await asyncio.sleep(0)
    bench.model.go_on.set()
    assert seen(await first) == [person_at(1)]
    assert seen(await rest) == [person_at(shade) for shade in range(20, 26)]
    assert bench.model.runs == [1, 4, 2]


async def test_a_model_that_takes_one_gets_one() -> None:
    bench = Bench(ShadeModel(takes_batches=False))
    assert seen(await bench.look(1, 2)) == [person_at(1), person_at(2)]
    assert bench.model.runs == [1, 1]
    await bench.close()


async def test_a_picture_at_which_the_model_fails_harms_no_other(bench: Bench) -> None:
    bench.here = 4
    answers = await bench.look(1, POISON, 2, BUG)
    assert seen(answers) == [person_at(1), Unavailable, person_at(2), RuntimeError]
    assert bench.batcher.failed_in_a_row == 0
    bench.here = 0
    for _ in range(2):
        await bench.look(POISON)
    assert bench.batcher.failed_in_a_row == 2
    await bench.look(3)
    assert bench.batcher.failed_in_a_row == 0


async def test_a_request_that_was_given_up_is_left_out(bench: Bench) -> None:
    bench.model.go_on.clear()
    first = asyncio.ensure_future(bench.look(1))
    await asyncio.to_thread(bench.model.looking.wait, 5)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    bench.model.go_on.set()
    assert seen(await bench.look(2)) == [person_at(2)]


async def test_where_all_who_were_waited_with_have_left_it_goes_on(bench: Bench) -> None:
    bench.here = 2
    first = asyncio.ensure_future(bench.look(1))
    while bench.batcher.waiting < 1:
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    bench.here = 0
    bench.batcher.changed()
    assert seen(await bench.look(2)) == [person_at(2)]
    assert bench.model.runs == [1]


async def test_once_it_is_over_nobody_waits(bench: Bench) -> None:
    bench.here = 2
    first = asyncio.ensure_future(bench.look(1))
    while bench.batcher.waiting < 1:
        await asyncio.sleep(0)
    await bench.close()
    assert seen(await first) == [Unavailable]
    assert seen(await bench.look(2)) == [Unavailable]
