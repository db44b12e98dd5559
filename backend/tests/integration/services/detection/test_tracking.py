"""Tracks, scene, masks and suppressions in the detection stage, on the real tables."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import event as sql

from backend.core.database import Session
from backend.domain.boxes import Box, Detection
from backend.domain.events import Span
from backend.domain.thumbnails import thumbnail_path
from backend.domain.tracks import TrackState
from backend.services.detection.detector import Findings
from backend.services.stores import cameras, tracks
from backend.tests.fixtures.ledger import HEIGHT, NOON, WIDTH, Ledger
from backend.tests.fixtures.stages import Works, backlog
from backend.tests.fixtures.tracking_strategies import Frame, frames, track_of

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
CAR = Detection("car", 0.8, Box(0.25, 0.25, 0.5, 0.5))


@pytest.fixture
def works(ledger: Ledger) -> Works:
    return Works(ledger)


def picture(number: int) -> bytes:
    """Always the same chequered thing in the middle of grey; as a file unlike any other."""
    pixels = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    pixels[12:36, 16:48] = 160
    pixels[12:24, 16:32] = pixels[24:36, 32:48] = 255
    return bytes(cv2.imencode(".jpg", pixels)[1].tobytes()) + number.to_bytes(4, "big")


async def look(works: Works, camera: int, sights: Sequence[tuple[datetime, Findings]]) -> None:
    """Take in a picture for each sight, and work them all off."""
    for number, (at, findings) in enumerate(sights):
        works.detector.script[at] = findings
        data = picture(number + int((at - NOON).total_seconds() * 1000))
        await works.ledger.frame(camera, at, picture=data)
    stage = works.stage()
    while "received" in (await works.ledger.states()).values():
        await stage.handle(backlog(camera))


def every(seconds: float, count: int, *shown: Detection, since: float = 0) -> list[Any]:
    times = [NOON + (since + seconds * i) * SECOND for i in range(count)]
    return [(at, Findings(shown)) for at in times]


async def states(works: Works) -> list[str]:
    rows = await works.ledger.rows("SELECT state FROM frames ORDER BY captured_at")
    return [row["state"] for row in rows]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each rolls back
@given(frames)
async def test_tracks_are_read_as_they_were_left(ledger: Ledger, shown: list[Frame]) -> None:
    """Exactly: what another worker, or a later process, goes on with is the same."""
    zoned = [
        replace(track, within=(("Porch", shown[0][0]),)) for track in track_of(shown)[-1].tracks
    ]
    async with ledger.database.transaction() as session:
        camera = await _camera(session)
        ids = await tracks.add(session, camera, zoned)
        span = Span(shown[0][0], shown[-1][0])
        found = await tracks.near(session, camera, span)
        assert found == dict(zip(ids, zoned, strict=True))
        moved = {id_: replace(track, missed=track.missed + 1) for id_, track in found.items()}
        await tracks.change(session, moved)
        assert await tracks.near(session, camera, span) == moved
        await session.rollback()


async def test_a_restart_after_each_frame_makes_the_same_tracks(works: Works) -> None:
    boxes = [Box(0.05 * i, 0.3, 0.2, 0.4) for i in range(8)]
    walked = [
        (NOON + i * SECOND, Findings((Detection("person", 0.9, box), CAR)))
        for i, box in enumerate(boxes)
    ]
    at_once, one_by_one = await works.ledger.camera(), await works.ledger.camera()
    await look(works, at_once, walked)
    for sight in walked:
        await look(works, one_by_one, [sight])
    first, second = [
        await works.ledger.rows(
            "SELECT first_at, last_at, still_since, sightings, stirred, missed, longest_missed, "
            "seen_moving, state, class_name, first_box, last_box, rest, print, votes, path "
            "FROM tracks WHERE camera_id = :id ORDER BY id",
            id=camera,
        )
        for camera in (at_once, one_by_one)
    ]
    assert first == second
    assert [track["sightings"] for track in first] == [8, 8]


async def test_detections_know_their_tracks(works: Works) -> None:
    camera = await works.ledger.camera()
    person = Detection("person", 0.9, Box(0, 0, 0.2, 0.4))
    await look(works, camera, every(1, 3, person, CAR))
    rows = await works.ledger.rows(
        "SELECT d.class_name, t.class_name AS track, count(*) AS n, count(DISTINCT t.id) AS tracks "
        "FROM detections d JOIN tracks t ON t.id = d.track_id GROUP BY 1, 2 ORDER BY 1"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("car", "car", 3, 1),
        ("person", "person", 3, 1),
    ]


async def test_what_belongs_to_the_scene_opens_no_event_and_has_no_thumbnail(works: Works) -> None:
    camera = await works.ledger.camera()
    await look(works, camera, every(10, 6, CAR))
    assert await states(works) == ["attached"] * 4 + ["empty"] * 2
    *_, last = await works.ledger.rows("SELECT * FROM frames ORDER BY captured_at")
    assert last["remarks"] == {"dropped": {"scene:car": 1}}
    assert not thumbnail_path(works.ledger.thumbnails, last["id"]).exists()
    (event,) = await works.ledger.rows("SELECT * FROM events")
    assert event["frames"] == event["detections"] == 4


async def test_what_is_said_to_be_no_scene_is_news_again(works: Works) -> None:
    camera = await works.ledger.camera()
    await look(works, camera, every(10, 6, CAR))
    await works.ledger.change("UPDATE tracks SET watched = true")  # state: still scene
    await look(works, camera, every(10, 3, CAR, since=3600))
    assert (await states(works))[-3:] == ["attached"] * 3
    (track,) = await works.ledger.rows("SELECT state, watched FROM tracks")
    assert track == {"state": TrackState.LIVE.value, "watched": True}


async def test_what_was_said_never_to_be_one_is_hidden_until_then(works: Works) -> None:
    camera = await works.ledger.camera()
    ends_at = works.clock.now() + DAY
    await works.ledger.change(
        "INSERT INTO suppressions (camera_id, created_at, ends_at, class_name, box, print) "
        "VALUES (:camera, :now, :end, 'person', ARRAY[0.25, 0.25, 0.5, 0.5], '')",
        camera=camera,
        now=works.clock.now(),
        end=ends_at,
    )
    coat = Detection("person", 0.7, Box(0.25, 0.25, 0.5, 0.5))
    other = Detection("person", 0.7, Box(0.0, 0.0, 0.2, 0.4))
    await look(works, camera, every(1, 2, coat) + every(1, 1, coat, other, since=2))
    assert await states(works) == ["empty", "empty", "attached"]
    (suppression,) = await works.ledger.rows("SELECT * FROM suppressions")
    assert (suppression["hidden"], suppression["hidden_at"]) == (3, works.clock.now())
    first, *_ = await works.ledger.rows("SELECT remarks FROM frames ORDER BY captured_at")
    assert first["remarks"] == {"dropped": {f"suppressed:{suppression['id']}": 1}}
    (event,) = await works.ledger.rows("SELECT detections FROM events")
    assert event["detections"] == 1

    works.clock.jump(2 * DAY)
    await look(works, camera, every(1, 1, coat, since=3600))
    assert (await states(works))[-1] == "attached"


async def test_masks_are_painted_before_anybody_looks(works: Works) -> None:
    """The detector gets black, and so does the thumbnail."""
    camera = await works.ledger.camera()
    await works.ledger.change(
        "INSERT INTO masks (camera_id, created_at, changed_at, name, enabled, points) VALUES "
        "(:camera, :now, :now, 'Window', true, '[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]'), "
        "(:camera, :now, :now, 'Off', false, '[[0.5, 0], [1, 0], [1, 1], [0.5, 1]]')",
        camera=camera,
        now=NOON,
    )
    person = Detection("person", 0.9, Box(0.6, 0.2, 0.3, 0.7))
    await look(works, camera, every(1, 1, person))
    (view,) = works.detector.views
    assert view.pixels[:, : WIDTH // 2].max() == 0
    assert view.pixels[:, WIDTH // 2 + 4 :].min() > 60
    (frame,) = await works.ledger.rows("SELECT id FROM frames")
    drawn = cv2.imread(str(thumbnail_path(works.ledger.thumbnails, frame["id"])))
    assert drawn is not None
    dark = drawn[40:, : drawn.shape[1] // 2 - 8]  # below the label
    assert dark.max() < 16


async def test_zones_and_lines_are_named_by_detections_and_events(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.change(
        "INSERT INTO zones (camera_id, created_at, changed_at, name, type, weight, priority, "
        "enabled, colour, classes, points) VALUES (:camera, :now, :now, 'Porch', 'entry_point', "
        "20, 0, true, '#3498db', '{person}', '[[0.5, 0], [1, 0], [1, 1], [0.5, 1]]')",
        camera=camera,
        now=NOON,
    )
    await works.ledger.change(
        "INSERT INTO lines (camera_id, created_at, changed_at, name, inwards, outwards, enabled, "
        "classes, points) VALUES (:camera, :now, :now, 'Step', 'coming home', 'going out', true, "
        "'{}', '[[0.5, 1], [0.5, 0]]')",
        camera=camera,
        now=NOON,
    )
    walked = [
        (NOON + i * SECOND / 2, Findings((Detection("person", 0.9, Box(x, 0.2, 0.1, 0.4)),)))
        for i, x in enumerate((0.35, 0.42, 0.5, 0.58))
    ]
    await look(works, camera, walked)
    rows = await works.ledger.rows("SELECT signs FROM detections ORDER BY id")
    assert [list(row["signs"] or {}) for row in rows] == [
        [],
        [],
        ["zones", "crossed"],
        ["zones"],
    ]
    assert rows[2]["signs"]["crossed"] == [
        {"line": "Step", "direction": "inwards", "words": "coming home"}
    ]
    assert rows[3]["signs"]["zones"] == [
        {"name": "Porch", "weight": 20, "seconds": 0.5, "entered": False}
    ]
    (event,) = await works.ledger.rows(
        "SELECT e.zones, e.summary, a.factors FROM events e JOIN assessments a "
        "ON a.event_id = e.id WHERE a.number = 1"
    )
    assert event["zones"] == ["Porch"]
    assert event["summary"].endswith(", in Porch")
    points = {factor["name"]: factor["points"] for factor in event["factors"]}
    assert (points["zone"], points["line_crossed"]) == (20, 10)


async def test_a_deleted_cameras_tracks_go_and_its_masks_stay(works: Works) -> None:
    camera = await works.ledger.camera()
    await works.ledger.change(
        "INSERT INTO masks (camera_id, created_at, changed_at, name, enabled, points) VALUES "
        "(:camera, :now, :now, 'Window', true, '[[0, 0], [0.5, 0], [0.5, 1]]')",
        camera=camera,
        now=NOON,
    )
    await look(works, camera, every(1, 2, CAR))
    async with works.ledger.database.transaction() as session:
        await cameras.bury(session, camera, now=NOON)
    assert await works.ledger.rows("SELECT id FROM tracks") == []
    assert len(await works.ledger.rows("SELECT id FROM masks")) == 1


@pytest.mark.parametrize("things", [1, 12])
async def test_statements_do_not_grow_with_the_number_of_tracks(works: Works, things: int) -> None:
    camera = await works.ledger.camera()
    shown = [Detection("car", 0.8, Box(0.08 * i, 0.3, 0.06, 0.1)) for i in range(things)]
    await look(works, camera, every(1, 2, *shown))
    for number in range(2):
        at = NOON + (10 + number) * SECOND
        works.detector.script[at] = Findings(tuple(shown))
        await works.ledger.frame(camera, at, picture=picture(10 + number))
    said: list[str] = []
    engine = works.ledger.database._engine.sync_engine
    sql.listen(engine, "before_cursor_execute", lambda *call: said.append(call[2]))
    await works.stage().handle(backlog(camera))
    assert len([one for one in said if "tracks" in one]) == 2
    assert len(said) == STATEMENTS


STATEMENTS = 16
"""Of a claim of two frames that widens an event: however much they show."""


async def _camera(session: Session) -> int:
    made = await cameras.create(session, folder="c", slug="c", name="c", time_zone=None, now=NOON)
    return made.id


async def test_of_tracks_that_are_over_only_the_last_are_read(works: Works) -> None:
    camera = await works.ledger.camera()
    await look(works, camera, every(1, 1, CAR))
    await works.ledger.change(
        "INSERT INTO tracks (camera_id, first_at, last_at, still_since, sightings, stirred, "
        "missed, longest_missed, seen_moving, watched, state, class_name, first_box, last_box, "
        "rest, print, votes, path, within, crossed) "
        "SELECT camera_id, t, t, t, 1, 0, 0, 0, false, false, "
        "'ended', class_name, first_box, last_box, rest, print, votes, path, within, crossed "
        "FROM tracks, generate_series(:begin, :end, interval '1 s') t",
        begin=NOON + SECOND,
        end=NOON + 400 * SECOND,
    )
    async with works.ledger.database.transaction() as session:
        found = await tracks.near(session, camera, Span(NOON - SECOND, NOON + DAY))
    alive, *over = found.values()
    assert alive.state is TrackState.LIVE
    assert len(over) == 256
    assert max(track.last_at for track in over) == NOON + 400 * SECOND


async def test_who_passes_elsewhere_is_not_the_one_that_left(works: Works) -> None:
    """A parked car was not seen for ten minutes; another drives past at the other end."""
    camera = await works.ledger.camera()
    parked = Detection("car", 0.8, Box(0.0, 0.7, 0.2, 0.2))
    await look(works, camera, every(10, 8, parked) + every(30, 22, since=80))
    passing = [
        (
            NOON + (900 + i) * SECOND,
            Findings((Detection("car", 0.8, Box(0.5 + 0.08 * i, 0.1, 0.15, 0.1)),)),
        )
        for i in range(4)
    ]
    await look(works, camera, passing)
    (left,) = await works.ledger.rows("SELECT id FROM tracks WHERE state = 'left'")
    signs = await works.ledger.rows(
        "SELECT signs FROM detections WHERE track_id <> :left", left=left["id"]
    )
    assert len(signs) == 4
    assert not any("departed" in (row["signs"] or {}) for row in signs)
