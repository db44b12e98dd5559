"""Files whose reading has no answer in time: the others go on, and they come later."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from backend.core.breaker import BreakerState
from backend.core.clock import SystemClock
from backend.core.content_store import ContentStore
from backend.core.disk_threads import DiskThreads
from backend.core.pace import Pace
from backend.services.ingest import stage
from backend.services.ingest.reading import Limits, Picture, Refused, read_picture
from backend.services.ingest.stage import FoundFile, Ingest, Intake, SomeLeft
from backend.tests.fixtures.ingest import LIMITS, Bench, ScriptedSource, picture

NAMES = [f"cam/{number:02}.jpg" for number in range(20)]


class Link:
    """Reads files; what `hangs` has no answer until `answers` is set."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.hangs: set[str] = set()
        self.answers = threading.Event()
        self.reads: list[str] = []
        self.threads = DiskThreads(
            "media", "the cameras' folder", Pace(SystemClock(), limit=1), patience=0.2
        )
        self.ingest = Ingest(
            Intake(
                bench.root,
                ContentStore(bench.pictures),
                LIMITS,
                bench.zone,
                in_media_thread=self.threads.run,
            ),
            bench.database,
            bench.bells,
            bench.clock,
        )

    def read(self, *asked: object) -> tuple[Picture, bytes] | Refused:
        _, relative, limits = asked
        assert isinstance(relative, str)
        assert isinstance(limits, Limits)
        self.reads.append(relative)
        if relative in self.hangs:
            self.answers.wait()
        return read_picture(self.bench.root, relative, limits)

    async def answers_at_last(self, frames: int) -> None:
        """Let the disk answer, and wait for so many frames."""
        self.answers.set()
        late = asyncio.create_task(self.ingest.run(self.ingest.late))
        await self.bench.answered(f"SELECT 1 FROM frames HAVING count(*) = {frames}")
        late.cancel()
        await asyncio.wait([late])


@pytest.fixture
async def link(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Link]:
    made = Link(bench)
    monkeypatch.setattr(stage, "read_picture", made.read)
    for number, name in enumerate(NAMES):
        bench.put(name, picture(number))
    yield made
    made.answers.set()


def found(*names: str) -> list[FoundFile]:
    return [FoundFile(name, "watch") for name in names]


async def test_a_file_that_alone_does_not_answer_keeps_nobody(bench: Bench, link: Link) -> None:
    link.hangs = {NAMES[7]}
    await link.ingest.run(ScriptedSource(found(*NAMES[:10]), found(*NAMES[10:])))
    assert await bench.paths() == [name for name in NAMES if name != NAMES[7]]
    assert link.ingest.breaker.state is BreakerState.CLOSED
    await link.ingest.handle(found(NAMES[7]))  # found by a scan, say: no second thread is lost
    assert link.reads.count(NAMES[7]) == 1
    assert link.ingest.late.unanswered == [NAMES[7]]
    await link.answers_at_last(len(NAMES))
    assert link.ingest.late.unanswered == []


async def test_a_link_too_slow_for_six_at_once_gets_on(bench: Bench, link: Link) -> None:
    """What came too late is not read again: or it would always be too late."""
    link.hangs = set(NAMES[:6])
    await link.ingest.run(ScriptedSource(found(*NAMES[:6])))
    assert await bench.paths() == []
    await link.answers_at_last(6)
    assert sorted(link.reads) == NAMES[:6]


async def test_with_all_threads_lost_what_was_read_is_taken_and_the_rest_waits(
    bench: Bench, link: Link
) -> None:
    link.hangs = set(NAMES[4:10])
    with pytest.raises(SomeLeft) as caught:
        await link.ingest.handle(found(*NAMES))
    assert caught.value.code == "media.no_answer"
    left = [file.relative for file in caught.value.left]
    taken = await bench.paths()
    assert left
    assert taken[:4] == NAMES[:4]
    assert sorted(taken + left + NAMES[4:10]) == NAMES
    await link.answers_at_last(len(taken) + 6)


async def test_the_answer_of_a_file_that_was_found_anew_is_not_kept(
    bench: Bench, link: Link
) -> None:
    link.hangs = {NAMES[0]}
    await link.ingest.handle(found(NAMES[0]))
    bench.put(NAMES[0], picture(99))
    await link.ingest.handle(found(NAMES[0]))
    await link.answers_at_last(1)
    assert link.reads == [NAMES[0]] * 2


async def test_after_a_bug_no_reading_goes_on_unowned(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    link.hangs = set(NAMES[1:])
    before = asyncio.all_tasks()
    monkeypatch.setattr(
        stage, "read_picture", lambda *asked: (broken if NAMES[0] in asked else link.read)(*asked)
    )
    with pytest.raises(ZeroDivisionError):
        await link.ingest.handle(found(*NAMES[:3]))
    assert asyncio.all_tasks() == before
