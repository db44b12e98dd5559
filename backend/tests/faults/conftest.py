"""The fault bench and the proxies before its servers."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import make_url

from backend.tests.faults.bench import FaultBench
from backend.tests.faults.proxy import Proxy, proxy_to
from backend.tests.fixtures.product import Product


@pytest.fixture
async def bench(product: Product) -> AsyncIterator[FaultBench]:
    """Workers that are not started yet; those that run in the end are killed."""
    made = FaultBench(product)
    yield made
    for name in list(made.workers):
        made.end(name=name)


async def _before(variable: str, bench: FaultBench) -> AsyncIterator[Proxy]:
    url = make_url(bench.product.environment[variable])
    async with proxy_to(url.host or "127.0.0.1", url.port or 0) as proxy:
        behind = url.set(host="127.0.0.1", port=proxy.port)
        bench.environment[variable] = behind.render_as_string(hide_password=False)
        yield proxy


@pytest.fixture
async def postgres_proxy(bench: FaultBench) -> AsyncIterator[Proxy]:
    """Between the workers and PostgreSQL; the test itself goes around it."""
    async for proxy in _before("DATABASE_URL", bench):
        yield proxy


@pytest.fixture
async def redis_proxy(bench: FaultBench) -> AsyncIterator[Proxy]:
    """Between the workers and Redis."""
    async for proxy in _before("REDIS_URL", bench):
        yield proxy
