"""A sound database passes every check, also in use; what was broken on purpose is found."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from backend.core.database import Database, get_database
from backend.core.redis import RedisClient
from backend.domain.frames import FileMark, FrameState
from backend.migrations.run import newest
from backend.services.live.relay import OutboxRelay
from backend.services.stores import cameras, dead_letters, frames, quarantine, suppressions
from backend.services.stores.dead_letters import Wanted
from backend.services.stores.frames import Outcome
from backend.services.stores.quarantine import BadFile
from backend.services.upkeep.consistency import (
    ANSWERS,
    CONSTRAINTS,
    LEDGER,
    NEWEST,
    SCHEMA,
    Check,
    examine,
)
from backend.tests.fixtures.database import WorkerDatabase
from backend.tests.fixtures.detectors import found
from backend.tests.fixtures.ledger import NOON, Ledger
from backend.tests.fixtures.stages import Works, live

SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def finished() -> list[WorkerDatabase]:
    """The rows of the house, once it was built."""
    return []


@pytest.fixture
async def house(
    ledger: Ledger,
    real_redis: RedisClient,
    worker_database: WorkerDatabase,
    finished: list[WorkerDatabase],
) -> Ledger:
    """A ledger with something of every kind in it, all by the product's own doing."""
    if finished:
        await finished[0].restore()
    else:
        await build(ledger, real_redis)
        finished.append(await WorkerDatabase.at(worker_database.url))
    return ledger


async def build(ledger: Ledger, redis: RedisClient) -> None:
    works = Works(ledger)
    porch, garden, gone = [await ledger.camera() for _ in range(3)]
    # One of several classes and frames, which come out of order.
    for at, seen in ((7200, ("cat", "person")), (7210, ("cat", "cat")), (7205, ("Äffchen",))):
        works.detector.script[NOON + at * SECOND] = found(*seen, confidence=0.7)
        await ledger.frame(garden, NOON + at * SECOND)
        await works.stage().handle(live(garden))
    # One that lasts so long that another continues it.
    times = [NOON + number * 30 * SECOND for number in range(32)]
    works.detector.script |= dict.fromkeys(times, found("person", confidence=0.83))
    await ledger.frames(porch, times)
    for _ in range(2):
        await works.stage().handle(live(porch))
    await ledger.frames(garden, [NOON + 9000 * SECOND])  # shows nothing
    await works.stage().handle(live(garden))
    for _ in range(3):
        await _give_up(ledger, await ledger.frame(garden))
    async with ledger.database.transaction() as session:
        first, second, _ = await dead_letters.lock_dead(session, Wanted(), limit=3)
        assert await dead_letters.replay(session, [first], now=NOON) == [garden]
        assert await dead_letters.discard(session, [second], now=NOON) == 1
    await works.stage().handle(live(garden))
    await ledger.frame(gone)
    await _suppress(ledger, garden)
    async with ledger.database.transaction() as session:
        await quarantine.put(session, [BadFile("a/b.jpg", FileMark(1, 2, 3), "x", "y")], now=NOON)
        await cameras.bury(session, gone, now=NOON)
    await ledger.frame(porch, NOON + 99999 * SECOND)  # waits
    await OutboxRelay(ledger.database, redis, works.clock).relay()


async def _suppress(ledger: Ledger, camera: int) -> None:
    (track,) = await ledger.rows(
        "SELECT id FROM tracks WHERE camera_id = :id ORDER BY id LIMIT 1", id=camera
    )
    async with ledger.database.transaction() as session:
        source = await suppressions.from_track(session, camera, track["id"])
        assert source is not None
        await suppressions.add(session, camera, source, ends_at=NOON + SECOND, note=None, now=NOON)


async def _give_up(ledger: Ledger, frame: int) -> None:
    async with ledger.database.transaction() as session:
        outcome = Outcome(frame, FrameState.BURIED, reason="it cannot be done")
        await frames.finish(session, [outcome], detector=None, now=NOON)


async def examined(database: Database) -> dict[str, Check]:
    checks = await examine(database, newest=newest())
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check for check in checks}


async def failures(database: Database) -> dict[str, Sequence[str]]:
    return {
        name: check.examples if check.hindrance is None else [check.hindrance]
        for name, check in (await examined(database)).items()
        if not check.passed
    }


