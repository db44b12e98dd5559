"""What a checkpoint says of the size of its pictures; reading its weights needs torch."""

from pathlib import Path

import pytest

from backend.core.errors import Invalid
from backend.services.detection.checkpoint import input_size, names_of, read_checkpoint


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
        '{"size": {"height": 640, "width": 500}}',
        '{"size": {"height": 33, "width": 640}}',
        '{"size": {"height": Infinity, "width": 640}}',
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


def test_its_classes_in_the_order_of_their_numbers() -> None:
    assert names_of("mine", {1: "dog", 0: "hen"}) == ["hen", "dog"]


@pytest.mark.parametrize("labels", [{1: "hen", 2: "dog"}, {0: "hen", 2: "dog"}])
def test_classes_that_are_not_numbered_from_0_on_are_said(labels: dict[int, str]) -> None:
    with pytest.raises(Invalid, match=r"mine cannot be read: `id2label` .* 2 classes from 0 to 1"):
        names_of("mine", labels)
