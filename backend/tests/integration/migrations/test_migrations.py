"""The schema is what the migrations make, and the models say the same."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from backend.core.errors import Conflict, Unavailable
from backend.migrations.known import known_revisions
from backend.migrations.run import PATIENCE, Patience, alembic_config, upgrade
from backend.models import Table
from backend.tests.fixtures.named_databases import TestDatabases
from backend.tests.fixtures.run import ROOT
from backend.tests.fixtures.waiting import wait_for
from backend.tests.fixtures.worker import worker_name

Result = TypeVar("Result")

IMPATIENT = replace(PATIENCE, for_others=timedelta(milliseconds=100))

CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
        AND conrelid::regclass::text <> 'alembic_version' ORDER BY 1, 2
"""
INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1
"""
COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2
"""


@pytest.fixture
def databases_made(databases: TestDatabases) -> Iterator[Callable[[str], str]]:
    """Makes empty databases, by a word; they are dropped in the end."""
    names: list[str] = []

    def make(word: str) -> str:
        names.append(f"hsi_test_{worker_name()}_{word}")
        return databases.create(names[-1])

    yield make
    for name in names:
        databases.drop(name)


@pytest.fixture
def empty(databases_made: Callable[[str], str]) -> str:
    return databases_made("empty")


def fetch(url: str, *queries: str) -> list[list[tuple[Any, ...]]]:
    async def run() -> list[list[tuple[Any, ...]]]:
        plain = make_url(url).set(drivername="postgresql")
        connection = await asyncpg.connect(plain.render_as_string(hide_password=False))
        try:
            return [[tuple(row) for row in await connection.fetch(query)] for query in queries]
        finally:
            await connection.close()

    return asyncio.run(run())


def connected(url: str, work: Callable[[Connection], Result]) -> Result:
    async def run() -> Result:
        engine = create_async_engine(url)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def test_there_is_one_head_and_one_line_to_it() -> None:
    script = ScriptDirectory.from_config(alembic_config("postgresql+asyncpg://nobody/nothing"))
    assert len(script.get_heads()) == 1
    assert all(
        revision.down_revision is None or isinstance(revision.down_revision, str)
        for revision in script.walk_revisions()
    )


