"""What a checkpoint says of the size of its pictures; reading its weights needs torch."""

from pathlib import Path

import pytest

from backend.core.errors import Invalid
from backend.services.detection.checkpoint import input_size, read_checkpoint


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ('{"size": {"height": 320, "width": 480}}', (320, 480)),
        ('{"size": {"shortest_edge": 480}}', (640, 640)),
        ("{}", (640, 640)),
    ],
)
def test_its_size(tmp_path: Path, text: str, size: tuple[int, int]) -> None:
    file = tmp_path / "preprocessor_config.json"
    file.write_text(text)
    assert input_size(file) == size


def test_where_nothing_is_said_it_is_the_usual_one() -> None:
    assert input_size(None) == (640, 640)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"size": 640}',
        '{"size": {"height": "tall"}}',
        '{"size": {"height": null}}',
        '{"size": {"height": 0, "width": 640}}',
    ],
)
def test_nonsense_is_said_by_the_name_of_the_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "preprocessor_config.json"
    file.write_text(text)
    with pytest.raises(Invalid, match=r"preprocessor_config\.json cannot be read: `size`"):
        input_size(file)


def test_a_folder_that_may_not_be_looked_at_is_said(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be looked at: File name too long"):
        read_checkpoint(str(tmp_path / ("x" * 300)), only_here=True)
