"""Leases and claims on the real tables."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncSession

from backend.core.database import Database
from backend.core.errors import Unavailable
from backend.domain.frames import Lane
from backend.services.detection.claims import CameraLocked, Claim, Claims
from backend.services.stores import cameras, frames
from backend.tests.fixtures.ledger import NOON, Ledger
from backend.tests.fixtures.stages import Works, asleep

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.fixture
def works(ledger: Ledger) -> Works:
    return Works(ledger)


async def taken(claims: Claims, camera: int, lane: Lane = Lane.LIVE) -> Claim:
    claim = await claims.take(camera, lane)
    assert claim is not None
    return claim


def ids(claim: Claim) -> list[int]:
    return [frame.id for frame in claim.frames]


async def lease(ledger: Ledger, camera: int) -> tuple[str | None, object]:
    (row,) = await ledger.rows(
        "SELECT lease_holder, lease_until FROM cameras WHERE id = :id", id=camera
    )
    return row["lease_holder"], row["lease_until"]


async def test_of_many_workers_one_takes_the_camera(works: Works) -> None:
    camera = await works.ledger.camera()
    frame = await works.ledger.frame(camera)
    claims = [works.claims(f"worker{n}") for n in range(6)]
    got = await asyncio.gather(*(one.take(camera, Lane.LIVE) for one in claims))
    (claim,) = [claim for claim in got if claim is not None]
    assert ids(claim) == [frame]
    assert await works.ledger.attempts() == {frame: 1}


async def test_cameras_are_taken_independently(works: Works) -> None:
    cameras = [await works.ledger.camera() for _ in range(2)]
    for camera in cameras:
        await works.ledger.frame(camera)
    claims = works.claims()
    first, second = [await taken(claims, camera) for camera in cameras]
    assert first.holder != second.holder


async def test_nobody_waits_long_for_a_camera_that_somebody_has_locked(works: Works) -> None:
    """Who stands still while it stores keeps its camera, and no other."""
    camera, other = [await works.ledger.camera() for _ in range(2)]
    for one in (camera, other):
        await works.ledger.frame(one)
    claims = works.claims()
    async with works.ledger.database.transaction() as session, asyncio.timeout(3):
        await cameras.lock_many(session, [camera])
        with pytest.raises(CameraLocked):
            await claims.take(camera, Lane.LIVE)
        assert len((await taken(claims, other)).frames) == 1
    assert len((await taken(claims, camera)).frames) == 1


async def test_a_camera_that_is_locked_for_a_moment_is_waited_for(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frame(camera)
    claims = works.claims()
    async with works.ledger.database.transaction() as session:
        await cameras.lock_many(session, [camera])
        taking = asyncio.create_task(claims.take(camera, Lane.LIVE))
        await asyncio.sleep(0.02)
    claim = await taking
    assert claim is not None
    assert len(claim.frames) == 1


async def test_a_lease_runs_out_and_then_another_may(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frame(camera)
    await taken(works.claims("dead"), camera)
    works.clock.advance(29)
    assert await works.claims("other").take(camera, Lane.LIVE) is None
    works.clock.advance(1)
    assert len((await taken(works.claims("other"), camera)).frames) == 1


async def test_a_lease_from_before_the_clock_was_put_back_does_not_last(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frame(camera)
    await taken(works.claims("dead"), camera)
    works.clock.jump(-DAY)
    assert await works.claims("other").take(camera, Lane.LIVE) is not None


async def test_a_worker_whose_clock_is_a_little_ahead_keeps_its_lease(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frame(camera)
    await taken(works.claims("ahead"), camera)
    works.clock.jump(-20 * SECOND)
    assert await works.claims("other").take(camera, Lane.LIVE) is None


async def test_a_lease_is_renewed_for_as_long_as_the_work_takes(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frame(camera)
    claims = works.claims()
    claim = await taken(claims, camera)
    async with claims.renewed(claim):
        for _ in range(6):
            await asleep(works.clock)
            works.clock.advance(10)
        await asleep(works.clock)
        assert await works.claims("other").take(camera, Lane.LIVE) is None
        assert await lease(works.ledger, camera) == (claim.holder, NOON + 90 * SECOND)
    assert works.clock.sleepers == 0


async def test_a_lost_lease_is_not_renewed(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frame(camera)
    claims = works.claims()
    claim = await taken(claims, camera)
    works.clock.advance(30)
    other = await taken(works.claims("other"), camera)
    async with claims.renewed(claim):
        await asleep(works.clock)
        works.clock.advance(10)
        await asleep(works.clock)
    assert await lease(works.ledger, camera) == (other.holder, NOON + 60 * SECOND)


async def test_at_most_sixteen_in_capture_order(works: Works) -> None:
    camera = await works.ledger.camera()
    late_first = [NOON - n * SECOND for n in range(20)]
    frame_ids = await works.ledger.frames(camera, late_first)
    claim = await taken(works.claims(), camera)
    assert ids(claim) == frame_ids[:3:-1]
    assert set((await works.ledger.attempts()).values()) == {0, 1}


async def test_frames_of_one_moment_go_in_the_order_of_their_coming(works: Works) -> None:
    camera = await works.ledger.camera()
    frame_ids = await works.ledger.frames(camera, [NOON] * 3)
    assert ids(await taken(works.claims(), camera)) == frame_ids


async def test_the_live_lane_leaves_the_backlog_and_the_backlog_takes_all(works: Works) -> None:
    camera = await works.ledger.camera()
    old = await works.ledger.frame(camera, received_at=NOON - 61 * SECOND)
    scanned = await works.ledger.frame(camera, found_by="scan")
    fresh = await works.ledger.frame(camera)
    claims = works.claims()
    assert await claims.lanes_waiting(camera) == {Lane.LIVE, Lane.BACKLOG}
    claim = await taken(claims, camera)
    assert ids(claim) == [fresh]
    await claims.settle()
    assert ids(await taken(claims, camera, Lane.BACKLOG))[:2] == [old, scanned]


async def test_a_frame_waits_in_one_lane_only(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frame(camera)
    claims = works.claims()
    assert await claims.lanes_waiting(camera) == {Lane.LIVE}
    works.clock.advance(60)
    assert await claims.lanes_waiting(camera) == {Lane.BACKLOG}


async def test_where_nothing_waits_in_the_lane_the_claim_is_over(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frame(camera, found_by="scan")
    assert ids(await taken(works.claims(), camera)) == []
    assert await lease(works.ledger, camera) == (None, None)


async def test_a_deleted_camera_and_one_that_is_not_there_have_no_work(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frame(camera)
    await works.ledger.change("UPDATE cameras SET deleted_at = now()")
    assert await works.claims().take(camera, Lane.LIVE) is None
    assert await works.claims().take(camera + 1000, Lane.LIVE) is None


async def crash(works: Works, camera: int) -> Claim:
    """A worker takes a claim and dies; its lease runs out."""
    claim = await taken(works.claims(), camera, Lane.BACKLOG)
    works.clock.advance(30)
    return claim


async def test_after_a_crash_one_at_a_time_until_the_one_that_kills_is_buried(
    works: Works,
) -> None:
    """The third of four frames kills every process that takes it."""
    camera = await works.ledger.camera()
    one, two, killer, four = await works.ledger.frames(
        camera, [NOON + n * SECOND for n in range(4)]
    )
    assert ids(await crash(works, camera)) == [one, two, killer, four]

    for expected in (one, two):
        claim = await taken(works.claims(), camera, Lane.BACKLOG)
        assert ids(claim) == [expected]
        await finish(works, claim)
    for _ in range(2):
        assert ids(await crash(works, camera)) == [killer]
    assert (await works.ledger.states())[killer] == "received"

    assert ids(await taken(works.claims(), camera, Lane.BACKLOG)) == [four]
    (row,) = await works.ledger.rows("SELECT * FROM frames WHERE id = :id", id=killer)
    assert (row["state"], row["attempts"]) == ("buried", 3)
    assert row["reason"] == "given up after 3 attempts: each time its process ended"
    (letter,) = await works.ledger.rows("SELECT * FROM dead_letters")
    assert (letter["frame_id"], letter["tries"], letter["state"]) == (killer, 3, "dead")
    assert (letter["reason"], letter["last_at"]) == (row["reason"], row["finished_at"])


async def finish(works: Works, claim: Claim) -> None:
    """As if the frames of a claim had shown nothing."""
    for frame in claim.frames:
        await works.ledger.change(
            "UPDATE frames SET state = 'empty', finished_at = now() WHERE id = :id", id=frame.id
        )
    await works.ledger.change("UPDATE cameras SET lease_holder = NULL, lease_until = NULL")


async def test_fresh_frames_before_one_that_failed_go_together(works: Works) -> None:
    camera = await works.ledger.camera()
    failed = await works.ledger.frame(camera, NOON + 5 * SECOND)
    await crash(works, camera)
    fresh = await works.ledger.frames(camera, [NOON, NOON + SECOND])
    after = await works.ledger.frame(camera, NOON + 9 * SECOND)
    assert ids(await taken(works.claims(), camera, Lane.BACKLOG)) == fresh
    assert (await works.ledger.attempts())[failed] == 1
    assert (await works.ledger.attempts())[after] == 0


async def test_more_hopeless_frames_than_a_batch_holds_leave_an_empty_claim(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frames(camera, [NOON + n * SECOND for n in range(18)])
    await works.ledger.change("UPDATE frames SET attempts = 3, reason = 'it broke' WHERE id > 0")
    counted = buried()
    assert ids(await taken(works.claims(), camera, Lane.BACKLOG)) == []
    assert buried() - counted == 16
    assert list((await works.ledger.states()).values()).count("buried") == 16
    (row,) = await works.ledger.rows("SELECT DISTINCT reason FROM frames WHERE state = 'buried'")
    assert row["reason"] == "given up after 3 attempts: it broke"


def buried() -> float:
    """How many frames this process has counted as buried."""
    return REGISTRY.get_sample_value("hsi_frames_finished_total", {"state": "buried"}) or 0


async def test_settling_gives_back_the_attempts_that_are_owed(works: Works) -> None:
    camera = await works.ledger.camera()
    frame = await works.ledger.frame(camera)
    claims = works.claims()
    claim = await taken(claims, camera)
    claims.owe(claim)
    await claims.settle()
    assert await works.ledger.attempts() == {frame: 0}
    assert ids(await taken(claims, camera)) == [frame]
    await claims.settle()  # what is no longer owed is not given back again
    assert await works.ledger.attempts() == {frame: 1}


async def test_what_was_stored_after_all_is_not_touched_by_settling(works: Works) -> None:
    camera = await works.ledger.camera()
    frame = await works.ledger.frame(camera)
    claims = works.claims()
    claim = await taken(claims, camera)
    await finish(works, claim)
    claims.owe(claim)
    await claims.settle()
    assert await works.ledger.attempts() == {frame: 1}
    assert await works.ledger.states() == {frame: "empty"}


class LosingDatabase(Database):
    """Another's connections, lost at a commit that comes to pass, or does not, all the same."""

    def __init__(self, database: Database, *, commits: bool) -> None:
        self._database = database
        self._commits = commits
        self.is_lost = True

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        gone = Unavailable("no database", code="database.unavailable")
        async with self._database.transaction() as session:
            yield session
            if self.is_lost and not self._commits:
                raise gone
        if self.is_lost:
            raise gone


