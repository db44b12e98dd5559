"""The fault bench, a box, servers of one's own, and the proxies before them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import make_url

from backend.core.database import Database, get_database
from backend.tests.faults.bench import FaultBench
from backend.tests.faults.box import Box, copy_server, make_model, open_folder
from backend.tests.faults.clocks import WrongClock
from backend.tests.faults.disks import Disks
from backend.tests.faults.oracle import Oracle
from backend.tests.faults.proxy import Proxy, proxy_to
from backend.tests.faults.records import Keep, Records
from backend.tests.faults.servers import OwnPostgres, OwnRedis
from backend.tests.fixtures.product import Product


@pytest.fixture
def keep(request: pytest.FixtureRequest) -> Keep:
    """Takes down what came of this test's faults."""
    return Records(request.node.nodeid).keep


@pytest.fixture
def disks() -> Iterator[Disks]:
    """Disks of this test's own, taken away when its processes have ended."""
    made = Disks()
    yield made
    made.unmount()


@pytest.fixture
async def bench(disks: Disks, product: Product, keep: Keep) -> AsyncIterator[FaultBench]:
    """Workers and APIs that are not started yet; those that run in the end are ended."""
    redis_url, data = product.environment["REDIS_URL"], Path(product.environment["HSI_DATA"])
    made = FaultBench(product, Oracle(get_database(), redis_url, data), keep)
    yield made
    disks.end_hung()
    await made.end_all()


@pytest.fixture
def wrong_clock(tmp_path: Path) -> WrongClock:
    """A clock that can be put wrong; skips the test where libfaketime is missing."""
    return WrongClock(tmp_path / "clock")


@pytest.fixture(scope="session")
def model() -> Iterator[Path]:
    """Servers with the newest schema, to be copied."""
    with open_folder("model") as folder:
        yield make_model(folder)


@pytest.fixture
async def box(disks: Disks, model: Path, keep: Keep) -> AsyncIterator[Box]:
    """A box that is not up yet."""
    with open_folder("box") as folder:
        made = Box.made(folder, model, keep)
        yield made
        await made.close()


@pytest.fixture
async def own_postgres(bench: FaultBench, model: Path) -> AsyncIterator[OwnPostgres]:
    """The bench's own PostgreSQL."""
    with open_folder("postgres") as folder:
        copy_server(model / "postgres", folder)
        server = OwnPostgres(folder)
        shared, bench.oracle.database = bench.oracle.database, Database(server.url)
        for environment in (bench.environment, bench.api_environment):
            environment["DATABASE_URL"] = server.url
        yield server
        await bench.end_all()
        await bench.oracle.database.close()
        bench.oracle.database = shared
        server.stop()


@pytest.fixture
async def own_redis(bench: FaultBench, model: Path) -> AsyncIterator[OwnRedis]:
    """The bench's own Redis."""
    with open_folder("redis") as folder:
        copy_server(model / "valkey", folder)
        server = OwnRedis(folder)
        bench.oracle.redis_url = server.url
        for environment in (bench.environment, bench.api_environment):
            environment["REDIS_URL"] = server.url
        yield server
        await bench.end_all()
        server.stop()


@asynccontextmanager
async def _before(
    variable: str, bench: FaultBench, environment: dict[str, str]
) -> AsyncIterator[Proxy]:
    """A proxy to the server of a setting, which is where the environment says that it is."""
    url = make_url(environment.get(variable, bench.product.environment[variable]))
    async with proxy_to(url.host or "127.0.0.1", url.port or 0) as proxy:
        behind = url.set(host="127.0.0.1", port=proxy.port)
        environment[variable] = behind.render_as_string(hide_password=False)
        yield proxy


@pytest.fixture
async def postgres_proxy(bench: FaultBench) -> AsyncIterator[Proxy]:
    """Between the workers and PostgreSQL; the test itself goes around it."""
    async with _before("DATABASE_URL", bench, bench.environment) as proxy:
        yield proxy


@dataclass(frozen=True, slots=True)
class Network:
    """A worker and an API that run, with a proxy between any two parts."""

    between: dict[str, Proxy]


@pytest.fixture
async def network(bench: FaultBench) -> AsyncIterator[Network]:
    """A worker, an API, and proxies between them and their servers, and before the API."""
    sides = {"worker": bench.environment, "API": bench.api_environment}
    servers = {"PostgreSQL": "DATABASE_URL", "Redis": "REDIS_URL"}
    made: dict[str, Proxy] = {}
    async with AsyncExitStack() as stack:
        for side, environment in sides.items():
            for server, variable in servers.items():
                proxy = await stack.enter_async_context(_before(variable, bench, environment))
                made[f"{side} and {server}"] = proxy
        bench.start()
        await bench.start_api()
        api = bench.apis["A"]
        proxy = await stack.enter_async_context(proxy_to("127.0.0.1", api.port))
        api.address = f"http://127.0.0.1:{proxy.port}"
        made["client and API"] = proxy
        yield Network(made)
        await bench.end_all()
