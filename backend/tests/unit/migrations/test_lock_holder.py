"""What is said of a process that holds the migrations' lock."""

from datetime import UTC, datetime

import pytest

from backend.migrations.lock_holder import in_words

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
    words = in_words(7, name, address, state, since)
    assert words.startswith(f"process 7 of the server {said}")
    assert words.endswith("SELECT pg_terminate_backend(7)")