async def test_a_sound_ledger_passes(house: Ledger) -> None:
    (held,) = await house.rows(
        "SELECT count(*) AS events, count(continues_event_id) AS continuing FROM events"
    )
    assert held == {"events": 4, "continuing": 1}
    states = await house.rows("SELECT DISTINCT state FROM frames ORDER BY 1")
    assert [row["state"] for row in states] == ["attached", "buried", "empty", "received"]
    assert list(await examined(house.database)) == [ANSWERS, NEWEST, SCHEMA, CONSTRAINTS, *LEDGER]
    assert await failures(house.database) == {}


async def test_an_empty_one_passes(isolated_db: str) -> None:
    assert await failures(get_database()) == {}


async def test_nothing_stays_of_it(house: Ledger) -> None:
    query = (
        "SELECT (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.sequencename) FROM pg_sequences s) AS s, "
        "(SELECT jsonb_agg(relname ORDER BY relname, oid) FROM pg_class) AS classes, "
        "(SELECT jsonb_agg(to_jsonb(f) ORDER BY id) FROM frames f) AS frames, "
        "(SELECT jsonb_agg(to_jsonb(e) ORDER BY id) FROM events e) AS events, "
        "(SELECT jsonb_agg(to_jsonb(c) ORDER BY id) FROM cameras c) AS cameras, "
        "(SELECT jsonb_agg(to_jsonb(o) ORDER BY id) FROM outbox o) AS outbox"
    )
    before = await house.rows(query)
    await examined(house.database)
    assert await house.rows(query) == before


async def test_one_moment_is_looked_at_whoever_works(house: Ledger) -> None:
    """The transaction of somebody who is at work is neither waited for nor seen."""
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE events SET detections = detections + 1, score = 3"))
        await session.execute(text("UPDATE cameras SET lease_holder = 'half a lease'"))
        assert await failures(house.database) == {}
        await session.rollback()


BROKEN = {
    "a frame is attached if, and only if, it has an event": (
        "UPDATE frames SET event_id = NULL WHERE state = 'attached'"
    ),
    "a frame is attached if, and only if, it has detections": (
        "UPDATE frames SET state = 'empty' WHERE state = 'attached'"
    ),
    "a frame and its event are of one camera": (
        "UPDATE frames SET camera_id = (SELECT max(id) FROM cameras) WHERE state = 'attached'"
    ),
    "a detection and its frame are in one event": (
        "UPDATE detections SET event_id = (SELECT max(id) FROM events)"
    ),
    "a detection's track is there, and of its camera": (
        "UPDATE detections SET track_id = track_id + 1000"
    ),
    "a track was in sight when its detections were taken": (
        "UPDATE tracks SET last_at = first_at - interval '1 day', "
        "first_at = first_at - interval '1 day'"
    ),
    "a track is of the class with the most votes": "UPDATE tracks SET class_name = 'bird'",
    "a suppression is of the camera of its track": (
        "UPDATE suppressions SET camera_id = (SELECT max(id) FROM cameras)"
    ),
    "a frame that is given up has its reason": (
        "UPDATE frames SET reason = NULL WHERE state = 'buried'"
    ),
    "a buried frame has its dead letter": (
        "UPDATE dead_letters SET state = 'replayed', replays = 1, decided_at = last_at "
        "WHERE state = 'dead'"
    ),
    "what a dead letter tells of is buried": (
        "UPDATE frames SET state = 'received', finished_at = NULL WHERE state = 'buried'"
    ),
    "a dead letter knows what was decided of it": (
        "UPDATE dead_letters SET decided_at = NULL WHERE state = 'replayed'"
    ),
    "a dead letter has its reason": "UPDATE dead_letters SET reason = ''",
    "attempts are counted up from nothing": (
        "UPDATE frames SET attempts = -1 WHERE state = 'received'"
    ),
    "a file is a frame or in quarantine, and not both": (
        "INSERT INTO quarantined_files (path, code, reason, size, mtime_ns, inode, first_seen_at, "
        "last_seen_at) SELECT c.folder || '/' || f.path, '', '', size, mtime_ns, inode, "
        "received_at, received_at FROM frames f JOIN cameras c ON c.id = f.camera_id LIMIT 1"
    ),
    "an event sums up its frames and detections": "UPDATE events SET detections = detections + 1",
    "an event's score is that of its current assessment": "UPDATE events SET score = score + 1",
    "assessments are numbered without gaps": (
        "DELETE FROM assessments WHERE number = 1 AND event_id = "
        "(SELECT max(event_id) FROM assessments WHERE number = 2)"
    ),
    "the factors of an assessment add up to its score": (
        "UPDATE assessments SET factors = factors - 0"
    ),
    "what an assessment knew is in its event": (
        "UPDATE assessments SET upto_detection_id = upto_detection_id + 1000"
    ),
    "an event's cover is one of its frames": "UPDATE events SET cover_frame_id = NULL",
    "an event continues an earlier one of its camera": (
        "UPDATE events SET continues_event_id = id WHERE continues_event_id IS NOT NULL"
    ),
    "of a deleted camera only its tombstone is kept": "UPDATE cameras SET deleted_at = 'epoch'",
    "a lease has a holder and an end": "UPDATE cameras SET lease_holder = 'one'",
    "messages are numbered without gaps, up to the counter": "DELETE FROM outbox WHERE number = 2",
    "a message and its event are of one camera": "UPDATE outbox SET camera_id = camera_id + 1000",
}


