"""File names as text."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.paths import path_as_text, text_as_path

NAMES = st.binary(min_size=1).filter(lambda name: b"\0" not in name).map(os.fsdecode)


@given(NAMES)
def test_there_and_back(name: str) -> None:
    assert text_as_path(path_as_text(name)) == name


@given(NAMES)
def test_a_database_can_hold_it(name: str) -> None:
    path_as_text(name).encode("utf-8")


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
