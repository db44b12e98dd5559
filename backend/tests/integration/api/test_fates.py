"""How many frames became what, and why there was no event at some time."""

from datetime import timedelta
from typing import Any

import pytest

from backend.domain.frames import FileMark, FrameState
from backend.services.detection.detector import Findings
from backend.services.stores import frame_counts, frames, quarantine
from backend.services.stores.frames import Outcome
from backend.services.stores.quarantine import BadFile
from backend.tests.fixtures.application import ApplicationClient
from backend.tests.fixtures.ledger import NOON, Ledger
from backend.tests.fixtures.stages import live
from backend.tests.integration.api.conftest import House

SECOND = timedelta(seconds=1)
STATES = ("received", "attached", "empty", "skipped", "quarantined", "buried")


async def summary(client: ApplicationClient, query: str = "") -> dict[str, Any]:
    answer = await client.get(f"/api/frames/summary{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def why(client: ApplicationClient, **asked: Any) -> dict[str, Any]:
    answer = await client.get("/api/frames/why", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def slug_of(client: ApplicationClient, camera: int) -> str:
    slug: str = (await client.get(f"/api/cameras/{camera}")).json()["slug"]
    return slug


async def ended(
    ledger: Ledger, camera: int, state: FrameState, reason: str | None = None, *, at: int = 0
) -> int:
    frame = await ledger.frame(camera, NOON + at * SECOND)
    async with ledger.database.transaction() as session:
        await frames.finish(
            session, [Outcome(frame, state, reason=reason)], detector="scripted", now=NOON
        )
    return frame


async def test_an_empty_ledger_has_none(client: ApplicationClient) -> None:
    assert await summary(client) == {
        "total": 0,
        "final": 0,
        "by_state": dict.fromkeys(STATES, 0),
        "exact": True,
    }


async def test_frames_are_counted_by_state_and_camera(
    client: ApplicationClient, house: House
) -> None:
    porch, garden = await house.ledger.camera(), await house.ledger.camera()
    await house.visit(porch, "person")
    for state in (FrameState.BURIED, FrameState.SKIPPED, FrameState.QUARANTINED):
        await ended(house.ledger, porch, state, "because")
    for _ in range(2):
        await ended(house.ledger, garden, FrameState.EMPTY)
        await house.ledger.frame(garden)
    found = await summary(client)
    assert (found["total"], found["final"], found["exact"]) == (8, 6, True)
    assert found["by_state"] == dict(zip(STATES, (2, 1, 2, 1, 1, 1), strict=True))
    found = await summary(client, f"?camera={await slug_of(client, garden)}")
    assert (found["total"], found["final"], found["by_state"]["empty"]) == (4, 2, 2)
    assert (await client.get("/api/frames/summary?camera=nobody")).status_code == 404


async def test_many_frames_are_estimated_but_what_waits_is_counted(ledger: Ledger) -> None:
    porch, garden = await ledger.camera(), await ledger.camera()
    await ledger.change(
        """
        INSERT INTO frames (camera_id, received_at, captured_at, finished_at, size, mtime_ns, inode,
            width, height, clock_suspect, content_hash, path, found_by, captured_from, state)
        SELECT :porch, :now, :now, CASE WHEN n > 7 THEN CAST(:now AS timestamptz) END, 1, n, n,
            1, 1, false, sha256(''), CAST(n AS text), 'scan', 'mtime',
            CASE WHEN n > 7 THEN 'empty' ELSE 'received' END
        FROM generate_series(1, 1000) AS n
        """,
        porch=porch,
        now=NOON,
    )
    await ledger.change("ANALYZE frames")
    async with ledger.database.transaction() as session:
        counts, exact = await frame_counts.by_state(session, count_to=100)
        assert not exact
        assert counts[FrameState.RECEIVED] == 7
        assert counts[FrameState.EMPTY] == pytest.approx(993, rel=0.05)
        assert sum(counts.values()) == pytest.approx(1000, rel=0.05)
        counts, exact = await frame_counts.by_state(session, garden, count_to=100)
        assert exact
        assert sum(counts.values()) == 0
        counts, exact = await frame_counts.by_state(session)
        assert (sum(counts.values()), exact) == (1000, True)


async def test_nothing_came(client: ApplicationClient, ledger: Ledger) -> None:
    camera = await ledger.camera(time_zone="Europe/Berlin")
    slug = await slug_of(client, camera)
    found = await why(client, camera=slug, at="2025-06-01T14:00")
    assert found["at"] == "2025-06-01T12:00:00Z"
    assert found["time_zone"] == "Europe/Berlin"
    assert found["sentence"] == (
        "No event: no picture taken between 2025-06-01 13:58:00 and 2025-06-01 14:02:00 is known."
    )
    assert found["reasons"] == ["No picture of this camera is known at all."]
    await ledger.frames(camera, [NOON - 121 * SECOND, NOON + 300 * SECOND])
    found = await why(client, camera=slug, at="2025-06-01T14:00")
    assert found["reasons"] == [
        "The last picture before was taken at 2025-06-01 13:57:59.",
        "The first picture after was taken at 2025-06-01 14:05:00.",
    ]
    assert found["before"]["captured_at"] == "2025-06-01T11:57:59Z"
    assert found["frames"] == []
    wide = await why(client, camera=slug, at="2025-06-01T14:00", window=121)
    assert wide["counts"]["received"] == 1


async def test_a_camera_that_came_later_says_so(client: ApplicationClient, ledger: Ledger) -> None:
    slug = await slug_of(client, await ledger.camera(time_zone="UTC"))
    found = await why(client, camera=slug, at="2025-05-01T12:00:00Z")
    assert found["reasons"][0] == "The camera is known since 2025-06-01 12:00:00."


async def test_all_were_empty_and_what_was_dropped(client: ApplicationClient, house: House) -> None:
    camera = await house.ledger.camera()
    remark = "nothing that matters at a confidence of 0.35 or more"
    for number in range(3):
        at = NOON + number * SECOND
        house.works.detector.script[at] = Findings((), {"class:chair": 2}, remark)
        await house.ledger.frame(camera, at)
    await house.works.stage().handle(live(camera))
    slug = await slug_of(client, camera)
    found = await why(client, camera=slug, at=NOON.isoformat())
    assert found["sentence"].startswith("No event: of 3 pictures taken between ")
    assert found["sentence"].endswith(", none showed anything that matters.")
    assert found["reasons"] == [
        f"3 pictures were looked at by scripted and showed nothing that matters: {remark}.",
        "Found and not kept: chair (a class that does not matter), 6 in 3 pictures.",
    ]
    assert [one["captured_at"] for one in found["frames"]] == [
        f"2025-06-01T12:00:0{n}Z" for n in range(3)
    ]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (FrameState.SKIPPED, "1 picture was not looked at: because."),
        (FrameState.QUARANTINED, "1 picture cannot be decoded to the end: because."),
        (FrameState.BURIED, "1 picture is given up (`hsi dlq list`): because."),
    ],
)
async def test_what_was_not_looked_at_says_why(
    state: FrameState, said: str, client: ApplicationClient, ledger: Ledger
) -> None:
    camera = await ledger.camera()
    await ended(ledger, camera, state, "because")
    await ended(ledger, camera, FrameState.EMPTY, at=1)
    found = await why(client, camera=await slug_of(client, camera), at=NOON.isoformat())
    assert said in found["reasons"]
    assert found["sentence"].endswith(
        "1 showed nothing that matters, and 1 could not be, or were not, looked at."
    )


