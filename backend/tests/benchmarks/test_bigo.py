"""How the shipped functions grow with the work, and with the ledger, from 10^2 to 10^5."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from math import log
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from pytest_benchmark.fixture import BenchmarkFixture

from backend.api import cursors
from backend.core.database import Database, Session
from backend.domain.boxes import Box, Detection
from backend.domain.events import EventRules, Span
from backend.domain.frames import Arrival, FileMark
from backend.domain.risk import Facts, Seen, facts_of
from backend.domain.suppressions import Suppression
from backend.services.analysis.hindsight import look_back
from backend.services.analysis.rules import RulesAnalyst
from backend.services.events.closer import EventCloser
from backend.services.events.draft import place_all
from backend.services.events.stage import EventStage
from backend.services.ingest.scan import walk
from backend.services.ingest.slugs import free_slug, slug_of
from backend.services.ingest.stage import FoundFile
from backend.services.stores import events, frames, outbox
from backend.services.stores.events import EventNear
from backend.services.stores.frames import NewFrames
from backend.services.stores.surroundings import Around
from backend.services.topics import Message, Sighting
from backend.tests.benchmarks.bench.pages import (
    BEGIN,
    Asked,
    Plan,
    all_asked,
    fill,
    places_of,
    plan_of,
)
from backend.tests.benchmarks.bench.place import Bench, Place
from backend.tests.fixtures.clock import ManualClock

LINEAR, FLAT = 1.35, 0.3
"""The highest exponents: n^1 and n^0, with room for what a busy machine adds."""

SIZES = (100, 1000, 10_000, 100_000)
IDLE = timedelta(seconds=30)
_rounds = count()
PERSON = Detection("person", 0.9, Box(0.4, 0.2, 0.1, 0.5))


def exponent(seconds: Mapping[int, float]) -> float:
    """The slope of log time over log n, by least squares: about 1 where time is linear in n."""
    points = [(log(n), log(max(took, 1e-7))) for n, took in seconds.items()]
    x = sum(x for x, _ in points) / len(points)
    y = sum(y for _, y in points) / len(points)
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


def growth(
    make: Callable[[int], Callable[[], object]], sizes: Sequence[int] = SIZES, *, times: int = 5
) -> float:
    """The exponent of what `make` gives for n, by the least of some times of each.

    The least: whatever else the machine does only ever adds.
    """
    return exponent({n: _quickest(make(n), times) for n in sizes})


def _quickest(work: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return min(took)


def test_the_slope_tells_growth() -> None:
    assert exponent({n: 1e-6 * n for n in SIZES}) == pytest.approx(1)
    assert exponent({n: 1e-6 * n * n for n in SIZES}) == pytest.approx(2)
    assert exponent(dict.fromkeys(SIZES, 1e-3)) == pytest.approx(0)


def near(number: int) -> list[EventNear]:
    """Events a minute apart."""
    facts = Facts(BEGIN, BEGIN, 1, {"person": Seen(1, 1, 0.9)})
    return [
        EventNear(
            id=i,
            span=Span(at, at + timedelta(seconds=5)),
            facts=facts,
            detections=1,
            cover_frame_id=i,
        )
        for i in range(number)
        for at in [BEGIN + timedelta(minutes=i)]
    ]


def sightings(number: int) -> list[Sighting]:
    """One a second."""
    return [Sighting(i, BEGIN + timedelta(seconds=i), (PERSON,)) for i in range(number)]


def test_attaching_a_batch_to_many_events_is_linear(benchmark: BenchmarkFixture) -> None:
    batch = sightings(16)

    def attached_to(n: int) -> Callable[[], object]:
        return partial(place_all, near(n), batch, EventRules())

    assert growth(attached_to, SIZES[:3]) < LINEAR
    drafts = benchmark(place_all, near(1000), batch, EventRules())
    assert sum(len(draft.sightings) for draft in drafts) == 16


def test_summing_up_detections_is_linear(benchmark: BenchmarkFixture) -> None:
    assert growth(lambda n: partial(facts_of, BEGIN, [PERSON] * n)) < LINEAR
    assert benchmark(facts_of, BEGIN, [PERSON] * 16).seen["person"].most == 16


def test_a_free_slug_among_many_is_linear(benchmark: BenchmarkFixture) -> None:
    def taken(n: int) -> set[str]:
        return {"camera", *(f"camera_{i}" for i in range(2, n + 1))}

    assert growth(lambda n: partial(free_slug, "camera", taken(n))) < LINEAR
    assert benchmark(free_slug, "camera", taken(100)) == "camera_101"


def test_the_slug_of_a_long_name_is_linear(benchmark: BenchmarkFixture) -> None:
    assert growth(lambda n: partial(slug_of, "Ä " * n)) < LINEAR
    assert benchmark(slug_of, "Front Door") == "front_door"


def test_a_cursor_costs_the_same_on_every_page(benchmark: BenchmarkFixture) -> None:
    def there_and_back(n: int) -> tuple[object, int]:
        key = (BEGIN + timedelta(minutes=n), n)
        return cursors.decode_moment_and_id("events", cursors.encode("events", key))

    assert growth(lambda n: lambda: [there_and_back(n) for _ in range(50)]) < FLAT
    assert benchmark(there_and_back, 100) == (BEGIN + timedelta(minutes=100), 100)


def test_a_scan_is_linear(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    sizes = SIZES[:3]
    for n in sizes:
        for i in range(n):
            path = tmp_path / str(n) / f"Camera {i % 20}" / f"{i}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def found(n: int) -> Callable[[], list[FoundFile]]:
        return lambda: list(filter(None, walk(tmp_path / str(n), "", "scan")))

    assert growth(found, sizes) < LINEAR
    assert len(benchmark(found(100))) == 100


Work = Callable[[Session, int], Awaitable[object]]
"""Something done in a transaction, for an n."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A ledger of so many events, frames and detections."""

    place: Place
    database: Database

    async def seconds(self, work: Work, n: int) -> float:
        """The least of some times of work in a transaction, which is rolled back."""
        took = []
        for _ in range(7):
            async with self.database.transaction() as session:
                started = time.perf_counter()
                await work(session, n)
                took.append(time.perf_counter() - started)
                await session.rollback()
        return min(took)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ledgers(bench: Bench) -> AsyncIterator[dict[int, Filled]]:
    """Ledgers of 10^2 .. 10^5 rows a table; nothing that a test does to them stays."""
    async with AsyncExitStack() as stack:
        made = {}
        for n in SIZES:
            place = await stack.enter_async_context(bench.place())
            await fill(place, n)
            database, _ = await stack.enter_async_context(place.services())
            made[n] = Filled(place, database)
        yield made


