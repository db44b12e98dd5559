"""What holds for every table; the migrations are compared with them on a real database."""

from collections.abc import Iterator

import pytest
from sqlalchemy import CheckConstraint, DateTime, ForeignKey
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from backend.domain.frames import FrameState
from backend.models import Table

TABLES = sorted(Table.metadata.tables.values(), key=lambda table: table.name)

every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


def test_these_are_all() -> None:
    assert [table.name for table in TABLES] == [
        "assessments",
        "cameras",
        "dead_letters",
        "detections",
        "detector_memories",
        "events",
        "frames",
        "lines",
        "masks",
        "outbox",
        "outbox_counter",
        "picture_store",
        "quarantined_files",
        "suppressions",
        "tracks",
        "zones",
    ]


@every_table
def test_it_can_be_written_for_postgresql(table: SqlTable) -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    written = str(CreateTable(table).compile(dialect=dialect))
    assert written.strip().startswith(f"CREATE TABLE {table.name}")
    for index in table.indexes:
        assert f" ON {table.name} " in str(CreateIndex(index).compile(dialect=dialect))


@every_table
def test_every_moment_has_a_zone(table: SqlTable) -> None:
    zoneless = [
        column.name
        for column in table.columns
        if isinstance(column.type, DateTime) and not column.type.timezone
    ]
    assert zoneless == []


@every_table
def test_every_constraint_and_index_has_a_name(table: SqlTable) -> None:
    """Or a later migration could not change it."""
    assert [one for one in table.constraints if not one.name] == []
    assert [one for one in table.indexes if not one.name] == []


@every_table
def test_what_a_foreign_key_deletes_is_found_by_an_index(table: SqlTable) -> None:
    for key in _foreign_keys(table):
        assert key.ondelete in {"CASCADE", "SET NULL"}
        assert key.parent.name in _first_columns(table), f"{table.name}.{key.parent.name}"


def test_the_states_of_a_frame_are_those_of_the_domain() -> None:
    (check,) = [
        one
        for one in Table.metadata.tables["frames"].constraints
        if isinstance(one, CheckConstraint) and str(one.name).endswith("state")
    ]
    for state in FrameState:
        assert f"'{state.value}'" in str(check.sqltext)
    assert str(check.sqltext).count("'") == 2 * len(FrameState)


def _foreign_keys(table: SqlTable) -> Iterator[ForeignKey]:
    for column in table.columns:
        yield from column.foreign_keys


def _first_columns(table: SqlTable) -> set[str]:
    """The columns that lead an index, a unique constraint or the primary key."""
    led = {next(iter(index.columns)).name for index in table.indexes if len(index.columns)}
    for constraint in table.constraints:
        columns = list(getattr(constraint, "columns", []))
        if columns and not isinstance(constraint, CheckConstraint):
            led.add(columns[0].name)
    return led