async def test_what_waits_may_still_become_one(client: ApplicationClient, ledger: Ledger) -> None:
    camera = await ledger.camera()
    await ledger.frame(camera)
    found = await why(client, camera=await slug_of(client, camera), at=NOON.isoformat())
    assert found["sentence"].startswith("No event yet: of 1 picture taken between ")
    assert found["reasons"] == ["1 picture still waits to be looked at."]


async def test_there_was_an_event(client: ApplicationClient, house: House) -> None:
    camera, other = await house.ledger.camera(), await house.ledger.camera()
    event = await house.visit(camera, "person", at=NOON)
    await house.visit(other, "dog", at=NOON)
    slug = await slug_of(client, camera)
    found = await why(client, camera=slug, at=(NOON + 60 * SECOND).isoformat())
    assert [one["id"] for one in found["events"]] == [event["id"]]
    assert found["sentence"].startswith("There was an event between ")
    assert found["reasons"][0].startswith(f"Event {event['id']}, open, medium 44: Person at ")


async def test_a_file_in_quarantine_is_named(client: ApplicationClient, ledger: Ledger) -> None:
    camera = await ledger.camera()
    slug = await slug_of(client, camera)
    written = int(NOON.timestamp()) * 10**9
    bad = [
        BadFile(f"{slug}/written.jpg", FileMark(0, written, 1), "file.empty", "it is empty"),
        BadFile(f"{slug}/other.jpg", FileMark(0, 1, 2), "file.empty", "it is empty"),
        BadFile(f"{slug}_2/written.jpg", FileMark(0, written, 3), "file.empty", "it is empty"),
    ]
    async with ledger.database.transaction() as session:
        await quarantine.put(session, bad, now=NOON + timedelta(days=1))
    found = await why(client, camera=slug, at=NOON.isoformat())
    assert [one["path"] for one in found["quarantine"]] == [f"{slug}/written.jpg"]
    assert f"{slug}/written.jpg is in quarantine: it is empty." in found["reasons"]


async def test_a_suspect_clock_is_said(client: ApplicationClient, ledger: Ledger) -> None:
    camera = await ledger.camera()
    await ledger.frame(camera)
    await ledger.change("UPDATE frames SET clock_suspect = true")
    found = await why(client, camera=await slug_of(client, camera), at=NOON.isoformat())
    assert any(one.startswith("The clock of 1 picture is suspect") for one in found["reasons"])


async def test_of_many_the_nearest_are_shown(client: ApplicationClient, ledger: Ledger) -> None:
    camera = await ledger.camera()
    await ledger.frames(camera, [NOON + n * SECOND for n in range(-15, 16)])
    found = await why(client, camera=await slug_of(client, camera), at=NOON.isoformat())
    assert [one["captured_at"] for one in found["frames"]] == [
        (NOON + n * SECOND).isoformat().replace("+00:00", "Z") for n in range(-10, 10)
    ]
    assert found["counts"]["received"] == 31


@pytest.mark.parametrize("at", ["soon", "25:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_a_time_that_is_none_is_refused(
    at: str, client: ApplicationClient, ledger: Ledger
) -> None:
    slug = await slug_of(client, await ledger.camera())
    answer = await client.get("/api/frames/why", params={"camera": slug, "at": at})
    assert (answer.status_code, answer.json()["code"]) == (422, "at.invalid")


async def test_a_camera_that_is_none_is_not_found(client: ApplicationClient) -> None:
    answer = await client.get("/api/frames/why", params={"camera": "nobody", "at": "03:10"})
    assert (answer.status_code, answer.json()["code"]) == (404, "camera.unknown")
