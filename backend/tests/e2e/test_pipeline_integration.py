"""From files on disk to events at the API and messages at a WebSocket, without any model.

The demo's pictures go through the real worker and the real API; what must come of them is in their
manifest.
"""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect

from backend.tests.fixtures.product import Drop, Product, a_while_ago, until

KEPT = Path(__file__).parents[1] / "fixtures" / "images" / "pipeline_test"
PICTURES: list[dict[str, Any]] = json.loads((KEPT / "manifest.json").read_text("utf-8"))["pictures"]
IDLE_SECONDS = 7


def visits() -> set[frozenset[str]]:
    """The pictures of each visit: those of a camera that show motion, with short pauses."""
    found: list[list[dict[str, Any]]] = []
    moving = [picture for picture in PICTURES if picture["motion"]]
    for picture in sorted(moving, key=lambda one: (one["camera"], one["seconds"])):
        last = found[-1][-1] if found else None
        if (
            last is not None
            and last["camera"] == picture["camera"]
            and picture["seconds"] - last["seconds"] <= IDLE_SECONDS
        ):
            found[-1].append(picture)
        else:
            found.append([picture])
    return {frozenset(one["file"] for one in visit) for visit in found}


@dataclass
class Listener:
    """What a client of the WebSocket hears."""

    last_number: int
    messages: list[dict[str, Any]] = field(default_factory=list)

    async def hear(self, socket: ClientConnection) -> None:
        async for text in socket:
            self.messages.append(json.loads(text))

    def types_of(self, event_id: int) -> list[str]:
        return [one["type"] for one in self.messages if one["event"]["id"] == event_id]

    async def all_closed(self) -> bool:
        closed = [one for one in self.messages if one["type"] == "event.closed"]
        return len(closed) == len(visits())


@contextlib.asynccontextmanager
async def listening(address: str) -> AsyncIterator[Listener]:
    """Somebody who listens from now on."""
    async with connect(f"ws{address.removeprefix('http')}/ws/events", proxy=None) as socket:
        await socket.send(json.dumps({"type": "subscribe"}))
        answer = json.loads(await socket.recv())
        assert answer["type"] == "subscribed"
        listener = Listener(answer["last_number"])
        hearing = asyncio.create_task(listener.hear(socket))
        yield listener
        hearing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hearing


async def drop_all(product: Product) -> None:
    """As cameras do: one picture after the other, each when it was taken."""
    begin = a_while_ago()
    for number, picture in enumerate(PICTURES, start=1):
        data = (KEPT / picture["file"]).read_bytes()
        taken_at = begin + timedelta(seconds=picture["seconds"])
        product.drop([Drop(data, picture["camera"], picture["file"], taken_at)])
        await product.final(number)


@pytest.fixture
async def api(product: Product) -> AsyncIterator[httpx.AsyncClient]:
    """The API of a running product."""
    product.environment = {
        **product.environment,
        "BATCH_IDLE_TIMEOUT_SECONDS": str(IDLE_SECONDS),
    }
    product.media_root.mkdir()
    product.start_worker()
    address = await product.start_api()
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        yield client


async def items(api: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    answer = await api.get(path, params={"limit": 200})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_what_comes_into_the_scene_is_an_event_and_light_is_none(
    product: Product, api: httpx.AsyncClient
) -> None:
    async with listening(product.address) as listener:
        await drop_all(product)
        await until(listener.all_closed, "the end of every event", seconds=20)

    frames = await items(api, "/api/frames")
    events = await items(api, "/api/events")
    they_are_events_of_motion(events, frames)
    they_were_told_in_order(listener, events)
    for event in events:
        await it_can_be_made_again(api, event)
    await pictures_are_served(api, frames)
    await an_empty_frame_is_explained(api)


def they_are_events_of_motion(events: list[dict[str, Any]], frames: list[dict[str, Any]]) -> None:
    shown = {
        frozenset(frame["path"] for frame in frames if frame["event_id"] == event["id"])
        for event in events
    }
    assert shown == visits()
    assert len(events) == len(visits())
    for event in events:
        assert (event["detector"], event["classes"]) == ("motion", ["motion"])
        assert (event["state"], event["level"]) == ("closed", "low")
        assert event["summary"].startswith("Motion at ")
    states = {frame["path"]: frame["state"] for frame in frames}
    assert states == {
        picture["file"]: "attached" if picture["motion"] else "empty" for picture in PICTURES
    }


def they_were_told_in_order(listener: Listener, events: list[dict[str, Any]]) -> None:
    numbers = [listener.last_number, *(one["number"] for one in listener.messages)]
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))
    for event in events:
        # Motion that goes on is worth no more than motion; what is new are the facts of it.
        further = ["event.updated", "event.assessed"] * (event["frames"] - 1)
        assert listener.types_of(event["id"]) == [
            "event.opened",
            "event.assessed",
            *further,
            "event.closed",
        ]
    last = {one["event"]["id"]: one["event"] for one in listener.messages}
    assert {number: event["score"] for number, event in last.items()} == {
        event["id"]: event["score"] for event in events
    }


async def it_can_be_made_again(api: httpx.AsyncClient, event: dict[str, Any]) -> None:
    again = (await api.get(f"/api/events/{event['id']}/recompute")).json()
    assert again["same"] is True
    assert again["recomputed"]["score"] == event["score"]


async def pictures_are_served(api: httpx.AsyncClient, frames: list[dict[str, Any]]) -> None:
    for frame in frames:
        picture = await api.get(frame["picture"])
        assert picture.content == (KEPT / frame["path"]).read_bytes()
        assert (frame["thumbnail"] is not None) == (frame["state"] == "attached")
        if frame["thumbnail"] is not None:
            thumbnail = await api.get(frame["thumbnail"])
            assert thumbnail.headers["Content-Type"] == "image/jpeg"
            with Image.open(io.BytesIO(thumbnail.content)) as image:
                image.load()
                assert 0 < image.width < frame["width"]


async def an_empty_frame_is_explained(api: httpx.AsyncClient) -> None:
    path = "Driveway/09_driveway_light_cloud.jpg"
    told = (await api.get("/api/frames/trace", params={"path": path})).json()
    assert "the light changed" in told["sentence"]
    (trace,) = told["frames"]
    steps = [step["step"] for step in trace["steps"]]
    assert steps == ["completed", "received", "claimed", "finished"]
    assert (trace["event"], trace["detections"], told["quarantine"]) == (None, [], None)