@pytest.mark.parametrize("commits", [True, False])
async def test_a_claim_that_was_lost_at_its_commit_counts_nothing(
    works: Works, commits: bool
) -> None:
    camera = await works.ledger.camera()
    frame = await works.ledger.frame(camera)
    database = LosingDatabase(works.ledger.database, commits=commits)
    claims = Claims(database, works.clock, "worker")
    with pytest.raises(Unavailable):
        await claims.take(camera, Lane.LIVE)
    assert await works.ledger.attempts() == {frame: int(commits)}
    database.is_lost = False
    await claims.settle()
    assert await works.ledger.attempts() == {frame: 0}
    assert await lease(works.ledger, camera) == (None, None)


async def test_a_lost_claim_that_another_has_taken_over_is_left_to_it(works: Works) -> None:
    camera = await works.ledger.camera()
    frame = await works.ledger.frame(camera)
    database = LosingDatabase(works.ledger.database, commits=True)
    claims = Claims(database, works.clock, "worker")
    with pytest.raises(Unavailable):
        await claims.take(camera, Lane.LIVE)
    works.clock.advance(31)
    await taken(works.claims("other"), camera)
    database.is_lost = False
    await claims.settle()
    assert await works.ledger.attempts() == {frame: 2}


@pytest.mark.parametrize("other", ["host:12", "host:1#2", "HOST:1", "host_1", "ost:1"])
async def test_settling_releases_the_leases_of_this_name_only(works: Works, other: str) -> None:
    mine, theirs = [await works.ledger.camera() for _ in range(2)]
    for camera in (mine, theirs):
        await works.ledger.frame(camera)
    await taken(works.claims("host:1"), mine)
    await taken(works.claims(other), theirs)
    await works.claims("host:1").settle()
    assert await lease(works.ledger, mine) == (None, None)
    assert (await lease(works.ledger, theirs))[0] is not None
    await works.claims(other).settle()
    assert await lease(works.ledger, theirs) == (None, None)