Ledgers = dict[int, Filled]
in_module_loop = pytest.mark.asyncio(loop_scope="module")


async def growth_of_ledger(ledgers: Ledgers, work: Work) -> float:
    """The exponent over ledgers of n rows."""
    return exponent({n: await ledger.seconds(work, n) for n, ledger in ledgers.items()})


async def growth_of_work(ledger: Filled, work: Work) -> float:
    """The exponent over n in one ledger."""
    return exponent({n: await ledger.seconds(work, n) for n in SIZES[:3]})


async def plans_of(ledgers: Ledgers, asked: Asked, n: int) -> list[Plan]:
    """Of the first, the middle and the last page in a ledger of n rows."""
    ledger = ledgers[n]
    return [
        await plan_of(ledger.place, ledger.database, asked, after)
        for after in places_of(n).values()
    ]


@in_module_loop
@pytest.mark.parametrize("name", [one.name for one in all_asked() if one.known is None])
async def test_a_page_reads_the_same_from_any_ledger(ledgers: Ledgers, name: str) -> None:
    (asked,) = [one for one in all_asked() if one.name == name]
    most: dict[int, int] = {}
    for n in (10_000, 100_000):
        plans = await plans_of(ledgers, asked, n)
        assert [plan.scans for plan in plans] == [()] * 3
        most[n] = max(plan.buffers for plan in plans)
    # A level more of a tree is one buffer for each row that is looked up.
    assert most[100_000] <= 1.5 * most[10_000] + 10


@in_module_loop
@pytest.mark.parametrize("name", [one.name for one in all_asked() if one.known is not None])
async def test_a_page_that_reads_too_much_reads_no_more_than_is_known(
    ledgers: Ledgers, name: str
) -> None:
    (asked,) = [one for one in all_asked() if one.name == name]
    assert asked.known is not None
    for n, known in zip((10_000, 100_000), asked.known, strict=True):
        plans = await plans_of(ledgers, asked, n)
        # More than a change of the tables' columns would add, far less than another way to read.
        assert max(plan.buffers for plan in plans) <= 1.25 * known


