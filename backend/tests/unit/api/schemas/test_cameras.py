"""Which names a camera may have."""

from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from backend.api.schemas.cameras import CameraChange, NewCamera
from backend.tests.fixtures.strategies import camera_names


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("Front Door", "Front Door"), ("  Hof ", "Hof"), ("玄関", "玄関"), ("a.b..c", "a.b..c")],
)
def test_a_name_is_taken(sent: str, kept: str) -> None:
    assert NewCamera(name=sent).name == kept


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("", "must not be empty"),
        ("   ", "must not be empty"),
        ("a/b", "one folder"),
        ("/", "one folder"),
        (".", "begin with a dot"),
        ("..", "begin with a dot"),
        (".hidden", "begin with a dot"),
        ("a\x00b", "NUL"),
        ("a\nb", "control characters"),
        ("\x1b[31m", "control characters"),
        ("x" * 201, "at most 200 bytes"),
        ("ä" * 101, "at most 200 bytes"),
        ("\ud800", "half a surrogate pair"),
    ],
)
def test_a_name_that_no_folder_can_have_is_refused(sent: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        NewCamera(name=sent)


@given(camera_names)
def test_a_name_that_is_taken_is_one_folder(sent: str) -> None:
    try:
        name = NewCamera(name=sent).name
    except ValidationError:
        return
    assert "/" not in name
    assert "\x00" not in name
    assert name not in {"", ".", ".."}
    assert len(name.encode()) <= 200


@pytest.mark.parametrize(
    ("sent", "changes"),
    [
        ({"name": "Hof / Garten"}, {"name": "Hof / Garten"}),
        ({"time_zone": None}, {"time_zone": None}),
        ({"name": "x", "time_zone": "UTC"}, {"name": "x", "time_zone": "UTC"}),
    ],
)
def test_a_change_has_what_was_sent(sent: dict[str, Any], changes: dict[str, Any]) -> None:
    assert CameraChange(**sent).model_dump(exclude_unset=True) == changes


@pytest.mark.parametrize("sent", [{}, {"name": None}, {"slug": "x"}, {"name": ""}])
def test_a_change_of_nothing_or_of_something_else_is_refused(sent: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CameraChange(**sent)
