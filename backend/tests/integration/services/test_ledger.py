"""The one invariant, under whatever may happen, in whatever order.

Every complete file is a frame in a final state, or a record in quarantine with a reason; nothing is
lost, and nothing is done twice.
"""

import asyncio
import logging
import os
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import accumulate, count, groupby
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
import structlog
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from backend.core import queue
from backend.core.content_store import ContentStore
from backend.core.database import Database
from backend.core.redis import RedisClient
from backend.domain.frames import MAX_ATTEMPTS
from backend.domain.paths import path_as_text
from backend.domain.thumbnails import thumbnail_path
from backend.services.analysis.recompute import judged_again
from backend.services.detection.detector import Findings
from backend.tests.fixtures.database import WorkerDatabase
from backend.tests.fixtures.gates import How, Stop
from backend.tests.fixtures.redis import redis_prefix
from backend.tests.fixtures.run import Services
from backend.tests.fixtures.site import KINDS, PARTS, Content, Site

FOLDERS = ["Front Door", "front-door!", "\u202etor\u202c ä"]  # the first two want one slug
NAMES = ["a.jpg", "100%25.JPG", os.fsdecode(b"\xff\\.png")]
WORKERS = ["one", "two", "three"]
STEPS = 32
"""A worker hears a bell, and looks at one picture, in fewer."""

places = st.tuples(st.sampled_from(FOLDERS), st.sampled_from(NAMES))
kinds = st.sampled_from(KINDS) | st.sampled_from(["70", "120"])
contents = st.builds(Content, kinds, st.integers(0, 2))
workers = st.sampled_from(WORKERS)
parts = st.sampled_from(PARTS) | st.just("detect")
a_stop = st.builds(Stop, st.sampled_from(How), st.integers(1, STEPS))
stops = st.one_of(a_stop, a_stop, a_stop, st.none())

Mishap = str | timedelta | bool | None
"""A worker is killed; the wall clock jumps; the detector goes or comes; Redis forgets all."""
jumps = st.sampled_from([-86_400, -45, -20, 20, 45, 86_400]).map(lambda s: timedelta(seconds=s))
mishaps: st.SearchStrategy[Mishap] = st.one_of(workers, jumps, st.booleans(), st.none())


