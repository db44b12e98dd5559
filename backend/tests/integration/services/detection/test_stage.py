"""Frames in, states out: the detection stage on the real tables, with a scripted detector."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from backend.core.database import Session
from backend.core.errors import Invalid, Unavailable
from backend.core.queue import Bell
from backend.domain.frames import Lane
from backend.domain.thumbnails import thumbnail_path
from backend.services.detection.detector import Findings, View
from backend.services.detection.stage import AttachDetections, DetectionStage
from backend.services.stores import cameras
from backend.services.topics import Sighting
from backend.tests.fixtures.detectors import NOTHING, ScriptedDetector, found
from backend.tests.fixtures.ledger import NOON, Ledger, jpeg
from backend.tests.fixtures.stages import UTC_ZONE, Works, backlog, live

SECOND = timedelta(seconds=1)
DOWN = Unavailable("the detector does not answer", code="detector.down")


@pytest.fixture
def works(ledger: Ledger) -> Works:
    return Works(ledger)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """To draw a trace with its pictures for the terminal takes longer than a test."""
    with capture_logs():
        yield


async def test_each_frame_ends_in_its_state_with_its_reason(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    times = [NOON + n * SECOND for n in range(4)]
    shown, empty, refused, gone = await ledger.frames(camera, times)
    broken = await ledger.frame(camera, NOON + 9 * SECOND, picture=b"no picture at all")
    works.detector.script = {
        times[0]: Findings(found("person").detections, dropped={"no box": 2}),
        times[1]: Findings((), remark="learning the scene", source="m at a:1"),
        times[2]: Invalid("too odd a picture", code="picture.odd"),
    }
    await remove_copy(ledger, gone)
    await works.stage().handle(live(camera))

    rows = {row["id"]: row for row in await ledger.rows("SELECT * FROM frames")}
    assert {frame: (row["state"], row["reason"]) for frame, row in rows.items()} == {
        shown: ("attached", None),
        empty: ("empty", None),
        refused: ("buried", "too odd a picture"),
        gone: ("buried", "the picture's copy is gone"),
        broken: ("quarantined", "the picture cannot be decoded"),
    }
    assert rows[shown]["remarks"] == {"dropped": {"no box": 2}}
    assert rows[empty]["remarks"] == {"detector": "learning the scene", "source": "m at a:1"}
    assert {row["detector"] for row in rows.values()} == {"scripted"}
    assert {row["finished_at"] for row in rows.values()} == {works.clock.now()}
    assert [frame for frame, row in rows.items() if row["event_id"]] == [shown]
    assert works.told == [1]
    assert await works.ringing() == []
    assert await ledger.rows("SELECT id FROM cameras WHERE lease_holder IS NOT NULL") == []


async def remove_copy(ledger: Ledger, frame: int) -> None:
    (row,) = await ledger.rows("SELECT content_hash FROM frames WHERE id = :id", id=frame)
    ledger.pictures.path(row["content_hash"]).unlink()


async def test_one_decode_a_picture_and_a_thumbnail_only_where_something_is(works: Works) -> None:
    camera = await works.ledger.camera()
    times = [NOON + n * SECOND for n in range(20)]
    frames = await works.ledger.frames(camera, times)
    works.detector.script = {at: found("dog") for at in times[::2]}
    stage = works.stage()
    for _ in range(2):
        await stage.handle(live(camera))
    assert len(works.decode.calls) == len(set(works.decode.calls)) == 20
    assert [view.captured_at for view in works.detector.views] == times
    drawn = [path for path in works.ledger.thumbnails.rglob("*") if path.is_file()]
    assert sorted(drawn) == sorted(
        thumbnail_path(works.ledger.thumbnails, frame) for frame in frames[::2]
    )
    pixels = cv2.imdecode(np.frombuffer(drawn[0].read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert max(pixels.shape[:2]) == 320


async def test_a_longer_queue_rings_again_after_each_batch(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frames(camera, [NOON + n * SECOND for n in range(17)])
    stage = works.stage()
    await stage.handle(live(camera))
    assert await works.ringing() == [(str(camera), Lane.LIVE)]
    await stage.handle(live(camera))
    assert await works.ringing() == []
    assert set((await works.ledger.states()).values()) == {"empty"}


async def test_a_live_bell_that_waited_too_long_rings_for_the_backlog(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frame(camera)
    works.clock.advance(60)
    stage = works.stage()
    await stage.handle(live(camera))
    assert works.detector.views == []
    assert await works.ringing() == [(str(camera), Lane.BACKLOG)]
    await stage.handle(backlog(camera))
    assert set((await works.ledger.states()).values()) == {"empty"}


async def test_memory_goes_from_view_to_view_and_is_kept_with_the_results(works: Works) -> None:
    camera, other = await works.ledger.camera(), await works.ledger.camera()
    times = [NOON + n * SECOND for n in range(3)]
    works.detector.script = {
        times[0]: found(memory=b"one"),
        times[1]: found("cat", memory=b"two"),
        times[2]: found(memory=b"three"),
    }
    await works.ledger.frames(camera, times[:2])
    stage = works.stage()
    await stage.handle(live(camera))
    await works.ledger.frames(camera, times[2:])
    await works.ledger.frames(other, times[:1])
    await stage.handle(live(camera))
    await stage.handle(live(other))
    assert works.detector.memories == [None, b"one", b"two", None]
    rows = await works.ledger.rows("SELECT memory FROM detector_memories ORDER BY camera_id")
    assert [row["memory"] for row in rows] == [b"three", b"one"]


async def test_what_was_seen_before_the_detector_went_away_is_stored(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    times = [NOON + n * SECOND for n in range(4)]
    frames = await ledger.frames(camera, times)
    works.detector.script = {
        times[0]: found("person", memory=b"one"),
        times[1]: found(memory=b"two"),
        times[2]: DOWN,
    }
    stage = works.stage()
    await stage.handle(live(camera))
    assert list((await ledger.states()).values()) == ["attached", "empty", "received", "received"]
    assert [(await ledger.attempts())[frame] for frame in frames] == [1, 1, 0, 0]
    assert await ledger.told() == ["event.opened", "event.assessed"]
    assert await works.ringing() == [(str(camera), Lane.LIVE)]

    works.detector.script = dict.fromkeys(times, NOTHING)
    works.clock.advance(1)
    await stage.handle(live(camera))
    assert works.detector.memories[-2] == b"two"
    assert list((await ledger.states()).values())[2:] == ["empty", "empty"]


async def test_an_outage_of_any_length_buries_nothing(works: Works) -> None:
    camera = await works.ledger.camera()
    frame = await works.ledger.frame(camera)
    works.detector.script = {NOON: DOWN}
    stage = works.stage()
    for _ in range(5):
        await stage.handle(live(camera))
        works.clock.advance(5)
    assert len(works.detector.views) == 5
    assert await works.ledger.attempts() == {frame: 0}
    works.detector.script = {}
    await stage.handle(live(camera))
    assert await works.ledger.states() == {frame: "empty"}


async def test_while_the_detector_is_away_the_work_waits_until_a_probe_finds_it(
    works: Works,
) -> None:
    """Nothing is claimed meanwhile; the first frame is the probe, and the others follow."""
    ledger = works.ledger
    camera = await ledger.camera()
    times = [NOON + n * SECOND for n in range(3)]
    await ledger.frames(camera, times)
    works.detector.script = dict.fromkeys(times, DOWN)
    running = asyncio.create_task(works.stage().run())
    await works.bells.ring(str(camera), Lane.LIVE)
    for tried in (1, 2, 3):
        await looked(works, tried)
        await unclaimed(works)
        works.clock.advance(0.1)
        assert len(works.detector.views) == tried
        if tried == 3:
            works.detector.script = {}
        works.clock.advance(5)
    await looked(works, 6)
    await unclaimed(works)
    running.cancel()
    await asyncio.wait([running])
    assert set((await ledger.states()).values()) == {"empty"}
    assert set((await ledger.attempts()).values()) == {1}


async def looked(works: Works, times: int) -> None:
    """Wait until the detector was asked so often."""
    async with asyncio.timeout(4):
        while len(works.detector.views) < times:
            await asyncio.sleep(0.001)


async def unclaimed(works: Works) -> None:
    """Wait until no camera is leased, and who waits for the breaker sleeps."""
    async with asyncio.timeout(4):
        while await works.ledger.rows("SELECT 1 FROM cameras WHERE lease_holder IS NOT NULL"):
            await asyncio.sleep(0.001)
        while works.clock.sleepers != 1 and works.detector.script:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("name", ["", "gate", "1.5", "9999999999"])
async def test_a_bell_of_another_version_is_passed_over(works: Works, name: str) -> None:
    await works.stage().handle(Bell(name, Lane.LIVE))
    assert works.detector.views == []


async def test_a_folder_of_pictures_that_is_away_is_waited_for(works: Works) -> None:
    camera = await works.ledger.camera()
    frame = await works.ledger.frame(camera)
    folder = works.ledger.folder / "pictures"
    folder.rename(works.ledger.folder / "away")
    stage = works.stage()
    await stage.handle(live(camera))
    assert await works.ledger.states() == {frame: "received"}
    works.clock.advance(1)
    (works.ledger.folder / "away").rename(folder)
    await stage.handle(live(camera))
    assert await works.ledger.states() == {frame: "empty"}
    assert await works.ledger.attempts() == {frame: 1}


class Mountable:
    """The cameras' folder, which is away until it is mounted."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.asked: list[int] = []
        self.is_there = False

    async def copy_again(self, frame_id: int) -> None:
        self.asked.append(frame_id)
        if not self.is_there:
            raise Unavailable("the cameras' folder is not there", code="media.root_gone")
        self._ledger.pictures.put(sha256(SCENE).digest(), SCENE)


