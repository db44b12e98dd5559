"""A file is removed if it is still the one that was read; what took its name is not lost."""

import os
from pathlib import Path

import pytest

from backend.services.ingest.reading import ASIDE, mark_of
from backend.services.ingest.removal import remove, show


def never() -> bool:
    return False


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "latest.jpg"
    path.write_bytes(b"read")
    return path


def test_the_one_that_was_read_goes(file: Path) -> None:
    remove(file, mark_of(file.stat()), never)
    assert list(file.parent.iterdir()) == []


def test_another_stays_where_it_is(file: Path) -> None:
    mark = mark_of(file.stat())
    file.write_bytes(b"another")
    remove(file, mark, never)
    assert file.read_bytes() == b"another"


@pytest.mark.parametrize("in_time", [0, 1])
def test_whoever_is_late_puts_it_back(file: Path, in_time: int) -> None:
    """Also where it was put aside already."""
    answers = [False] * in_time + [True]
    remove(file, mark_of(file.stat()), lambda: answers.pop(0))
    assert [path.name for path in file.parent.iterdir()] == ["latest.jpg"]
    assert answers == []


def test_where_the_name_is_taken_meanwhile_both_stay(file: Path) -> None:
    def late_and_taken() -> bool:
        if file.exists():
            return False
        file.write_bytes(b"new")
        return True

    remove(file, mark_of(file.stat()), late_and_taken)
    left = sorted(file.parent.iterdir())
    assert [path.read_bytes() for path in left] == [b"new", b"read"]
    assert left[1].name.startswith("put-back-")


def test_what_was_left_aside_gets_a_name_under_which_it_is_found(file: Path) -> None:
    aside = file.with_name(f"{ASIDE}0123.jpg")
    os.replace(file, aside)  # noqa: PTH105
    show(aside)
    assert [path.name for path in file.parent.iterdir()] == ["put-back-0123.jpg"]
