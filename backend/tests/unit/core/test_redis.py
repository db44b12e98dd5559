"""Redis where there is none: all of it is unavailable, and says so."""

from collections.abc import AsyncIterator

import pytest

from backend.core.errors import Unavailable
from backend.core.queue import Bell, StreamBells
from backend.core.redis import RedisClient
from backend.tests.fixtures.bells import LANES, LIVE


@pytest.fixture
async def nowhere() -> AsyncIterator[RedisClient]:
    client = RedisClient("redis://:secret@127.0.0.1:1/0", prefix="hsi_test:")
    yield client
    await client.close()


async def test_the_client(nowhere: RedisClient) -> None:
    health = await nowhere.health_check()
    assert health["status"] == "unhealthy"
    assert "no Redis" in health["error"]
    assert "secret" not in health["error"]
    with pytest.raises(Unavailable, match="no Redis"):
        await nowhere.keep("name", "value", seconds=1)
    with pytest.raises(Unavailable):
        await nowhere.kept("")
    with pytest.raises(Unavailable):
        await nowhere.publish("channel", "message")
    with pytest.raises(Unavailable):
        async with nowhere.listening("channel"):
            pytest.fail("nobody is there")


async def test_bells(nowhere: RedisClient) -> None:
    bells = StreamBells(nowhere, LANES, hearer="first")
    with pytest.raises(Unavailable, match="no Redis"):
        await bells.ring("1", LIVE)
    with pytest.raises(Unavailable):
        await bells.hear(0.01)
    with pytest.raises(Unavailable):
        await bells.done(Bell("1", LIVE, "1-0"))
    with pytest.raises(Unavailable):
        await bells.forget_stale()
