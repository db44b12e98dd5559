"""The pictures can be written into a folder."""

from pathlib import Path

import pytest

from backend.demo import draw
from backend.demo.draw import manifest_text, write_pictures
from backend.demo.scenes import SCENES


def test_pictures_and_manifest_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw, "draw_scene", lambda scene: scene.file.encode())  # drawing is slow
    write_pictures(tmp_path / "new" / "folder")
    written = {path.name: path.read_bytes() for path in (tmp_path / "new" / "folder").iterdir()}
    assert written.pop("manifest.json").decode() == manifest_text()
    assert written == {scene.file: scene.file.encode() for scene in SCENES}