async def test_settling_and_taking_do_not_wait_for_each_other(works: Works) -> None:
    """Both touch the camera and its frames; in one order, or it would be a deadlock."""
    camera = await works.ledger.camera()
    await works.ledger.frames(camera, [NOON + n * SECOND for n in range(8)])
    for round_number in range(8):
        claims = works.claims()
        claims.owe(await taken(claims, camera, Lane.BACKLOG))
        works.clock.advance(30)
        other = works.claims(f"other{round_number}")
        await asyncio.gather(claims.settle(), other.take(camera, Lane.BACKLOG))
        works.clock.advance(30)
        await works.ledger.change("UPDATE frames SET attempts = 0")


@pytest.mark.parametrize("counts", [True, False])
async def test_blame_is_remembered_for_frames_that_wait(works: Works, counts: bool) -> None:
    camera = await works.ledger.camera()
    waiting, final = await works.ledger.frames(camera, [NOON, NOON + SECOND])
    claims = works.claims()
    claim = await taken(claims, camera)
    await works.ledger.change(
        "UPDATE frames SET state = 'empty', finished_at = now() WHERE id = :id", id=final
    )
    await claims.blame(claim, ValueError("it broke"), counts=counts)
    assert await works.ledger.attempts() == {waiting: int(counts), final: 1}
    rows = await works.ledger.rows("SELECT id, reason FROM frames ORDER BY id")
    assert [(row["id"], row["reason"]) for row in rows] == [
        (waiting, "ValueError: it broke"),
        (final, None),
    ]
    async with works.ledger.database.transaction() as session:
        await frames.note_failures(session, {})