def test_each_goes_up_and_down_and_up_again(empty: str) -> None:
    config = alembic_config(empty)
    revisions = [r.revision for r in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    looks: list[Any] = [fetch(empty, COLUMNS, CONSTRAINTS, INDEXES)]
    for revision in revisions:
        command.upgrade(config, revision)
        looks.append(fetch(empty, COLUMNS, CONSTRAINTS, INDEXES))
        command.downgrade(config, "-1")
        assert fetch(empty, COLUMNS, CONSTRAINTS, INDEXES) == looks[-2]
        command.upgrade(config, revision)
        assert fetch(empty, COLUMNS, CONSTRAINTS, INDEXES) == looks[-1]
    assert looks[0] == [[], [], []]


def test_the_models_say_what_the_migrations_make(
    empty: str, databases_made: Callable[[str], str]
) -> None:
    upgrade(empty)

    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return list(compare_metadata(context, Table.metadata))

    assert connected(empty, differences) == []
    # Alembic compares no exclusion and check constraints, and no conditions of indexes.
    by_models = databases_made("models")
    connected(by_models, Table.metadata.create_all)
    assert fetch(empty, COLUMNS, CONSTRAINTS, INDEXES) == fetch(
        by_models, COLUMNS, CONSTRAINTS, INDEXES
    )


def test_no_two_events_of_a_camera_at_once_is_a_constraint(empty: str) -> None:
    upgrade(empty)
    ((definition,),) = fetch(
        empty,
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'x'",
    )[0]
    assert definition == (
        "EXCLUDE USING gist (int4range(camera_id, camera_id, '[]'::text) WITH &&, "
        "tstzrange(first_at, last_at, '[]'::text) WITH &&)"
    )


def test_what_was_buried_before_letters_were_kept_gets_its_letter(empty: str) -> None:
    config = alembic_config(empty)
    command.upgrade(config, "0002")
    connected(empty, lambda c: c.execute(text(_BURIED)))
    command.upgrade(config, "0003")
    (letters,) = fetch(
        empty,
        "SELECT f.path, l.tries, l.reason, l.state, l.stage, l.replays, l.decided_at, "
        "l.first_at = f.finished_at AND l.last_at = f.finished_at "
        "FROM dead_letters l JOIN frames f ON f.id = l.frame_id ORDER BY f.path",
    )
    kept = ("dead", "detection", 0, None, True)
    assert letters == [("a", 3, "it broke", *kept), ("b", 1, "no reason was kept", *kept)]


_BURIED = """
    WITH camera AS (
        INSERT INTO cameras (slug, folder, name, created_at) VALUES ('a', 'a', 'a', 'epoch')
        RETURNING id
    )
    INSERT INTO frames (camera_id, received_at, captured_at, finished_at, size, mtime_ns, inode,
        width, height, clock_suspect, content_hash, path, found_by, captured_from, state, reason,
        attempts)
    SELECT id, 'epoch', 'epoch', finished_at, 1, 1, 1, 1, 1, false, sha256(''), path, 'scan',
        'mtime', state, reason, attempts
    FROM camera CROSS JOIN (VALUES
        ('a', 'buried', 'it broke', 3, CAST('2025-06-01 12:00:00Z' AS timestamptz)),
        ('b', 'buried', NULL, 0, '2025-06-01 11:00:00Z'),
        ('c', 'empty', NULL, 1, '2025-06-01 11:00:00Z'),
        ('d', 'received', NULL, 0, NULL)) AS f (path, state, reason, attempts, finished_at)
"""


def test_a_second_upgrade_changes_nothing(empty: str) -> None:
    upgrade(empty)
    rows = "SELECT * FROM outbox_counter"
    before = fetch(empty, COLUMNS, CONSTRAINTS, INDEXES, rows)
    upgrade(empty)
    assert fetch(empty, COLUMNS, CONSTRAINTS, INDEXES, rows) == before


def test_the_names_of_the_files_are_the_revisions() -> None:
    script = ScriptDirectory.from_config(alembic_config("postgresql+asyncpg://nobody/nothing"))
    assert known_revisions() == {revision.revision for revision in script.walk_revisions()}


@pytest.mark.slow
def test_killed_in_the_middle_it_leaves_the_old_schema_and_the_next_start_migrates(
    empty: str,
) -> None:
    """The process is killed by -9 while it waits for a table that somebody holds."""
    command.upgrade(alembic_config(empty), "0002")
    old = fetch(empty, COLUMNS, CONSTRAINTS, INDEXES)

    def held_and_killed(connection: Connection) -> None:
        # Before this table others are changed, in the same transaction.
        connection.execute(text("LOCK TABLE events IN ACCESS SHARE MODE"))
        with subprocess.Popen(_upgrading(empty), cwd=ROOT) as migrating:
            try:
                wait_for(
                    lambda: connection.scalar(text(_WAITING_FOR_EVENTS)) == 1,
                    seconds=15,
                    what="the middle of the migration",
                )
            finally:
                migrating.kill()
        assert migrating.returncode == -signal.SIGKILL

    connected(empty, held_and_killed)
    wait_for(
        lambda: fetch(empty, _OTHERS_AT_WORK) == [[(0,)]],
        seconds=15,
        what="the server to notice that its client is gone",
    )
    assert fetch(empty, COLUMNS, CONSTRAINTS, INDEXES) == old
    assert fetch(empty, "SELECT version_num FROM alembic_version") == [[("0002",)]]
    assert _upgrade_in_a_process(empty) == (0, "")
    assert fetch(empty, "SELECT version_num FROM alembic_version") == [[(max(known_revisions()),)]]


_WAITING_FOR_EVENTS = (
    "SELECT count(*) FROM pg_locks WHERE relation = 'events'::regclass AND NOT granted"
)
_OTHERS_AT_WORK = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND state <> 'idle'"
)


@pytest.mark.slow
def test_two_upgrades_at_once(empty: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(_upgrade_in_a_process, empty) for _ in range(2)]:
            assert done.result() == (0, ""), done.result()[1]
    assert fetch(empty, "SELECT last_number FROM outbox_counter") == [[(0,)]]


def _upgrading(url: str) -> list[str]:
    said = f"from backend.migrations.run import upgrade; upgrade({url!r})"
    return [sys.executable, "-c", said]


