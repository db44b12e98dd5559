"""What is said of a process for which a migration waits."""

from datetime import UTC, datetime

import pytest

from backend.migrations.lock_holder import Holder

AT = datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "address", "state", "since", "said"),
    [
        (
            "psql",
            "10.0.0.7",
            "active",
            AT,
            "(psql, from 10.0.0.7, active) is at it since 2025-06-01 12:00:00: wait",
        ),
        ("", None, "idle", None, "(without a name, from this machine, idle) is at it: wait"),
        ("psql", None, None, None, "(psql, of another role) is at it: wait"),
    ],
)
def test_what_the_server_tells_of_it_is_said(
    name: str, address: str | None, state: str | None, since: datetime | None, said: str
) -> None:
    words = Holder(7, name, address, state, since).migrates()
    assert words.startswith(f"process 7 of the server {said}")
    assert words.endswith("SELECT pg_terminate_backend(7)")


def test_who_uses_the_tables_is_not_said_to_migrate() -> None:
    assert Holder(7, "pg_dump", None, "active", AT).uses_tables() == (
        "process 7 of the server (pg_dump, from this machine, active) uses the tables since "
        "2025-06-01 12:00:00: wait for it and try again; or end it, SELECT pg_terminate_backend(7)"
    )
