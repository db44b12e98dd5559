"""A camera that sends more than can be looked at: limited, counted, and nobody else's delay."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from backend.core.content_store import ContentStore
from backend.core.database import get_database
from backend.services.ingest.scan import slices
from backend.services.ingest.stage import FoundFile, Ingest, Intake
from backend.services.ingest.turns import Turns
from backend.services.stores import cameras
from backend.tests.fixtures.ingest import LIMITS, Bench
from backend.tests.fixtures.ledger import Ledger, jpeg
from backend.tests.fixtures.stages import Works

FLOOD_AFTER = 16
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_COUNTED = "SELECT slug, skipped_frames, skipped_at FROM cameras ORDER BY slug"


def ingest(bench: Bench, *, looked_at_since: datetime | None = LONG_AGO) -> Ingest:
    intake = Intake(
        bench.root,
        ContentStore(bench.pictures),
        LIMITS,
        bench.zone,
        flood_after=FLOOD_AFTER,
        looked_at_since=lambda: looked_at_since,
    )
    return Ingest(intake, bench.database, bench.bells, bench.clock)


def put(bench: Bench, camera: str, *seconds: float, first: int = 0) -> list[FoundFile]:
    """Pictures of a camera, complete so many seconds after a minute ago; as they are heard of.

    By the camera's clock all are of one moment, long ago.
    """
    found = []
    for number, after in enumerate(seconds, start=first):
        path = bench.put(f"{camera}/{number:05}.jpg", jpeg(len(camera) * 10_000 + number))
        bench.touch(path, LONG_AGO)
        completed_at = bench.clock.now() - MINUTE + timedelta(seconds=after)
        found.append(FoundFile(f"{camera}/{path.name}", "watch", completed_at=completed_at))
    return found


async def states(bench: Bench, camera: str) -> list[str]:
    return [row["state"] for row in await bench.frames() if row["slug"] == camera]


async def test_beyond_the_bound_one_of_each_second_is_looked_at(bench: Bench) -> None:
    before = REGISTRY.get_sample_value("hsi_frames_skipped_total", {"camera": "gate"}) or 0
    in_room = put(bench, "gate", *(number / 100 for number in range(-1600, 0, 100)))
    await ingest(bench).handle(in_room)
    await ingest(bench).handle(put(bench, "gate", 0.1, 0.2, 0.9, 1.1, 1.2, first=16))
    await ingest(bench).handle(put(bench, "gate", 1.3, 2.0, first=21))
    assert await states(bench, "gate") == ["received"] * 17 + [
        "skipped",
        "skipped",
        "received",
        "skipped",
        "skipped",
        "received",
    ]
    now = bench.clock.now()
    assert await bench.rows(_COUNTED) == [{"slug": "gate", "skipped_frames": 4, "skipped_at": now}]
    after = REGISTRY.get_sample_value("hsi_frames_skipped_total", {"camera": "gate"})
    assert after == before + 4


async def test_a_skipped_frame_is_final_with_its_reason_and_its_picture_is_kept(
    bench: Bench,
) -> None:
    await ingest(bench).handle(put(bench, "gate", *(n / 100 for n in range(20))))
    skipped = [row for row in await bench.frames() if row["state"] == "skipped"]
    assert len(skipped) == 4
    for row in skipped:
        assert row["finished_at"] == row["received_at"] == bench.clock.now()
        assert "more than 16 pictures waited" in row["reason"]
        assert row["attempts"] == 0
        assert ContentStore(bench.pictures).read(row["content_hash"])
    assert len(bench.bells.rung) == 1


async def test_where_all_are_skipped_no_bell_rings(bench: Bench) -> None:
    await ingest(bench).handle(put(bench, "gate", *(n / 100 for n in range(16))))
    await ingest(bench).handle(put(bench, "gate", 0.5, 0.6, first=16))
    assert (await states(bench, "gate"))[16:] == ["skipped"] * 2
    assert len(bench.bells.rung) == 1


async def test_what_is_found_again_is_counted_once(bench: Bench) -> None:
    found = put(bench, "gate", *(n / 100 for n in range(20)))
    for _ in range(2):
        await ingest(bench).handle(found)
    async for batch in slices(bench.root):
        await ingest(bench).handle(batch)
    assert sorted(await states(bench, "gate")) == ["received"] * 16 + ["skipped"] * 4
    (camera,) = await bench.rows(_COUNTED)
    assert camera["skipped_frames"] == 4


async def test_of_what_a_scan_finds_nothing_is_skipped(bench: Bench) -> None:
    put(bench, "gate", *(n / 100 for n in range(40)))
    async for batch in slices(bench.root):
        await ingest(bench).handle(batch)
    assert await states(bench, "gate") == ["received"] * 40
    assert {lane for _, lane in bench.bells.rung} == {"backlog"}


async def test_a_flood_of_one_camera_takes_nothing_from_another(bench: Bench) -> None:
    flood = put(bench, "gate", *(n / 100 for n in range(40)))
    await ingest(bench).handle([*flood, *put(bench, "door", 0.1, 0.2, 0.3)])
    assert await states(bench, "door") == ["received"] * 3
    assert (await states(bench, "gate")).count("skipped") == 24


async def test_what_piles_up_slowly_is_a_flood_too(bench: Bench) -> None:
    """A little more than can be looked at, for minutes: what waits for longer counts as well."""
    for number in range(8):
        await ingest(bench).handle(put(bench, "gate", number, number + 0.5, first=2 * number))
        bench.clock.advance(20)
    await ingest(bench).handle(put(bench, "gate", 8.1, 8.2, 8.3, first=16))
    assert await states(bench, "gate") == ["received"] * 17 + ["skipped"] * 2


async def test_a_night_without_a_detector_is_no_flood(bench: Bench) -> None:
    await ingest(bench, looked_at_since=None).handle(
        put(bench, "gate", *(n / 100 for n in range(20)))
    )
    assert await states(bench, "gate") == ["received"] * 20


async def test_nor_is_the_morning_after_it(bench: Bench) -> None:
    """What waits from the night is caught up with, and takes no room from what comes now."""
    await ingest(bench, looked_at_since=None).handle(
        put(bench, "gate", *(n / 100 for n in range(20)))
    )
    bench.clock.advance(1)
    back_at = bench.clock.now()
    bench.clock.advance(1)
    morning = ingest(bench, looked_at_since=back_at)
    await morning.handle(put(bench, "gate", *(n / 100 for n in range(16)), first=20))
    assert await states(bench, "gate") == ["received"] * 36
    await morning.handle(put(bench, "gate", 0.5, first=36))
    assert (await states(bench, "gate"))[-1] == "skipped"


async def test_cameras_that_were_skipped_lately_are_named(bench: Bench) -> None:
    await ingest(bench).handle(put(bench, "gate", *(n / 100 for n in range(20))))
    await ingest(bench).handle(put(bench, "door", 0.1))
    at = bench.clock.now()
    async with bench.database.transaction() as session:
        assert await cameras.skipped_since(session, at - SECOND) == [
            {"slug": "gate", "skipped_frames": 4, "skipped_at": at}
        ]
        assert await cameras.skipped_since(session, at) == []


@pytest.fixture
def works(integration_db: str, tmp_path: Path) -> Works:
    return Works(Ledger(get_database(), tmp_path))


class Arriving:
    """Three cameras, of which one floods; what was looked at before each picture of the others."""

    def __init__(self, bench: Bench, works: Works) -> None:
        self.works = works
        self.bench = bench
        self.turns = Turns(100_000)
        self.written: dict[str, int] = {"flood": 0, "door": 0, "gate": 0}
        store = works.ledger.pictures
        intake = Intake(
            bench.root,
            store,
            LIMITS,
            bench.zone,
            flood_after=100,
            looked_at_since=lambda: LONG_AGO,
        )
        self.ingest = Ingest(intake, bench.database, works.bells, works.clock)
        self.stage = works.stage()

    def write(self, camera: str, times: Sequence[datetime]) -> None:
        for at in times:
            number = self.written[camera]
            self.written[camera] += 1
            name = f"{camera}/{number:05}.jpg"
            content = jpeg(list(self.written).index(camera) * 100_000 + number)
            self.bench.put(name, content, age=self.works.clock.now() - at)
            self.turns.put(FoundFile(name, "watch"))

    async def work_once(self) -> bool:
        """Take one batch in, and look at one claim; whether there was anything to do."""
        batch = self.turns.take(64)
        if batch:
            await self.ingest.handle(batch)
        bell = await self.works.bells.hear(0.001)
        if bell is not None:
            await self.stage.handle(bell)
        return bool(batch or bell)

    async def looks_until(self, camera: str, number: int) -> int:
        """How many pictures are looked at until so many of a camera are final."""
        before = len(self.works.detector.views)
        while await self.work_once():
            if sum(state != "received" for state in await states(self.bench, camera)) == number:
                return len(self.works.detector.views) - before
        raise AssertionError(f"{camera} was not looked at")


@pytest.mark.slow
async def test_a_flood_of_thousands_delays_others_by_one_claim(bench: Bench, works: Works) -> None:
    arriving = Arriving(bench, works)
    for second in range(6):
        now = works.clock.now()
        arriving.write("flood", [now - n * SECOND / 1000 for n in range(400, 0, -1)])
        arriving.write("door", [now])
        arriving.write("gate", [now])
        for camera in ("door", "gate"):
            # A claim of the flood that was next anyway, one picture of the other, and its own.
            assert await arriving.looks_until(camera, second + 1) <= 16 + 1 + 1
        works.clock.advance(1)
    while await arriving.work_once():
        pass
    rows = await bench.frames()
    assert len(rows) == sum(arriving.written.values()) == 2412
    assert {row["state"] for row in rows} <= {"empty", "skipped"}
    (_, flood, _) = await bench.rows(_COUNTED)
    skipped = [row for row in rows if row["state"] == "skipped"]
    assert flood["skipped_frames"] == len(skipped) > 1500
    assert {row["slug"] for row in skipped} == {"flood"}
    seconds: dict[str, set[int]] = {"empty": set(), "skipped": set()}
    for row in rows:
        if row["slug"] == "flood":
            seconds[row["state"]].add(row["captured_at"].second)
    assert seconds["empty"] >= seconds["skipped"], "every second was looked at"