def test_every_rule_is_broken_below() -> None:
    assert list(BROKEN) == list(LEDGER)


@pytest.mark.parametrize("rule", LEDGER)
async def test_rows_that_contradict_one_another_are_found(rule: str, house: Ledger) -> None:
    await house.change(BROKEN[rule])
    checks = await examined(house.database)
    check = checks[rule]
    assert (check.passed, check.hindrance) == (False, None)
    assert check.wrong >= len(check.examples) > 0
    assert all(checks[name].passed for name in (ANSWERS, NEWEST, SCHEMA, CONSTRAINTS))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("frames = frames + 1", "frames, counted"),
        ("first_at = first_at - interval '1 s'", "first at"),
        ("last_at = last_at + interval '1 s'", "last at"),
        ("classes = array_append(classes, 'dog')", "classes"),
        ("facts = jsonb_set(facts, '{seen,person,confidence}', '0.83')", "facts"),
    ],
)
async def test_each_sum_of_an_event_is_made_again(change: str, word: str, house: Ledger) -> None:
    await house.change(f"UPDATE events SET {change} WHERE facts -> 'seen' ? 'person'")
    found = await failures(house.database)
    assert list(found) == ["an event sums up its frames and detections"]
    assert all(word in example for example in found["an event sums up its frames and detections"])


async def test_the_counter_of_messages_must_be_there(house: Ledger) -> None:
    rule = "messages are numbered without gaps, up to the counter"
    for statement in ("UPDATE outbox_counter SET last_number = 1", "DELETE FROM outbox_counter"):
        await house.change(statement)
        assert list(await failures(house.database)) == [rule]


async def test_a_thousand_problems_are_counted_and_three_shown(house: Ledger) -> None:
    await house.change("UPDATE frames SET attempts = -1")
    check = (await examined(house.database))["attempts are counted up from nothing"]
    assert check.wrong == len(await house.states())
    assert len(check.examples) == 3


