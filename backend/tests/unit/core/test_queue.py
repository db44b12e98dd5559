import pytest

from backend.core.queue import Bells, MemoryBells
from backend.tests.fixtures.bells import LANES, BellsContract


class TestMemoryBells(BellsContract):
    @pytest.fixture
    def bells(self) -> Bells:
        return MemoryBells(LANES)

    @pytest.fixture
    def others(self, bells: Bells) -> Bells:
        return bells
