"""Dead letters through the API: listed, replayed and discarded, one or many."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from backend.core.queue import StreamBells
from backend.core.redis import RedisClient
from backend.domain.frames import FrameState, Lane
from backend.services.stores import dead_letters, frames
from backend.services.stores.frames import Outcome
from backend.tests.fixtures.application import ApplicationClient
from backend.tests.fixtures.ledger import NOON, Ledger
from backend.tests.fixtures.stages import backlog
from backend.tests.integration.api.conftest import House

SECOND = timedelta(seconds=1)


async def buried(
    ledger: Ledger, camera: int, *, at: int = 0, reason: str = "it cannot be done"
) -> int:
    """A frame that has just been buried, so many seconds after noon; its id."""
    frame = await ledger.frame(camera, NOON + at * SECOND)
    async with ledger.database.transaction() as session:
        await frames.begin_attempt(session, [frame], now=NOON)
        outcome = Outcome(frame, FrameState.BURIED, reason=reason)
        await frames.finish(session, [outcome], detector=None, now=NOON + at * SECOND)
    return frame


async def listed(client: ApplicationClient, query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"/api/dlq{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def the_letter(client: ApplicationClient) -> dict[str, Any]:
    (letter,) = await listed(client)
    return letter


async def test_a_buried_frame_has_a_letter_with_its_reason(
    client: ApplicationClient, ledger: Ledger
) -> None:
    frame = await buried(ledger, await ledger.camera(), at=7)
    letter = await the_letter(client)
    assert letter == (await client.get(f"/api/dlq/{letter['id']}")).json()
    assert (letter["stage"], letter["state"], letter["tries"]) == ("detection", "dead", 1)
    assert (letter["frame_id"], letter["frame_state"]) == (frame, "buried")
    assert letter["reason"] == "it cannot be done"
    assert letter["first_at"] == letter["last_at"] == "2025-06-01T12:00:07Z"
    assert (letter["replays"], letter["decided_at"]) == (0, None)
    assert (await client.get(letter["picture"])).status_code == 200
    counts = (await client.get("/api/dlq/counts")).json()
    assert counts == {
        "dead": 1,
        "stages": [{"stage": "detection", "dead": 1, "replayed": 0, "discarded": 0}],
    }


async def test_the_last_come_first_and_pages_and_filters_hold(
    client: ApplicationClient, ledger: Ledger
) -> None:
    porch, garden = await ledger.camera(), await ledger.camera()
    found = [await buried(ledger, (porch, garden)[n % 2], at=n) for n in range(5)]
    page = (await client.get("/api/dlq?limit=3")).json()
    assert [one["frame_id"] for one in page["items"]] == found[:1:-1]
    rest = (await client.get(f"/api/dlq?limit=3&cursor={page['next_cursor']}")).json()
    assert [one["frame_id"] for one in rest["items"]] == found[1::-1]
    assert rest["next_cursor"] is None
    slug = page["items"][0]["camera"]
    assert len(await listed(client, f"?camera={slug}&stage=detection&state=dead")) == 3
    assert await listed(client, "?state=discarded") == []
    assert (await client.get("/api/dlq?state=lost")).status_code == 422
    assert (await client.get("/api/dlq?camera=nobody")).status_code == 404


async def test_none_is_an_empty_list(client: ApplicationClient) -> None:
    assert await listed(client) == []
    assert (await client.get("/api/dlq/counts")).json() == {"dead": 0, "stages": []}
    assert (await client.post("/api/dlq/replay")).json()["letters"] == 0
    for way in ("", "/replay", "/discard"):
        method = "GET" if not way else "POST"
        answer = await client.request(method, f"/api/dlq/9{way}")
        assert (answer.status_code, answer.json()["code"]) == (404, "dlq.unknown")


async def test_what_is_replayed_is_done_as_if_it_were_new(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    frame = await buried(house.ledger, camera)
    letter = await the_letter(client)
    replayed = await client.post(f"/api/dlq/{letter['id']}/replay")
    assert replayed.status_code == 200
    assert (replayed.json()["state"], replayed.json()["replays"]) == ("replayed", 1)
    shown = (await client.get(f"/api/frames/{frame}")).json()
    assert (shown["state"], shown["attempts"], shown["reason"]) == ("received", 0, None)
    assert (shown["claimed_at"], shown["finished_at"]) == (None, None)
    await house.works.stage().handle(backlog(camera))
    assert (await house.ledger.states())[frame] == "empty"
    letter = await the_letter(client)
    assert (letter["state"], letter["frame_state"]) == ("replayed", "empty")
    assert (await client.get("/api/dlq/counts")).json()["dead"] == 0


async def test_what_fails_again_comes_back_with_more_tries(
    client: ApplicationClient, house: House
) -> None:
    """It is one letter, that knows of all its tries, and is traced as such."""
    camera = await house.ledger.camera()
    frame = await house.ledger.frame(camera)
    for path in (house.ledger.folder / "pictures").rglob("*"):
        if path.is_file():
            path.unlink()
    await house.works.stage().handle(backlog(camera))
    first = await the_letter(client)
    for replays in (1, 2):
        letter = await the_letter(client)
        house.works.clock.advance(10)
        assert (await client.post(f"/api/dlq/{letter['id']}/replay")).status_code == 200
        await house.works.stage().handle(backlog(camera))
        letter = await the_letter(client)
        assert (letter["id"], letter["state"]) == (first["id"], "dead")
        assert (letter["tries"], letter["replays"]) == (1 + replays, replays)
    assert letter["first_at"] == first["first_at"] < letter["last_at"]
    trace = (await client.get(f"/api/frames/{frame}/trace")).json()
    assert trace["dead_letter"] == letter
    steps = [one["step"] for one in trace["steps"]]
    assert sorted(steps) == ["buried", "claimed", "finished", "received", "replayed"]


@pytest.mark.parametrize("way", ["replay", "discard"])
async def test_of_two_at_once_one_takes_effect(
    way: str, client: ApplicationClient, ledger: Ledger
) -> None:
    await buried(ledger, await ledger.camera())
    letter = await the_letter(client)
    path = f"/api/dlq/{letter['id']}/replay"
    other = f"/api/dlq/{letter['id']}/{way}"
    answers = await asyncio.gather(*(client.post(one) for one in (path, other) * 3))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert refused["code"] == "dlq.not_dead"
    assert refused["detail"].startswith(f"dead letter {letter['id']} has been ")
    (row,) = await ledger.rows("SELECT state, replays FROM dead_letters")
    assert row["replays"] == (row["state"] == "replayed")


async def test_what_is_discarded_stays_buried_with_its_picture(
    client: ApplicationClient, ledger: Ledger
) -> None:
    frame = await buried(ledger, await ledger.camera())
    letter = await the_letter(client)
    discarded = (await client.post(f"/api/dlq/{letter['id']}/discard")).json()
    assert (discarded["state"], discarded["frame_state"]) == ("discarded", "buried")
    assert discarded["decided_at"] is not None
    again = await client.post(f"/api/dlq/{letter['id']}/replay")
    assert (again.status_code, again.json()["code"]) == (409, "dlq.not_dead")
    assert (await client.get(f"/api/frames/{frame}/picture")).status_code == 200
    trace = (await client.get(f"/api/frames/{frame}/trace")).json()
    assert "discarded" in [step["step"] for step in trace["steps"]]


async def test_many_are_replayed_in_bounded_batches(
    client: ApplicationClient, ledger: Ledger
) -> None:
    porch, garden = await ledger.camera(), await ledger.camera()
    for number in range(5):
        await buried(ledger, porch, at=number)
    await buried(ledger, garden)
    slug = (await listed(client, "?limit=1"))[0]["camera"]
    asked = {"camera": slug, "limit": "2", "stage": "detection"}
    done = [(await client.post("/api/dlq/replay", params=asked)).json()]
    # What is given up meanwhile is not of those that were meant.
    await buried(ledger, porch, at=10**9)
    while done[-1]["more"]:
        asked["until"] = done[-1]["until"]
        done.append((await client.post("/api/dlq/replay", params=asked)).json())
    assert [one["letters"] for one in done] == [2, 2, 1]
    states = await ledger.rows("SELECT camera_id, state FROM frames ORDER BY id")
    assert [row["state"] for row in states if row["camera_id"] == porch] == (
        ["received"] * 5 + ["buried"]
    )
    assert [row["state"] for row in states if row["camera_id"] == garden] == ["buried"]


async def test_two_who_replay_all_share_the_letters(
    client: ApplicationClient, ledger: Ledger
) -> None:
    camera = await ledger.camera()
    for number in range(6):
        await buried(ledger, camera, at=number)
    answers = await asyncio.gather(*(client.post("/api/dlq/replay") for _ in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert sum(answer.json()["letters"] for answer in answers) == 6
    (row,) = await ledger.rows("SELECT sum(replays) AS n FROM dead_letters")
    assert row["n"] == 6


async def test_many_are_discarded(client: ApplicationClient, ledger: Ledger) -> None:
    camera = await ledger.camera()
    for number in range(3):
        await buried(ledger, camera, at=number)
    assert (await client.post("/api/dlq/discard?limit=2")).json()["more"] is True
    assert (await client.post("/api/dlq/discard?limit=2")).json()["letters"] == 1
    assert {one["state"] for one in await listed(client)} == {"discarded"}


async def test_who_is_at_a_letter_is_not_waited_for_by_who_wants_all(
    client: ApplicationClient, ledger: Ledger
) -> None:
    camera = await ledger.camera()
    held = await buried(ledger, camera)
    await buried(ledger, camera, at=1)
    async with ledger.database.transaction() as session:
        await session.execute(
            text("SELECT 1 FROM frames WHERE id = :id FOR NO KEY UPDATE"), {"id": held}
        )
        async with asyncio.timeout(4):
            assert (await client.post("/api/dlq/replay")).json()["letters"] == 1
    assert (await client.post("/api/dlq/replay")).json()["letters"] == 1


async def test_a_replay_rings_at_once(
    client: ApplicationClient, ledger: Ledger, real_redis: RedisClient
) -> None:
    bells = StreamBells(real_redis, list(Lane), hearer="listener")
    camera = await ledger.camera()
    await buried(ledger, camera)
    letter = await the_letter(client)
    await client.post(f"/api/dlq/{letter['id']}/replay")
    bell = await bells.hear(4)
    assert bell is not None
    assert (bell.name, bell.lane) == (str(camera), "backlog")


async def test_the_letters_of_a_deleted_camera_are_gone(
    client: ApplicationClient, ledger: Ledger
) -> None:
    camera = await ledger.camera()
    await buried(ledger, camera)
    slug = (await the_letter(client))["camera"]
    answer: httpx.Response = await client.delete(f"/api/cameras/{camera}?confirm={slug}")
    assert answer.status_code == 200
    assert await listed(client) == []


async def test_what_was_decided_stays_so_when_the_clock_is_put_back(ledger: Ledger) -> None:
    camera = await ledger.camera()
    frame = await buried(ledger, camera, at=100)
    async with ledger.database.transaction() as session:
        (letter,) = await dead_letters.lock_dead(session, dead_letters.Wanted(), limit=9)
        await dead_letters.replay(session, [letter], now=NOON)
    async with ledger.database.transaction() as session:
        outcome = Outcome(frame, FrameState.BURIED, reason="again")
        await frames.finish(session, [outcome], detector=None, now=NOON)
        shown = await dead_letters.shown(session, letter)
        assert await dead_letters.count(session) == 1
    assert shown is not None
    assert shown["first_at"] == shown["last_at"] == NOON + 100 * SECOND
    assert shown["reason"] == "again"
