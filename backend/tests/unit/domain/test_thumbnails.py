from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.thumbnails import frame_of_thumbnail, thumbnail_path

FOLDER = Path("/data/thumbnails")


@given(st.integers(0, 2**63 - 1))
def test_a_thumbnail_tells_its_frame(frame_id: int) -> None:
    assert frame_of_thumbnail(thumbnail_path(FOLDER, frame_id)) == frame_id


def test_a_thousand_lie_in_a_folder() -> None:
    assert thumbnail_path(FOLDER, 1999) == FOLDER / "1" / "1999.jpg"


@pytest.mark.parametrize(
    "name", ["1/2.jpg", "0/2.png", "0/x.jpg", "0/02.jpg", "0/².jpg", "0/-1.jpg"]
)
def test_what_is_none_tells_none(name: str) -> None:
    assert frame_of_thumbnail(FOLDER / name) is None