@in_module_loop
@pytest.mark.parametrize("name", ["events", "frames", "detections"])
async def test_a_page_takes_the_same_time_from_any_ledger(ledgers: Ledgers, name: str) -> None:
    (asked,) = [one for one in all_asked() if one.name == name]

    async def middle(session: Session, n: int) -> None:
        assert len(await asked.fetch(session, n // 2)) in range(49, 52)

    assert await growth_of_ledger(ledgers, middle) < FLAT


@in_module_loop
async def test_attaching_takes_the_same_time_in_any_ledger(ledgers: Ledgers) -> None:
    stage = EventStage(EventRules(), RulesAnalyst(), ManualClock())

    async def attach(session: Session, n: int) -> None:
        # A frame of the last event of the first camera, a second after its end.
        at = BEGIN + timedelta(minutes=n, seconds=9)
        found = [Sighting(n, at, (PERSON,))]
        event_of = await stage.attach(session, 1, ZoneInfo("UTC"), found, detector="null")
        assert event_of == {n: n}

    assert await growth_of_ledger(ledgers, attach) < FLAT


@in_module_loop
async def test_looking_back_takes_the_same_time_in_any_ledger(ledgers: Ledgers) -> None:
    like_all = Suppression(0, "person", Box(0.1, 0.1, 0.2, 0.2))

    async def look(session: Session, n: int) -> None:
        until = BEGIN + timedelta(minutes=n)
        found = await look_back(session, Around(1, until - timedelta(minutes=99), until), like_all)
        assert (found.looked_at, found.hidden, found.complete) == (5, 5, True)

    assert await growth_of_ledger(ledgers, look) < FLAT


@in_module_loop
async def test_closing_takes_the_same_time_in_any_ledger(ledgers: Ledgers) -> None:
    took = {}
    for n, ledger in ledgers.items():
        closer = EventCloser(ledger.database, ManualClock(), IDLE, lambda: None)
        times = []
        for _ in range(7):
            started = time.perf_counter()
            assert await closer.close_quiet() == IDLE.total_seconds()
            times.append(time.perf_counter() - started)
        took[n] = min(times)
    assert exponent(took) < FLAT


@in_module_loop
async def test_receiving_takes_the_same_time_in_any_ledger(ledgers: Ledgers) -> None:
    assert await growth_of_ledger(ledgers, lambda session, _: receive(session, 16)) < FLAT


@in_module_loop
async def test_the_outbox_is_read_from_a_number_on(ledgers: Ledgers) -> None:
    async def read(session: Session, n: int) -> None:
        read = await outbox.after(session, n - 50, limit=100)
        assert [row["number"] for row in read] == list(range(n - 49, n + 1))

    for n, ledger in ledgers.items():
        await fill_outbox(ledger, n)
    assert await growth_of_ledger(ledgers, read) < FLAT


async def fill_outbox(ledger: Filled, messages: int) -> None:
    """So many messages of one event, numbered."""
    told = Message("event.opened", 1, 1, {"event": {"id": 1}})
    async with ledger.database.transaction() as session:
        await outbox.put(session, [told] * messages, now=BEGIN)
        assert await outbox.number_new(session) == range(1, messages + 1)
    async with ledger.place.connection() as connection:
        await connection.execute("VACUUM ANALYZE outbox")


@pytest_asyncio.fixture
async def ledger(bench: Bench) -> AsyncIterator[Filled]:
    """A ledger of its own, for what leaves dead rows: 10,000 rows a table."""
    async with bench.place() as place, place.services() as (database, _):
        await fill(place, 10_000)
        yield Filled(place, database)


async def test_closing_many_events_is_linear(ledger: Filled) -> None:
    async def close(session: Session, n: int) -> None:
        assert len(await events.close(session, range(1, n + 1), now=BEGIN)) == n

    assert await growth_of_work(ledger, close) < LINEAR


async def test_receiving_many_files_is_linear(ledger: Filled) -> None:
    assert await growth_of_work(ledger, receive) < LINEAR


async def receive(session: Session, number: int) -> None:
    """Files of the first camera that the ledger does not know, and has never been told of."""
    round_ = next(_rounds)
    arrivals = [
        Arrival(
            camera_id=1,
            path=f"new/{round_}/{i}.jpg",
            mark=FileMark(100, i, i),
            content_hash=i.to_bytes(32),
            width=64,
            height=48,
            received_at=BEGIN,
            captured_at=BEGIN,
            captured_from="mtime",
            clock_suspect=False,
            found_by="scan",
        )
        for i in range(number)
    ]
    assert await frames.receive(session, arrivals) == {1: NewFrames(waiting=number)}