SCENE = jpeg(77)


async def test_without_the_cameras_folder_only_frames_whose_copy_is_gone_wait(
    works: Works,
) -> None:
    ledger = works.ledger
    works.originals = away = Mountable(ledger)
    camera = await ledger.camera()
    gone = [
        await ledger.frame(camera, NOON + n * SECOND, picture=SCENE, received_at=NOON)
        for n in range(18)
    ]
    await remove_copy(ledger, gone[0])
    later = await ledger.frame(camera, NOON + 30 * SECOND, received_at=NOON)
    other = await ledger.camera()
    elsewhere = await ledger.frame(other, NOON, received_at=NOON)
    stage = works.stage()
    await works.bells.ring(str(camera), Lane.LIVE)
    await works.bells.ring(str(other), Lane.LIVE)
    for _ in range(6):
        bell = await works.bells.hear(0.001)
        if bell is not None:
            await stage.handle(bell)
    waiting = dict.fromkeys(gone, ("received", 0))
    assert await fates(ledger) == {later: ("empty", 1), elsewhere: ("empty", 1), **waiting}
    assert sorted(away.asked) == gone, (
        "each once, and nothing rings for them until somebody reconciles"
    )
    assert await works.ringing() == []
    away.is_there = True
    for _ in range(2):
        await stage.handle(live(camera))
    assert set((await ledger.states()).values()) == {"empty"}