@pytest.mark.parametrize(
    ("statement", "difference", "taken"),
    [
        (
            "ALTER TABLE events DROP CONSTRAINT ex_events_one_at_a_time",
            "constraint ex_events_one_at_a_time of events is missing",
            "two events of a camera at once",
        ),
        (
            "ALTER TABLE events DROP CONSTRAINT ck_events_score",
            "constraint ck_events_score of events is missing",
            "an event with a score of 101",
        ),
        (
            "ALTER TABLE frames DROP CONSTRAINT uq_frames_camera_id_path_content_hash",
            "constraint uq_frames_camera_id_path_content_hash of frames is missing",
            "two frames of one file",
        ),
        (
            "ALTER TABLE detections DROP CONSTRAINT fk_detections_frame_id",
            "constraint fk_detections_frame_id of detections is missing",
            "a detection in no frame",
        ),
        ("DROP INDEX ix_frames_waiting", "index ix_frames_waiting is missing", None),
        (
            "DROP INDEX ix_events_first_at; CREATE INDEX ix_events_first_at ON events (first_at)",
            (
                "index ix_events_first_at is "
                "CREATE INDEX ix_events_first_at ON events USING btree (first_at), "
                "not CREATE INDEX ix_events_first_at ON events USING btree (first_at, id)"
            ),
            None,
        ),
        (
            "ALTER TABLE events ALTER summary DROP NOT NULL",
            "column events.summary is character varying, not character varying NOT NULL",
            None,
        ),
        (
            "ALTER TABLE frames ALTER attempts SET DEFAULT 1",
            (
                "column frames.attempts is smallint NOT NULL DEFAULT 1, "
                "not smallint NOT NULL DEFAULT 0"
            ),
            None,
        ),
        (
            "ALTER TABLE cameras ADD extra int",
            "column cameras.extra is none of ours",
            None,
        ),
        (
            (
                "ALTER TABLE events DROP CONSTRAINT ck_events_span;"
                "ALTER TABLE events ADD CONSTRAINT ck_events_span CHECK (first_at <= last_at) "
                "NOT VALID"
            ),
            (
                "constraint ck_events_span of events is CHECK ((first_at <= last_at)) NOT VALID, "
                "not CHECK ((first_at <= last_at))"
            ),
            None,
        ),
    ],
)
async def test_a_schema_that_has_drifted_is_found(
    statement: str, difference: str, taken: str | None, isolated_db: str
) -> None:
    await changed(statement)
    found = await failures(get_database())
    assert found[SCHEMA] == [difference]
    assert found.get(CONSTRAINTS, []) == ([taken] if taken else [])
    assert found.keys() <= {SCHEMA, CONSTRAINTS}


async def changed(statements: str) -> None:
    async with get_database().transaction() as session:
        for statement in statements.split(";"):
            await session.execute(text(statement))


async def test_a_constraint_of_the_right_name_that_forbids_too_little_is_found(
    isolated_db: str,
) -> None:
    await changed(
        "ALTER TABLE detections DROP CONSTRAINT ck_detections_box;"
        "ALTER TABLE detections ADD CONSTRAINT ck_detections_box CHECK (x >= 0 AND y >= 0)"
    )
    found = await failures(get_database())
    assert list(found) == [SCHEMA, CONSTRAINTS]
    assert found[CONSTRAINTS] == ["a detection without an area"]


async def test_other_tables_are_nobodys_business(isolated_db: str) -> None:
    await changed("CREATE TABLE shopping_list (thing text)")
    assert await failures(get_database()) == {}


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM alembic_version", "it is at none, the newest is "),
        ("DROP TABLE alembic_version", "it is at none, the newest is "),
        ("UPDATE alembic_version SET version_num = '0000'", "it is at 0000, the newest is "),
        ("INSERT INTO alembic_version VALUES ('0000')", "it is at 0000, "),
    ],
)
async def test_a_stamp_that_is_not_the_newest_is_found(
    statement: str, said: str, isolated_db: str
) -> None:
    await changed(statement)
    failed = await failures(get_database())
    assert list(failed) == [NEWEST]
    assert failed[NEWEST][0].startswith(said)


async def test_what_rests_on_something_missing_is_not_checked(isolated_db: str) -> None:
    await changed("ALTER TABLE frames DROP COLUMN reason")
    found = await failures(get_database())
    assert found == {
        SCHEMA: ["column frames.reason is missing"],
        "a frame that is given up has its reason": [
            'not possible here: column "reason" does not exist'
        ],
    }
    await changed("DROP TABLE assessments")
    assert (await failures(get_database()))[CONSTRAINTS] == [
        'not possible here: relation "assessments" does not exist'
    ]


async def test_an_empty_database_has_nothing(isolated_db: str) -> None:
    await changed("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    checks = await examined(get_database())
    assert [name for name, check in checks.items() if check.passed] == [ANSWERS]


async def test_a_database_that_does_not_answer_is_the_only_news() -> None:
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    (check,) = await examine(database, newest="0001")
    assert check.name == ANSWERS
    assert (check.hindrance or "").startswith("no database: ")
    await database.close()
