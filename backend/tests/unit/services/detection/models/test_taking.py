"""A file becomes a model of ours once it was looked into."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from backend.core.errors import Invalid, Unavailable
from backend.services.detection.models.folder import Kept, ModelFolder
from backend.services.detection.models.taking import Seen, copy_in, look_into, take_part
from backend.tests.fixtures.onnx_models import no_queries, write_model

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    (tmp_path / "models").mkdir()
    return ModelFolder(tmp_path / "models")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_model(tmp_path / "own.onnx", no_queries(), is_blind=False)


def test_what_a_file_is(file: Path, tmp_path: Path) -> None:
    assert look_into(file) == Seen("rtdetr", None)
    doubt = look_into(write_model(tmp_path / "blind.onnx", no_queries())).doubt
    assert doubt is not None
    assert "the same answer" in doubt


def test_a_copy_is_taken(folder: ModelFolder, file: Path) -> None:
    copy_in(folder, "own", file)
    assert take_part(folder, "own", "a test", NOW) == Seen("rtdetr", None)
    content = file.read_bytes()
    assert folder.file("own").read_bytes() == content
    hashed = sha256(content).hexdigest()
    kept = Kept(hashed, len(content), "rtdetr", "a test", "2026-03-01T12:00:00+00:00")
    assert folder.read().models == {"own": kept}


def test_what_is_no_model_is_thrown_away(folder: ModelFolder) -> None:
    folder.part("own").write_text("<html>")
    with pytest.raises(Invalid, match="cannot be loaded"):
        take_part(folder, "own", "a test", NOW)
    assert not folder.part("own").exists()
    assert folder.read().models == {}


def test_a_file_that_cannot_be_copied(folder: ModelFolder, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        copy_in(folder, "own", tmp_path / "none.onnx")
    assert not folder.part("own").exists()
