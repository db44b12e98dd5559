"""What the tests of ingest share."""

from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "cameras"
    (folder / "gate").mkdir(parents=True)
    return folder
