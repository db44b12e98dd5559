"""Where benchmarks measure: databases beside the tests', of the tests' servers."""

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from backend.tests.benchmarks.bench.place import Bench
from backend.tests.fixtures.named_databases import TestDatabases
from backend.tests.fixtures.redis import redis_prefix
from backend.tests.fixtures.run import Services
from backend.tests.fixtures.worker import worker_name


@pytest.fixture(scope="session")
def bench(services: Services, databases: TestDatabases) -> Iterator[Bench]:
    """A tenth of the published work, and three rounds: enough to see what is broken."""
    folder = Path(mkdtemp(prefix="hsi-bench-"))
    yield Bench(
        server_url=services.database_url,
        template=services.template,
        redis_url=services.redis_url,
        folder=folder,
        names=f"hsi_test_{worker_name()}b",
        redis_prefix=f"{redis_prefix()}bench:",
        rounds=3,
        share=0.1,
        rows=20_000,
    )
    rmtree(folder, ignore_errors=True)
