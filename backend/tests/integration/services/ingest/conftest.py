"""What the tests of ingest share."""

from pathlib import Path

import pytest

from backend.core.database import get_database
from backend.tests.fixtures.ingest import Bench


@pytest.fixture
def bench(integration_db: str, tmp_path: Path) -> Bench:
    """Ingest over an empty media folder and an empty ledger."""
    root = tmp_path / "cameras"
    root.mkdir()
    return Bench(root, tmp_path / "pictures", get_database())