async def test_what_was_passed_over_has_its_turn_after_all_later_ones(works: Works) -> None:
    camera, other = await works.ledger.camera(), await works.ledger.camera()
    failed, same_moment, late = await works.ledger.frames(camera, [NOON, NOON, NOON + SECOND])
    elsewhere = await works.ledger.frame(other, NOON - SECOND)
    claims = works.claims()
    claims.pass_over((await taken(claims, camera)).frames[0])
    await claims.settle()
    assert await claims.lanes_waiting(camera) == {Lane.LIVE}
    assert ids(await taken(claims, other)) == [elsewhere]
    claim = await taken(claims, camera)
    assert (claim.frames[0].id, same_moment < late) == (same_moment, True)

    claims.pass_over(replace(claim.frames[0], id=late, captured_at=NOON + SECOND))
    await claims.settle()
    assert await claims.lanes_waiting(camera) == set()
    assert (await taken(claims, camera)).frames[0].id == failed
    assert await claims.lanes_waiting(camera) == {Lane.LIVE}


async def test_nothing_is_passed_over_any_more(works: Works) -> None:
    camera = await works.ledger.camera()
    frame = await works.ledger.frame(camera)
    claims = works.claims()
    claims.pass_over((await taken(claims, camera)).frames[0])
    claims.pass_over_none()
    assert await claims.lanes_waiting(camera) == {Lane.LIVE}
    await claims.settle()
    assert ids(await taken(claims, camera)) == [frame]