async def fates(ledger: Ledger) -> dict[int, tuple[str, int]]:
    rows = await ledger.rows("SELECT id, state, attempts FROM frames")
    return {row["id"]: (row["state"], row["attempts"]) for row in rows}


async def test_thumbnails_that_cannot_be_written_are_waited_for(works: Works) -> None:
    camera = await works.ledger.camera()
    frame = await works.ledger.frame(camera)
    works.detector.script = {NOON: found("person", memory=b"learnt")}
    works.ledger.thumbnails.write_bytes(b"a file is in the way")
    stage = works.stage()
    await stage.handle(live(camera))
    assert await works.ledger.states() == {frame: "received"}
    assert await works.ledger.rows("SELECT memory FROM detector_memories") == []
    works.clock.advance(1)
    works.ledger.thumbnails.unlink()
    await stage.handle(live(camera))
    assert await works.ledger.states() == {frame: "attached"}


async def test_an_unexpected_error_at_one_frame_leaves_the_others_alone(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    times = [NOON + n * SECOND for n in range(3)]
    one, bad, three = await ledger.frames(camera, times)
    works.detector.script = {times[0]: found("person"), times[1]: ZeroDivisionError("a bug")}
    stage = works.stage()
    await stage.handle(live(camera))
    assert await ledger.states() == {one: "attached", bad: "received", three: "empty"}
    assert (await ledger.attempts())[bad] == 1
    elsewhere = await ledger.camera()
    for attempts in (2, 3):
        assert await works.ringing() == [(str(camera), Lane.LIVE)]
        await success(works, stage, elsewhere)
        await stage.handle(live(camera))
        assert (await ledger.attempts())[bad] == attempts
    assert await works.ringing() == [(str(camera), Lane.LIVE)]
    await stage.handle(live(camera))
    (row,) = await ledger.rows("SELECT * FROM frames WHERE id = :id", id=bad)
    assert (row["state"], row["attempts"]) == ("buried", 3)
    assert row["reason"] == "given up after 3 attempts: ZeroDivisionError: a bug"
    assert await works.ringing() == []


async def success(works: Works, stage: DetectionStage, camera: int) -> None:
    """A frame at which nothing goes wrong."""
    await works.ledger.frame(camera, NOON + timedelta(hours=1))
    await stage.handle(live(camera))


async def failure(stage: DetectionStage, camera: int) -> None:
    """The stage ends, as the supervisor sees it, and is started again."""
    with pytest.raises((ZeroDivisionError, MemoryError)):
        await stage.handle(live(camera))
    await stage._claims.settle()


async def test_an_unexpected_error_of_the_decoder_is_one_too(works: Works) -> None:
    camera = await works.ledger.camera()
    frames = await works.ledger.frames(camera, [NOON, NOON + SECOND])
    works.decode.error = MemoryError("too large")
    await failure(works.stage(), camera)
    rows = await works.ledger.rows("SELECT id, state, attempts, reason FROM frames ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [
        (frame, "received", 0, "MemoryError: too large") for frame in frames
    ]


async def test_where_every_frame_fails_none_is_buried(works: Works) -> None:
    """The bug begins while the stage runs: its first failure still counts as the frame's."""
    ledger = works.ledger
    cameras = [await ledger.camera() for _ in range(2)]
    stage = works.stage()
    await success(works, stage, cameras[0])
    works.decode.error = MemoryError("too large")
    for camera in cameras:
        await ledger.frames(camera, [NOON + n * SECOND for n in range(20)])
    await stage.handle(live(cameras[0]))
    for _ in range(6):
        for camera in cameras:
            await failure(stage, camera)
    states, attempts = await ledger.states(), await ledger.attempts()
    assert {attempts[frame] for frame in states if states[frame] == "received"} == {0, 1}
    assert list(states.values()).count("received") == 40

    works.decode.error = None
    running = asyncio.create_task(stage.run())
    for camera in cameras:
        await works.bells.ring(str(camera), Lane.LIVE)
    await ledger.all_final()
    running.cancel()
    await asyncio.wait([running])
    assert set((await ledger.states()).values()) == {"empty"}


async def test_more_bad_frames_than_a_batch_holds_do_not_keep_back_the_newer_ones(
    works: Works,
) -> None:
    """One camera, and nothing else that could succeed."""
    ledger = works.ledger
    camera = await ledger.camera()
    times = [NOON + n * SECOND for n in range(33)]
    works.detector.script = dict.fromkeys(times[:32], ZeroDivisionError("a bug"))
    await ledger.frames(camera, times)
    stage = works.stage()
    for _ in range(2):
        await failure(stage, camera)
    assert await works.ringing() == [(str(camera), Lane.LIVE)]
    await stage.handle(live(camera))
    assert list((await ledger.states()).values()) == ["received"] * 32 + ["empty"]
    assert set(list((await ledger.attempts()).values())[:32]) == {0}


async def test_a_bad_frame_alone_waits_quietly_until_others_have_succeeded(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    bad = await ledger.frame(camera)
    works.detector.script = {NOON: ZeroDivisionError("a bug")}
    stage = works.stage()
    for _ in range(4):
        await failure(stage, camera)
        assert await works.ringing() == []  # the reconciler's next will do
    assert await ledger.attempts() == {bad: 0}
    for attempts in (1, 2, 3):
        await success(works, stage, camera)
        await stage.handle(live(camera))
        assert (await ledger.attempts())[bad] == attempts
        if attempts < 3:
            await failure(stage, camera)
    await stage.handle(live(camera))
    assert (await ledger.states())[bad] == "buried"


async def test_a_copy_that_cannot_be_read_is_buried_and_the_others_go_on(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    bad, *good = await ledger.frames(camera, [NOON + n * SECOND for n in range(3)])
    (row,) = await ledger.rows("SELECT content_hash FROM frames WHERE id = :id", id=bad)
    ledger.pictures.path(row["content_hash"]).unlink()
    ledger.pictures.path(row["content_hash"]).mkdir()
    stage = works.stage()
    await stage.handle(live(camera))
    assert await ledger.states() == {bad: "received"} | dict.fromkeys(good, "empty")
    elsewhere = await ledger.camera()
    for _ in range(2):
        await stage.handle(live(camera))
        await success(works, stage, elsewhere)
    await stage.handle(live(camera))
    (row,) = await ledger.rows("SELECT state, reason FROM frames WHERE id = :id", id=bad)
    assert row["state"] == "buried"
    assert row["reason"].startswith("given up after 3 attempts: IsADirectoryError: ")


class BrokenAttach:
    """Attaches nothing: fails in the middle of the transaction that stores."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def attach(
        self,
        session: Session,
        camera_id: int,
        zone: ZoneInfo,
        sightings: Sequence[Sighting],
        *,
        detector: str,
    ) -> dict[int, int]:
        await session.execute(
            text("UPDATE cameras SET name = 'half done' WHERE id = :id"), {"id": camera_id}
        )
        if self.error is not None:
            raise self.error
        # The server ends this very connection.
        await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return {}


class Undone(Exception):  # noqa: N818 - not an error: what ends a transaction
    """The caller's transaction is not to be."""


ATTACHING: dict[str, tuple[Callable[[Works], AttachDetections], type[Exception]]] = {
    "shipped": (Works.events, Undone),
    "broken": (lambda _: BrokenAttach(LookupError("a bug")), LookupError),
    "cut off": (lambda _: BrokenAttach(None), Unavailable),
}
"""Who attaches, and by what the caller's transaction ends."""


@pytest.mark.parametrize("name", ATTACHING)
async def test_what_is_attached_is_so_on_the_caller_s_transaction_only(
    works: Works, name: str
) -> None:
    """What every implementation of `AttachDetections` keeps to."""
    make, end = ATTACHING[name]
    attaching = make(works)
    ledger = works.ledger
    camera = await ledger.camera()
    seen = Sighting(await ledger.frame(camera), NOON, found("person").detections)
    before = await everything(ledger)

    async def attach_and_leave() -> None:
        async with ledger.database.transaction() as session:
            await cameras.lock(session, camera)
            event_of = await attaching.attach(session, camera, UTC_ZONE, [seen], detector="any")
            assert event_of.keys() == {seen.frame_id}
            assert await everything(ledger) == before, "nobody else sees it yet"
            raise Undone

    with pytest.raises(end):
        await attach_and_leave()
    assert await everything(ledger) == before


async def test_a_database_that_goes_away_while_it_stores_leaves_nothing_half_done(
    works: Works,
) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    frame = await ledger.frame(camera)
    works.detector.script = {NOON: found("person", memory=b"learnt")}
    stage = works.stage(attach=BrokenAttach(None))
    with pytest.raises(Unavailable, match="no database"):
        await stage.handle(live(camera))
    assert await ledger.states() == {frame: "received"}
    assert await ledger.attempts() == {frame: 1}
    assert await ledger.rows("SELECT id FROM cameras WHERE name = 'half done'") == []
    assert await ledger.rows("SELECT memory FROM detector_memories") == []

    again = works.stage(attach=BrokenAttach(None))
    assert await again._claims.take(camera, Lane.LIVE) is None  # the lease is still held
    await stage._claims.settle()
    assert await ledger.attempts() == {frame: 0}
    assert len(await taken_ids(works, camera)) == 1


async def taken_ids(works: Works, camera: int) -> list[int]:
    claim = await works.claims("other").take(camera, Lane.LIVE)
    assert claim is not None
    return [frame.id for frame in claim.frames]


async def test_a_bug_while_storing_finds_its_frame_and_buries_it_with_the_reason(
    works: Works,
) -> None:
    """Only the frame that shows a person cannot be stored; the others are, one at a time."""
    ledger = works.ledger
    camera = await ledger.camera()
    times = [NOON + n * SECOND for n in range(3)]
    one, bad, three = await ledger.frames(camera, times)
    works.detector.script = {times[1]: found("person")}
    stage = works.stage(attach=BrokenAttach(ZeroDivisionError("a bug")))
    failures = 0
    for _ in range(9):
        try:
            await stage.handle(live(camera))
        except ZeroDivisionError:
            failures += 1
            await stage._claims.settle()  # as at the next start
    assert failures == 4  # once all together, and once without another's success since
    assert await ledger.states() == {one: "empty", bad: "buried", three: "empty"}
    (row,) = await ledger.rows("SELECT reason FROM frames WHERE id = :id", id=bad)
    assert row["reason"] == "given up after 3 attempts: ZeroDivisionError: a bug"


async def test_where_nothing_can_be_stored_nothing_is_buried(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    times = [NOON + n * SECOND for n in range(3)]
    await ledger.frames(camera, times)
    works.detector.script = dict.fromkeys(times, found("person"))
    broken = BrokenAttach(ZeroDivisionError("a bug"))
    stage = works.stage(attach=broken)
    for _ in range(12):
        await failure(stage, camera)
    assert set((await ledger.states()).values()) == {"received"}
    assert set((await ledger.attempts()).values()) == {1}  # of the first, together


async def test_results_of_a_lost_lease_are_dropped(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    frame = await ledger.frame(camera)
    slow = ScriptedDetector({NOON: found("person", memory=b"slow")})
    slow.go_on.clear()
    working = asyncio.create_task(works.stage("slow", detector=slow).handle(live(camera)))
    await slow.looking.wait()
    works.clock.jump(30 * SECOND)  # nobody is woken who would renew it
    works.detector.script = {NOON: found("cat", memory=b"quick")}
    await works.stage("quick").handle(live(camera))
    before = await everything(ledger)
    slow.go_on.set()
    await working
    assert await everything(ledger) == before
    assert await ledger.states() == {frame: "attached"}
    rows = await ledger.rows("SELECT class_name FROM detections")
    assert [row["class_name"] for row in rows] == ["cat"]


async def test_a_lost_lease_that_another_still_holds_is_left_to_it(works: Works) -> None:
    """And its attempt counts nothing: where clocks differ, workers take each other's leases."""
    ledger = works.ledger
    camera = await ledger.camera()
    frame = await ledger.frame(camera)
    works.detector.go_on.clear()
    working = asyncio.create_task(works.stage().handle(live(camera)))
    await works.detector.looking.wait()
    works.clock.jump(30 * SECOND)  # nobody is woken who would renew it
    claim = await works.claims("other").take(camera, Lane.LIVE)
    assert claim is not None
    works.detector.go_on.set()
    await working
    (row,) = await ledger.rows("SELECT lease_holder FROM cameras")
    assert row["lease_holder"] == claim.holder
    assert set((await ledger.states()).values()) == {"received"}
    assert await ledger.attempts() == {frame: 1}


async def everything(ledger: Ledger) -> list[list[dict[str, object]]]:
    return [
        await ledger.rows(f"SELECT * FROM {table} ORDER BY 1")
        for table in ("cameras", "frames", "detections", "events", "assessments", "outbox")
    ]


async def test_a_frame_that_is_final_meanwhile_stays_as_it_is(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    times = [NOON, NOON + SECOND]
    mine, done = await ledger.frames(camera, times)
    works.detector.script = dict.fromkeys(times, found("person"))
    works.detector.go_on.clear()
    working = asyncio.create_task(works.stage().handle(live(camera)))
    await works.detector.looking.wait()
    await ledger.change(
        "UPDATE frames SET state = 'buried', reason = 'by hand', finished_at = now() "
        "WHERE id = :id",
        id=done,
    )
    works.detector.go_on.set()
    await working
    assert await ledger.states() == {mine: "attached", done: "buried"}
    rows = await ledger.rows("SELECT frame_id FROM detections")
    assert [row["frame_id"] for row in rows] == [mine]


async def test_two_stages_that_hear_the_same_camera_do_its_work_once(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    times = [NOON + n * SECOND for n in range(12)]
    await ledger.frames(camera, times)
    works.detector.script = dict.fromkeys(times, found("person"))
    stages = [works.stage(f"worker{n}") for n in range(4)]
    await asyncio.gather(*(stage.handle(live(camera)) for stage in stages))
    assert len(works.detector.views) == 12
    (row,) = await ledger.rows(
        "SELECT count(*) AS n, count(DISTINCT frame_id) AS d FROM detections"
    )
    assert (row["n"], row["d"]) == (12, 12)


async def test_a_bell_heard_while_somebody_has_locked_the_camera_rings_again(
    works: Works,
) -> None:
    """Whoever renames it or draws on it: nobody else will look at what waits there."""
    ledger = works.ledger
    camera = await ledger.camera()
    frame = await ledger.frame(camera)
    stage = works.stage()
    async with works.ledger.database.transaction() as session:
        await cameras.lock_many(session, [camera])
        await stage.handle(live(camera))
    assert await works.ringing() == [(str(camera), Lane.LIVE)]
    await stage.handle(live(camera))
    assert await ledger.states() == {frame: "empty"}
    assert await works.ringing() == []


async def test_a_frame_that_comes_while_its_camera_is_worked_on_is_not_forgotten(
    works: Works,
) -> None:
    """Its bell was heard by another worker, in vain: who holds the lease rings again."""
    camera = await works.ledger.camera()
    await works.ledger.frame(camera)
    works.detector.go_on.clear()
    working = asyncio.create_task(works.stage("one").handle(live(camera)))
    await works.detector.looking.wait()
    await works.ledger.frame(camera, NOON + SECOND)
    await works.stage("two").handle(live(camera))
    assert await works.ringing() == []
    works.detector.go_on.set()
    await working
    assert await works.ringing() == [(str(camera), Lane.LIVE)]


async def test_stopped_it_ends_its_picture_and_stores_what_it_has(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    times = [NOON + n * SECOND for n in range(3)]
    one, *unseen = await ledger.frames(camera, times)
    works.detector.script = dict.fromkeys(times, found("person"))
    works.detector.go_on.clear()
    await works.bells.ring(str(camera), Lane.LIVE)
    running = asyncio.create_task(works.stage().run())
    await works.detector.looking.wait()
    running.cancel()
    await asyncio.sleep(0)
    assert not running.done()
    works.detector.go_on.set()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert running.cancelled()
    assert await ledger.states() == {one: "attached"} | dict.fromkeys(unseen, "received")
    assert await ledger.attempts() == {one: 1} | dict.fromkeys(unseen, 0)
    assert await ledger.rows("SELECT id FROM cameras WHERE lease_holder IS NOT NULL") == []
    assert await works.ringing() == [(str(camera), Lane.LIVE)]


async def test_stopped_it_does_not_wait_for_a_detector_that_hangs(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.services.detection.examiner._LAST_PICTURE_SECONDS", 0.01)
    ledger = works.ledger
    camera = await ledger.camera()
    times = [NOON + n * SECOND for n in range(3)]
    one, *unseen = await ledger.frames(camera, times)
    hanging = HangingDetector(times[1])
    await works.bells.ring(str(camera), Lane.LIVE)
    running = asyncio.create_task(works.stage(detector=hanging).run())
    await hanging.hangs.wait()
    running.cancel()
    async with asyncio.timeout(3):
        await asyncio.wait([running])
    assert await ledger.states() == {one: "empty"} | dict.fromkeys(unseen, "received")
    assert await ledger.attempts() == {one: 1} | dict.fromkeys(unseen, 0)
    assert await ledger.rows("SELECT id FROM cameras WHERE lease_holder IS NOT NULL") == []


class HangingDetector(ScriptedDetector):
    """Never answers for the picture of one moment; `hangs` is set from then on."""

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self.moment = moment
        self.hangs = asyncio.Event()

    async def detect(self, view: View, memory: bytes | None) -> Findings:
        """Nothing, if anything."""
        if view.captured_at == self.moment:
            self.hangs.set()
            await asyncio.Event().wait()
        return await super().detect(view, memory)


async def test_running_it_hears_and_works_off_everything(works: Works) -> None:
    ledger = works.ledger
    cameras = [await ledger.camera() for _ in range(3)]
    for camera in cameras:
        await ledger.frames(camera, [NOON + n * SECOND for n in range(20)])
        await works.bells.ring(str(camera), Lane.LIVE)
    running = asyncio.create_task(works.stage().run())
    await ledger.all_final()
    running.cancel()
    await asyncio.wait([running])
    # in turn, a batch each, and each camera's in order
    order = [view.camera_id for view in works.detector.views]
    assert order == [c for c in cameras for _ in range(16)] + [c for c in cameras for _ in range(4)]


async def test_the_camera_s_own_time_zone_judges_the_hour(works: Works) -> None:
    """Noon in UTC is night in Auckland."""
    ledger = works.ledger
    here, there = await ledger.camera(), await ledger.camera(time_zone="Pacific/Auckland")
    works.detector.script = {NOON: found("person")}
    stage = works.stage()
    for camera in (here, there):
        await ledger.frame(camera)
        await stage.handle(live(camera))
    rows = await ledger.rows("SELECT time_zone, factors FROM assessments ORDER BY id")
    night = ["at_night" in {factor["name"] for factor in row["factors"]} for row in rows]
    assert [row["time_zone"] for row in rows] == ["UTC", "Pacific/Auckland"]
    assert night == [False, True]
