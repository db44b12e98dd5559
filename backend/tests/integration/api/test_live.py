"""The WebSocket: what happens is told, once, in order, also to those who were away."""

import asyncio
from typing import Any

import pytest
from httpx_ws import AsyncWebSocketSession, WebSocketDisconnect

from backend.core.redis import RedisClient
from backend.services.stores import outbox
from backend.services.topics import OUTBOX_CHANNEL
from backend.tests.fixtures.application import ApplicationClient
from backend.tests.fixtures.ledger import NOON
from backend.tests.integration.api.conftest import House


async def subscribed(socket: AsyncWebSocketSession, **more: Any) -> int:
    await socket.send_json({"type": "subscribe", **more})
    answer = await socket.receive_json(timeout=4)
    assert answer["type"] == "subscribed"
    last: int = answer["last_number"]
    return last


async def told(socket: AsyncWebSocketSession, number: int) -> list[dict[str, Any]]:
    """The next messages."""
    return [await socket.receive_json(timeout=4) for _ in range(number)]


@pytest.mark.parametrize("path", ["/ws/events", "/ws"])
async def test_the_subscription_is_answered(client: ApplicationClient, path: str) -> None:
    async with client.websocket_connect(path) as socket:
        await socket.send_json({"type": "subscribe"})
        answer = await socket.receive_json()
        assert answer["type"] == "subscribed"


async def test_what_happens_is_told(client: ApplicationClient, house: House) -> None:
    camera = await house.ledger.camera()
    async with client.websocket_connect("/ws/events") as socket:
        last = await subscribed(socket)
        event = await house.visit(camera, "person")
        opened, assessed = await told(socket, 2)
        assert (opened["type"], opened["number"]) == ("event.opened", last + 1)
        assert (assessed["type"], assessed["number"]) == ("event.assessed", last + 2)
        assert opened["event"]["id"] == assessed["event"]["id"] == event["id"]
        assert opened["event"]["level"] == assessed["assessment"]["level"] == "medium"
        shown = (await client.get(f"/api/events/{event['id']}")).json()
        assert set(opened["event"]) == set(shown) - {"notes"}
        await house.quiet()
        (closed,) = await told(socket, 1)
        assert (closed["type"], closed["event"]["state"]) == ("event.closed", "closed")


async def test_a_review_is_told_by_this_very_process(
    client: ApplicationClient, house: House
) -> None:
    event = await house.visit(await house.ledger.camera(), "person")
    async with client.websocket_connect("/ws/events") as socket:
        await subscribed(socket)
        await client.patch(f"/api/events/{event['id']}", json={"reviewed": True})
        (updated,) = await told(socket, 1)
        assert updated["type"] == "event.updated"
        assert updated["event"]["reviewed_at"] is not None


async def test_a_message_of_a_later_version_is_handed_on_as_it_is(
    client: ApplicationClient, house: House, real_redis: RedisClient
) -> None:
    """Also the bell that says more than this version understands is heard."""
    camera = await house.ledger.camera()
    async with client.websocket_connect("/ws/events") as socket:
        last = await subscribed(socket)
        await house.ledger.change(
            "INSERT INTO outbox (written_at, camera_id, event_id, kind, payload) "
            "VALUES (:now, :camera, 7, 'alert.raised', '{\"alert\": {\"id\": 7}}')",
            now=NOON,
            camera=camera,
        )
        async with house.ledger.database.transaction() as session:
            await outbox.number_new(session)
        await real_redis.publish(OUTBOX_CHANNEL, '{"kind": "later", "number": "all"}')
        await house.visit(camera, "person")
        messages = await told(socket, 3)
    assert messages[0] == {"type": "alert.raised", "number": last + 1, "alert": {"id": 7}}
    assert [message["type"] for message in messages[1:]] == ["event.opened", "event.assessed"]


async def test_one_who_was_away_misses_nothing_and_gets_nothing_twice(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    async with client.websocket_connect("/ws/events") as socket:
        last = await subscribed(socket)
        await house.visit(camera, "person")
        seen = [message["number"] for message in await told(socket, 2)]
    await house.visits(camera, 3)
    async with client.websocket_connect(f"/ws/events?since={seen[-1]}") as socket:
        coming = asyncio.create_task(house.visits(camera, 3))
        assert await subscribed(socket) >= seen[-1] + 6
        seen += [message["number"] for message in await told(socket, 12)]
        await coming
    assert seen == list(range(last + 1, last + 15))


async def test_many_listen_and_get_the_same(client: ApplicationClient, house: House) -> None:
    camera = await house.ledger.camera()
    async with (
        client.websocket_connect("/ws/events") as one,
        client.websocket_connect("/ws") as two,
    ):
        last = await subscribed(one)
        await subscribed(two, since=last)
        await house.visits(camera, 2)
        assert await told(one, 4) == await told(two, 4)


async def test_what_is_no_longer_kept_is_a_resync(client: ApplicationClient, house: House) -> None:
    camera = await house.ledger.camera()
    await house.visits(camera, 2)
    async with house.ledger.database.transaction() as session:
        last = await outbox.last_number(session)
        await outbox.forget(session, before=NOON.replace(year=9000))
    async with client.websocket_connect("/ws/events") as socket:
        assert await subscribed(socket, since=last - 1) == last
        assert await told(socket, 1) == [{"type": "resync", "last_number": last}]
        await house.visit(camera, "person")
        assert [message["number"] for message in await told(socket, 2)] == [last + 1, last + 2]


async def test_a_number_of_the_future_is_a_resync(client: ApplicationClient) -> None:
    async with client.websocket_connect("/ws/events") as socket:
        last = await subscribed(socket, since=2**63 - 1)
        assert await told(socket, 1) == [{"type": "resync", "last_number": last}]


async def test_nonsense_leaves_the_connection_as_it_is(client: ApplicationClient) -> None:
    async with client.websocket_connect("/ws/events") as socket:
        await socket.send_text("nonsense")
        assert (await socket.receive_json())["code"] == "message.not_json"
        await socket.send_json({"type": "ping"})
        assert await socket.receive_json() == {"type": "pong"}


async def test_a_message_that_is_too_long_closes_it(client: ApplicationClient) -> None:
    async with client.websocket_connect("/ws/events") as socket:
        await socket.send_text("x" * 65_537)
        with pytest.raises(WebSocketDisconnect) as closed:
            await socket.receive_json(timeout=4)
        assert closed.value.code == 1009


async def test_our_own_page_may_listen(client: ApplicationClient) -> None:
    headers = {"Origin": "http://127.0.0.1:8000"}
    async with client.websocket_connect("/ws/events", headers=headers) as socket:
        await subscribed(socket)
