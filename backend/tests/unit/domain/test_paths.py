"""File names as text."""

import os

import pytest
from hypothesis import given

from backend.domain.paths import path_as_text, text_as_path
from backend.tests.fixtures.strategies import file_names, paths


@given(paths)
def test_there_and_back(path: str) -> None:
    assert text_as_path(path_as_text(path)) == path


@given(file_names)
def test_a_database_can_hold_it(name: str) -> None:
    assert "\0" not in path_as_text(name)
    path_as_text(name).encode("utf-8")


@given(file_names)
def test_a_name_that_is_text_without_a_backslash_is_left_as_it_is(name: str) -> None:
    usual = name.encode("utf-8", "ignore").decode().replace("\\", "")
    assert path_as_text(usual) == usual


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"Front Door/a.jpg", "Front Door/a.jpg"),
        ("Tür".encode(), "Tür"),
        (b"T\xfcr", r"T\xfcr"),
        (rb"T\xfcr", r"T\\xfcr"),
        (b"a\nb", "a\nb"),
    ],
)
def test_text(name: bytes, text: str) -> None:
    assert path_as_text(os.fsdecode(name)) == text
