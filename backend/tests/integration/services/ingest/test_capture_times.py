"""When a frame was taken: the table of `captured_at`, through real files.

The clock stands at 12:00 UTC on 1 June 2025; in Berlin, the default of the bench, it is 14:00.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from backend.core.content_store import ContentStore
from backend.services.ingest.stage import FoundFile, Ingest, Intake
from backend.tests.fixtures.ingest import LIMITS, Bench, picture, picture_taken_at

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Case:
    """A picture's EXIF, how old its file is, and what must come out, from noon."""

    exif: str | None
    age: timedelta
    source: str
    captured: timedelta
    suspect: bool
    offset: str | None = None
    camera_zone: str | None = None


TABLE = {
    "EXIF in the default zone": Case("2025:06:01 13:50:00", MINUTE, "exif", -10 * MINUTE, False),
    "EXIF with its offset": Case(
        "2025:06:01 07:50:00", MINUTE, "exif", -10 * MINUTE, False, offset="-04:00"
    ),
    "EXIF in the camera's zone": Case(
        "2025:06:01 20:50:00", MINUTE, "exif", -10 * MINUTE, False, camera_zone="Asia/Tokyo"
    ),
    "the offset before the camera's zone": Case(
        "2025:06:01 11:50:00",
        MINUTE,
        "exif",
        -10 * MINUTE,
        False,
        offset="+00:00",
        camera_zone="Asia/Tokyo",
    ),
    "EXIF 24 h before the file": Case("2025:05:31 14:00:00", 0 * MINUTE, "exif", -24 * HOUR, False),
    "EXIF too long before the file": Case(
        "2025:05:31 13:59:59", 0 * MINUTE, "mtime", 0 * MINUTE, True
    ),
    "EXIF 5 min after the file": Case("2025:06:01 13:05:00", HOUR, "exif", -55 * MINUTE, False),
    "EXIF too long after the file": Case("2025:06:01 13:05:01", HOUR, "mtime", -HOUR, True),
    "a clock that was never set": Case("0000:00:00 00:00:00", MINUTE, "mtime", -MINUTE, False),
    "no EXIF": Case(None, HOUR, "mtime", -HOUR, False),
    "a file from the future": Case(None, -HOUR, "received", 0 * MINUTE, True),
    "a file and EXIF from the future": Case(
        "2025:06:01 15:00:00", -HOUR, "received", 0 * MINUTE, True
    ),
}


@pytest.mark.parametrize("name", TABLE)
async def test_captured_at(bench: Bench, name: str) -> None:
    case = TABLE[name]
    if case.camera_zone:
        bench.put("gate/0.jpg", picture())
        await bench.take("gate/0.jpg")
        await bench.rows("UPDATE cameras SET time_zone = :zone RETURNING id", zone=case.camera_zone)
    data = picture_taken_at(case.exif, case.offset) if case.exif else picture()
    bench.put("gate/a.jpg", data, age=case.age)
    await bench.take("gate/a.jpg")
    frame = (await bench.frames())[-1]
    assert (frame["captured_from"], frame["captured_at"] - NOON, frame["clock_suspect"]) == (
        case.source,
        case.captured,
        case.suspect,
    )
    assert frame["received_at"] == NOON


async def test_when_a_file_was_complete_is_kept_and_unknown_of_a_scan(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture(1))
    bench.put("gate/b.jpg", picture(2))
    closed_at = bench.clock.now()
    bench.clock.advance(2)
    heard = FoundFile("gate/a.jpg", "watch", completed_at=closed_at)
    await bench.ingest().handle([heard])
    await bench.scan()
    frames = {frame["path"]: frame for frame in await bench.frames()}
    assert frames["a.jpg"]["completed_at"] == closed_at
    assert frames["a.jpg"]["received_at"] == closed_at + timedelta(seconds=2)
    assert frames["b.jpg"]["completed_at"] is None


async def test_a_file_written_while_its_batch_is_read_is_not_from_the_future(bench: Bench) -> None:
    """The moment of receipt is stamped after the reading: here the store takes an hour."""

    class SlowStore(ContentStore):
        def put(self, content_hash: bytes, data: bytes) -> None:
            super().put(content_hash, data)
            bench.clock.advance(3600)

    bench.put("gate/a.jpg", picture(), age=-HOUR / 2)
    intake = Intake(bench.root, SlowStore(bench.pictures), LIMITS, bench.zone)
    ingest = Ingest(intake, bench.database, bench.bells, bench.clock)
    await ingest.handle([FoundFile("gate/a.jpg", "watch")])
    (frame,) = await bench.frames()
    assert (frame["captured_from"], frame["clock_suspect"]) == ("mtime", False)
