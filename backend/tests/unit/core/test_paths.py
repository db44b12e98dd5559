"""What lies at a path, and who may not look."""

from collections.abc import Callable
from os import stat_result
from pathlib import Path, PosixPath

import pytest

from backend.core.errors import Invalid
from backend.core.paths import is_file, is_folder


class Closed(PosixPath):
    """A path below a folder of somebody else: root, who may run these tests, may look anywhere."""

    def stat(self, *, follow_symlinks: bool = True) -> stat_result:
        raise PermissionError(13, "Permission denied")


def test_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.touch()
    assert [is_file(file), is_folder(file)] == [True, False]
    assert [is_file(tmp_path), is_folder(tmp_path)] == [False, True]
    for nothing in (tmp_path / "b", file / "below a file", tmp_path / "a\0b"):
        assert [is_file(nothing), is_folder(nothing)] == [False, False]


def test_a_link_in_a_circle_is_nothing(tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert not is_file(circle)


@pytest.mark.parametrize("ask", [is_file, is_folder])
@pytest.mark.parametrize(
    ("path", "why"), [(Path("x" * 300), "File name too long"), (Closed("a"), "Permission denied")]
)
def test_what_may_not_be_looked_at_is_said(
    ask: Callable[[Path], bool], path: Path, why: str
) -> None:
    with pytest.raises(Invalid) as refused:
        ask(path)
    assert str(refused.value) == f"{path} cannot be looked at: {why}"