class Place:
    """The servers and the folder of one test, and a loop that lives as long."""

    def __init__(self, database: WorkerDatabase, services: Services, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self._database = Database(database.url)
        self._redis = RedisClient(services.redis_url, prefix=redis_prefix())
        self._clean = database.restore
        self._folder = folder
        self._numbers = count()

    def site(self, *, remove_after_import: bool) -> Site:
        """A new site, over servers that are empty."""
        return Site(
            self._folder / str(next(self._numbers)),
            self._database,
            self._redis,
            remove_after_import=remove_after_import,
        )

    def clear(self, site: Site) -> None:
        """End a site, and bring the servers back to what they were."""

        async def work() -> None:
            await site.end()
            await site.flush_redis()
            await self._clean()

        self.runner.run(work())
        rmtree(site.root.parent)

    def close(self) -> None:
        """Close the connections."""

        async def work() -> None:
            await self._redis.close()
            await self._database.close()

        self.runner.run(work())
        self.runner.close()


class LedgerMachine(RuleBasedStateMachine):
    """Files come, workers work and are stopped, Redis forgets, clocks jump: in any order."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place
        self._failed = False
        self.site: Site | None = None

    @initialize(remove_after_import=st.booleans())
    def begin(self, remove_after_import: bool) -> None:
        self.site = self._place.site(remove_after_import=remove_after_import)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._failed = True
        self._place.runner.run(work)
        self._failed = False

    @property
    def _site(self) -> Site:
        assert self.site is not None
        return self.site

    @rule(place=places, content=contents, seconds_ago=st.integers(-90, 400), is_heard=st.booleans())
    def a_file_comes(
        self, place: tuple[str, str], content: Content, seconds_ago: int, is_heard: bool
    ) -> None:
        self._site.write(*place, content, seconds_ago=seconds_ago, is_heard=is_heard)

    @rule(
        place=places,
        shade=st.sampled_from(["70", "120"]),
        gaps=st.lists(st.integers(1, 33), min_size=2, max_size=9),
    )
    def a_visit(self, place: tuple[str, str], shade: str, gaps: list[int]) -> None:
        """Somebody is seen in picture after picture, which come as they please."""
        folder, name = place
        for number, seconds_ago in enumerate(accumulate(gaps)):
            content = Content(shade, number)
            self._site.write(folder, f"{number}{name}", content, seconds_ago=seconds_ago)

    @rule(name=workers, part=parts, stop=stops)
    def a_worker_works(self, name: str, part: str, stop: Stop | None) -> None:
        self._run(self._site.worker(name).do(part, stop))

    @rule(name=workers, place=places, content=contents, stop=stops)
    def a_worker_takes_in_what_comes_and_looks_at_it(
        self, name: str, place: tuple[str, str], content: Content, stop: Stop | None
    ) -> None:
        async def work() -> None:
            self._site.write(*place, content, seconds_ago=5)
            await self._site.worker(name).do("watch")
            await self._site.worker(name).do("detect", stop)

        self._run(work())

    @rule(part=parts, other=parts, stop=stops, other_stop=stops)
    def two_work_at_once(
        self, part: str, other: str, stop: Stop | None, other_stop: Stop | None
    ) -> None:
        async def work() -> None:
            await asyncio.gather(
                self._site.worker("one").do(part, stop),
                self._site.worker("two").do(other, other_stop),
            )

        self._run(work())

    @rule(seconds=st.sampled_from([1, 11, 31, 61, 3600]))
    def time_passes(self, seconds: float) -> None:
        self._site.clock.advance(seconds)

    @rule(mishap=mishaps)
    def something_happens(self, mishap: Mishap) -> None:
        """Each kind alone as a rule would be most of what happens."""
        match mishap:
            case str(name):
                self._run(self._site.worker(name).kill())
            case timedelta():
                self._site.clock.jump(mishap)
            case bool(available):
                self._site.detector.available = available
            case None:
                self._run(self._site.flush_redis())

    def teardown(self) -> None:
        if self.site is None:
            return
        try:
            if not self._failed:
                self._place.runner.run(end_well(self.site))
        finally:
            self._place.clear(self.site)


async def end_well(site: Site) -> None:
    """Let everything be worked off, and look at what came of it."""
    await site.thaw_all()
    await site.settle()
    await every_file_is_somewhere(site)
    await every_frame_is_final(site)
    await every_frame_has_what_it_shows(site)
    await events_are_the_sum_of_their_frames(site)
    await the_outbox_tells_it_all(site)


async def every_file_is_somewhere(site: Site) -> None:
    """What was in a place last is a frame, or in quarantine; what was there before may be one."""
    frames = await site.rows(
        "SELECT c.folder, f.path, f.content_hash FROM frames f JOIN cameras c ON c.id = f.camera_id"
    )
    taken = {(row["folder"], row["path"], row["content_hash"]) for row in frames}
    assert len(taken) == len(frames)
    bad = {
        row["path"]: row["reason"]
        for row in await site.rows("SELECT * FROM quarantined_files WHERE released_at IS NULL")
    }
    possible = set()
    for (folder, name), written in site.written.items():
        place = (path_as_text(folder), path_as_text(name))
        *_, last = written
        possible |= {(*place, content.content_hash) for content in written if content.is_whole}
        assert ((*place, last.content_hash) in taken) == last.is_whole, (place, last)
        assert bool(bad.pop("/".join(place), "")) != last.is_whole, (place, last)
    assert taken <= possible
    assert not bad
    store = ContentStore(site.pictures)
    for *_, content_hash in taken:
        store.read(content_hash)


async def every_frame_is_final(site: Site) -> None:
    """Each in the state that its picture earns, with a reason where it is to be regretted."""
    shown = {
        content.content_hash: content for written in site.written.values() for content in written
    }
    for frame in await site.rows("SELECT * FROM frames"):
        content = shown[frame["content_hash"]]
        allowed = {_state_of(content, _of_scene(frame))}
        harm = site.harm_to(frame["id"])
        if harm >= MAX_ATTEMPTS:
            allowed.add("buried")
        assert frame["state"] in allowed, (content, frame["reason"], harm)
        assert (frame["reason"] is not None) == (frame["state"] in {"quarantined", "buried"})
        assert (frame["event_id"] is not None) == (frame["state"] == "attached")
    assert await site.rows("SELECT * FROM cameras WHERE lease_holder IS NOT NULL") == []


def _state_of(content: Content, of_scene: list[str]) -> str:
    if isinstance(content.shows, Findings):
        return "attached" if len(content.shows.detections) > len(of_scene) else "empty"
    return "quarantined" if content.shows is None else "buried"


def _of_scene(frame: dict[str, Any]) -> list[str]:
    """The classes of what was found in a frame and belongs to the scene."""
    dropped = (frame["remarks"] or {}).get("dropped", {})
    return [
        reason.removeprefix("scene:")
        for reason, times in dropped.items()
        for _ in range(times if reason.startswith("scene:") else 0)
    ]


async def every_frame_has_what_it_shows(site: Site) -> None:
    """Its detections once, and its detector has learnt from each once."""
    shown = {
        content.content_hash: content.shows
        for written in site.written.values()
        for content in written
    }
    found = await site.rows(
        "SELECT f.id, f.content_hash, f.state, f.remarks,"
        " array_remove(array_agg(d.class_name ORDER BY d.id), NULL) AS classes,"
        " bool_and(d.event_id = f.event_id) AS agree"
        " FROM frames f LEFT JOIN detections d ON d.frame_id = f.id GROUP BY f.id"
    )
    for frame in found:
        shows = shown[frame["content_hash"]]
        detections = shows.detections if isinstance(shows, Findings) else ()
        attached = frame["state"] == "attached"
        wanted = [detection.class_name for detection in detections]
        if frame["state"] in {"attached", "empty"}:
            assert sorted([*frame["classes"], *_of_scene(frame)]) == sorted(wanted)
        else:
            assert frame["classes"] == []
        assert frame["agree"] is (True if attached else None)
        assert thumbnail_path(site.thumbnails, frame["id"]).exists() or not attached
    learnt = await site.rows(
        "SELECT c.id, (SELECT count(*) FROM frames f WHERE f.camera_id = c.id"
        " AND f.state IN ('attached', 'empty')) AS looked_at, m.memory"
        " FROM cameras c LEFT JOIN detector_memories m ON m.camera_id = c.id"
    )
    for camera in learnt:
        assert int(camera["memory"] or b"0") == camera["looked_at"]


async def events_are_the_sum_of_their_frames(site: Site) -> None:
    """Spans, counts and scores are those of what was attached; each judgement is there once."""
    frames = {
        row["event_id"]: row
        for row in await site.rows(
            "SELECT event_id, min(captured_at) AS first, max(captured_at) AS last,"
            " count(*) AS frames FROM frames WHERE event_id IS NOT NULL GROUP BY event_id"
        )
    }
    detections = await _by_event(
        site,
        "SELECT d.*, f.captured_at FROM detections d JOIN frames f ON f.id = d.frame_id"
        " ORDER BY d.event_id, f.id, d.id",
    )
    assessments = await _by_event(site, "SELECT * FROM assessments ORDER BY event_id, number")
    events = await site.rows("SELECT * FROM events ORDER BY id")
    assert {event["id"] for event in events} == set(frames) == set(detections) == set(assessments)
    for event in events:
        its = frames[event["id"]]
        assert (event["first_at"], event["last_at"]) == (its["first"], its["last"])
        assert event["frames"] == its["frames"]
        assert event["detections"] == len(detections[event["id"]])
        assert event["state"] == "closed"
        _are_sound(event, detections[event["id"]], assessments[event["id"]])


def _are_sound(
    event: dict[str, Any], detections: list[dict[str, Any]], assessments: list[dict[str, Any]]
) -> None:
    """Judgements are numbered, each knew more than the one before, and can be made again."""
    assert [row["number"] for row in assessments] == [*range(1, len(assessments) + 1)]
    known = [row["upto_detection_id"] for row in assessments]
    assert known == sorted(set(known))
    assert known[-1] == max(row["id"] for row in detections)
    assert assessments[-1]["score"] == event["score"]
    for assessment in assessments:
        upto = [row for row in detections if row["id"] <= assessment["upto_detection_id"]]
        assert judged_again(upto, assessment["time_zone"]).score == assessment["score"]


async def the_outbox_tells_it_all(site: Site) -> None:
    """In numbers without a gap: opened once, told of each attaching, and closed in the end."""
    (counter,) = await site.rows("SELECT last_number FROM outbox_counter")
    told = await site.rows("SELECT * FROM outbox ORDER BY number")
    assert [row["number"] for row in told] == [*range(1, counter["last_number"] + 1)]
    by_event = await _by_event(site, "SELECT * FROM outbox ORDER BY event_id, number")
    judged = await _by_event(site, "SELECT * FROM assessments ORDER BY event_id")
    assert set(by_event) == set(judged)
    for event_id, messages in by_event.items():
        kinds = [row["kind"] for row in messages]
        assert kinds[0] == "event.opened"
        assert kinds[-1] == "event.closed"
        assert kinds.count("event.opened") == 1
        assert kinds.count("event.updated") == len(judged[event_id]) - 1
        sizes = [row["payload"]["event"]["detections"] for row in messages]
        assert sizes == sorted(sizes)


async def _by_event(site: Site, query: str) -> dict[int, list[dict[str, Any]]]:
    """Rows that are ordered by event."""
    rows = await site.rows(query)
    return {key: list(group) for key, group in groupby(rows, key=lambda row: int(row["event_id"]))}


@pytest.fixture
def place(
    worker_database: WorkerDatabase,
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    # After a minute of the server's own time, which no test can move.
    monkeypatch.setattr(queue, "_STALE_MS", 0)
    made = Place(worker_database, services, tmp_path)
    # Thousands of faults are told of, with their traces.
    told = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield made
    structlog.configure(**told)
    with suppress(RuntimeError):  # where a failed example has closed the loop already
        made.close()


@pytest.mark.slow
@pytest.mark.no_cover  # the same ways again and again
@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize(
    ("part", "before", "fewest_steps", "remove_after_import"),
    [
        ("watch", [], 8, True),
        ("scan", [], 5, False),
        ("detect", ["watch"], 12, False),
        ("close", ["watch", "detect"], 3, False),
        ("relay", ["watch", "detect"], 3, False),
    ],
)
def test_stopped_at_every_step(
    part: str,
    before: Sequence[str],
    fewest_steps: int,
    how: How,
    remove_after_import: bool,
    place: Place,
) -> None:
    """A worker is stopped, another takes over, and the first goes on or comes again.

    Until a run has no such step any more: then it was stopped at each.
    """
    site = place.site(remove_after_import=remove_after_import)
    stopped_at: list[int] = []

    async def work() -> None:
        for at in count(1):
            for content in (Content("70", at), Content("text", at)):
                site.write("Front Door", f"{at}{content.kind}.jpg", content, seconds_ago=at * 40)
            for earlier in before:
                await site.worker("one").do(earlier)
            one = site.worker("one")
            await one.do(part, Stop(how, at))
            if not one.gate.has_stopped:
                return
            stopped_at.append(at)
            site.clock.advance(61)
            for again in ("scan", "reconcile", "detect", "close", "relay"):
                await site.worker("two").do(again)
            await site.worker("one").do(part)

    try:
        place.runner.run(work())
        place.runner.run(end_well(site))
    finally:
        place.clear(site)
    assert len(stopped_at) >= fewest_steps


@pytest.mark.slow
@pytest.mark.no_cover  # the same ways again and again
def test_nothing_is_lost_and_nothing_done_twice(place: Place) -> None:
    # Shrinking would take longer than a test may: `-m long` does it.
    brief = settings(
        max_examples=settings().max_examples // 2,
        stateful_step_count=25,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
    )
    run_state_machine_as_test(lambda: LedgerMachine(place), settings=brief)  # type: ignore[arg-type]


@pytest.mark.long
def test_nothing_is_lost_and_nothing_done_twice_for_long(place: Place) -> None:
    thorough = settings(max_examples=settings().max_examples // 5, stateful_step_count=60)
    run_state_machine_as_test(lambda: LedgerMachine(place), settings=thorough)  # type: ignore[arg-type]
