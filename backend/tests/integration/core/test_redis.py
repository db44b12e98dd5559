import asyncio

from backend.core.redis import RedisClient
from backend.tests.fixtures.redis_state import hearers


async def test_health_of_a_server_that_answers_and_of_none(real_redis: RedisClient) -> None:
    assert await real_redis.health_check() == {"status": "healthy"}
    nobody = RedisClient("redis://127.0.0.1:1/0", prefix="hsi_test:")
    health = await nobody.health_check()
    assert health["status"] == "unhealthy"
    assert health["error"].startswith("no Redis: ")
    await nobody.close()


async def test_what_is_kept_is_found_by_its_beginning_and_goes_away_by_itself(
    real_redis: RedisClient,
) -> None:
    await real_redis.keep("worker:a", "1", seconds=60)
    await real_redis.keep("worker:b", "2", seconds=60)
    await real_redis.keep("other", "3", seconds=60)
    assert await real_redis.kept("worker:") == {"worker:a": "1", "worker:b": "2"}
    assert await real_redis.kept("nobody:") == {}
    assert 0 < await real_redis.commands.ttl(real_redis.key("worker:a")) <= 60


async def test_the_name_of_what_went_away_is_forgotten(real_redis: RedisClient) -> None:
    await real_redis.keep("worker:a", "1", seconds=60)
    await real_redis.keep("worker:b", "2", seconds=60)
    await real_redis.commands.delete(real_redis.key("worker:a"))
    assert await real_redis.kept("worker:") == {"worker:b": "2"}
    assert await real_redis.commands.smembers(real_redis.key("kept")) == {"worker:b"}
    await real_redis.keep("worker:a", "3", seconds=60)
    assert await real_redis.kept("worker:") == {"worker:a": "3", "worker:b": "2"}


async def test_what_is_published_reaches_who_listens(real_redis: RedisClient) -> None:
    async with real_redis.listening("news") as subscription:
        reading = asyncio.create_task(subscription.get_message(timeout=5))
        await hearers(real_redis, "news")
        await real_redis.publish("other", "no")
        await real_redis.publish("news", "yes")
        message = await reading
        while message is None:
            message = await subscription.get_message(timeout=5)
    assert message["data"] == "yes"