def _upgrade_in_a_process(url: str) -> tuple[int, str]:
    """Alembic keeps its configuration in the module: two at once are two processes."""
    done = subprocess.run(
        _upgrading(url),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    return done.returncode, done.stderr


def test_who_holds_the_lock_for_too_long_is_named_with_what_to_do(empty: str) -> None:
    def held(connection: Connection) -> int:
        connection.execute(text("SELECT pg_advisory_xact_lock(7301001)"))
        with pytest.raises(Unavailable) as caught, ThreadPoolExecutor(1) as pool:
            pool.submit(upgrade, empty, patience=IMPATIENT).result()
        said = str(caught.value)
        assert caught.value.code == "database.migrating"
        assert len(said.splitlines()) == 1
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        assert f"process {pid} of the server" in said
        assert f"SELECT pg_terminate_backend({pid})" in said
        return len(fetch_tables(connection))

    assert connected(empty, held) == 0
    upgrade(empty)


def fetch_tables(connection: Connection) -> list[Any]:
    return list(connection.execute(text(COLUMNS)))


def test_a_migration_waits_for_its_tables_longer_than_for_its_turn(empty: str) -> None:
    """Else a long query would undo it; whoever waits for the lock knows that it goes on."""
    command.upgrade(alembic_config(empty), "0002")

    def held(connection: Connection) -> None:
        connection.execute(text("LOCK TABLE events IN ACCESS SHARE MODE"))
        with ThreadPoolExecutor(1) as pool:
            migrating = pool.submit(upgrade, empty, patience=IMPATIENT)
            wait_for(
                lambda: connection.scalar(text(_WAITED_FOR_EVENTS)) == 1, what="it to wait for long"
            )
            connection.rollback()
            migrating.result()

    connected(empty, held)
    assert fetch(empty, "SELECT version_num FROM alembic_version") == [[(max(known_revisions()),)]]


def test_who_uses_a_table_for_too_long_is_named_and_nothing_is_changed(empty: str) -> None:
    command.upgrade(alembic_config(empty), "0002")
    impatient = Patience(for_tables=timedelta(milliseconds=200))

    def held(connection: Connection) -> None:
        connection.execute(text("SET LOCAL application_name = 'pg_dump'"))
        connection.execute(text("LOCK TABLE events IN ACCESS SHARE MODE"))
        with pytest.raises(Unavailable) as caught, ThreadPoolExecutor(1) as pool:
            pool.submit(upgrade, empty, patience=impatient).result()
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        assert caught.value.code == "database.in_use"
        assert f"process {pid} of the server (pg_dump, " in str(caught.value)
        assert "wait for it and try again" in str(caught.value)

    connected(empty, held)
    assert fetch(empty, "SELECT version_num FROM alembic_version") == [[("0002",)]]
    upgrade(empty)
    assert fetch(empty, "SELECT version_num FROM alembic_version") == [[(max(known_revisions()),)]]


_WAITED_FOR_EVENTS = (
    "SELECT count(*) FROM pg_locks WHERE relation = 'events'::regclass AND NOT granted "
    "AND waitstart < clock_timestamp() - interval '300 ms'"
)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"port": 1}, "no database: "), ({"password": "wrong"}, "password authentication failed")],
)
def test_a_server_that_lets_nobody_in_is_one_line(
    empty: str, change: dict[str, Any], said: str
) -> None:
    url = make_url(empty).set(**change).render_as_string(hide_password=False)
    with pytest.raises(Unavailable, match=said) as caught:
        upgrade(url)
    assert len(str(caught.value).splitlines()) == 1


def test_a_newer_schema_is_refused_in_one_line_and_left_alone(empty: str) -> None:
    upgrade(empty)
    connected(
        empty, lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999_newer'"))
    )
    before = fetch(empty, COLUMNS, CONSTRAINTS, INDEXES)
    with pytest.raises(Conflict, match="has schema 9999_newer, which is newer") as caught:
        upgrade(empty)
    assert caught.value.code == "database.newer_schema"
    assert len(str(caught.value).splitlines()) == 1
    assert fetch(empty, COLUMNS, CONSTRAINTS, INDEXES) == before
