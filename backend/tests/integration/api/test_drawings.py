"""Zones, lines and masks through the API: added, shown, changed, removed, and refused."""

import asyncio
from typing import Any

import pytest

from backend.services.stores import drawings
from backend.services.stores.drawings import LINES, MASKS, ZONES, Kind
from backend.tests.fixtures.application import ApplicationClient
from backend.tests.fixtures.ledger import NOON, Ledger

SQUARE = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]
POINTS: dict[str, Any] = {"zone": SQUARE, "line": [[0.2, 0.5], [0.8, 0.5]], "mask": SQUARE}
OWN: dict[str, dict[str, Any]] = {
    "zone": {
        "type": "other",
        "weight": 0,
        "priority": 0,
        "share": None,
        "colour": "#3498db",
        "hours": None,
        "classes": [],
    },
    "line": {"inwards": "inwards", "outwards": "outwards", "classes": []},
    "mask": {},
}
every_kind = pytest.mark.parametrize("kind", [ZONES, LINES, MASKS], ids=lambda kind: kind.table)


def body(kind: Kind, name: str = "Hof", **more: Any) -> dict[str, Any]:
    return {"name": name, "points": POINTS[kind.noun], **more}


async def made(
    client: ApplicationClient, kind: Kind, camera: int, name: str = "Hof", **more: Any
) -> dict[str, Any]:
    answer = await client.post(f"/api/cameras/{camera}/{kind.table}", json=body(kind, name, **more))
    assert answer.status_code == 201, answer.text
    drawing: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/cameras/{camera}/{kind.table}/{drawing['id']}"
    return drawing


@every_kind
async def test_it_is_added_shown_changed_and_removed(
    client: ApplicationClient, ledger: Ledger, kind: Kind
) -> None:
    camera = await ledger.camera()
    drawing = await made(client, kind, camera, " Süd \u202e玄関 ")
    path = f"/api/cameras/{camera}/{kind.table}/{drawing['id']}"
    assert drawing == {
        "id": drawing["id"],
        "camera_id": camera,
        "created_at": drawing["created_at"],
        "changed_at": drawing["created_at"],
        "name": "Süd \u202e玄関",
        "points": POINTS[kind.noun],
        "enabled": True,
        **OWN[kind.noun],
    }
    assert (await client.get(path)).json() == drawing
    answer = await client.patch(path, json={"enabled": False})
    changed = answer.json()
    assert changed == drawing | {"enabled": False, "changed_at": changed["changed_at"]}
    assert changed["changed_at"] > drawing["changed_at"]
    assert (await client.get(path)).json() == changed
    answer = await client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("GET", "DELETE"):
        answer = await client.request(method, path)
        assert answer.status_code == 404
        assert answer.json()["code"] == f"{kind.noun}.unknown"


async def test_all_of_a_zone_is_kept_and_each_field_changed(
    client: ApplicationClient, ledger: Ledger
) -> None:
    camera = await ledger.camera()
    values: dict[str, Any] = {
        "type": "driveway",
        "weight": -50,
        "priority": 100,
        "share": 0.25,
        "colour": "#aabbcc",
        "hours": "mon,tue 22:00-06:00",
        "classes": ["car", "person"],
    }
    zone = await made(client, ZONES, camera, **{**values, "colour": "#AABBCC"})
    assert {name: zone[name] for name in values} == values
    path = f"/api/cameras/{camera}/zones/{zone['id']}"
    for name, value in {**OWN["zone"], "name": "Garten", "points": SQUARE[:3]}.items():
        zone |= {name: value}
        answer = (await client.patch(path, json={name: value})).json()
        assert answer == zone | {"changed_at": answer["changed_at"]}


async def test_what_was_added_is_what_the_pipeline_reads(
    client: ApplicationClient, ledger: Ledger
) -> None:
    camera = await ledger.camera()
    await made(client, ZONES, camera, "off", enabled=False)
    await made(client, ZONES, camera, "night", hours="22:00-06:00", classes=["vehicle"], share=1)
    await made(client, LINES, camera, "gate", inwards="coming home")
    await made(client, MASKS, camera, "window")
    async with ledger.database.transaction() as session:
        found = await drawings.of_camera(session, camera)
    (zone,), (line,), (mask,) = found.zones, found.lines, found.masks
    assert (zone.name, str(zone.hours), zone.share) == ("night", "22:00-06:00", 1.0)
    assert zone.classes == {"vehicle"}
    assert (line.name, line.inwards) == ("gate", "coming home")
    assert mask.points == tuple((x, y) for x, y in SQUARE)


@every_kind
async def test_they_are_listed_in_pages_and_each_camera_has_its_own(
    client: ApplicationClient, ledger: Ledger, kind: Kind
) -> None:
    camera, other = await ledger.camera(), await ledger.camera()
    path = f"/api/cameras/{camera}/{kind.table}"
    assert (await client.get(path)).json() == {"items": [], "next_cursor": None}
    wanted = [await made(client, kind, camera, f"{n}") for n in range(3)]
    foreign = await made(client, kind, other, "0")
    page = (await client.get(f"{path}?limit=2")).json()
    rest = (await client.get(f"{path}?limit=2&cursor={page['next_cursor']}")).json()
    assert page["items"] + rest["items"] == wanted
    assert rest["next_cursor"] is None
    elsewhere = await client.get(
        f"/api/cameras/{other}/{kind.table}", params={"cursor": page["next_cursor"]}
    )
    assert elsewhere.json()["code"] == "cursor.invalid"
    answer = await client.get(f"{path}/{foreign['id']}")
    assert answer.status_code == 404
    assert answer.json()["detail"] == f"camera {camera} has no {kind.noun} {foreign['id']}"


@every_kind
async def test_a_name_is_given_once_a_camera(
    client: ApplicationClient, ledger: Ledger, kind: Kind
) -> None:
    camera = await ledger.camera()
    first, second = await made(client, kind, camera, "a"), await made(client, kind, camera, "b")
    path = f"/api/cameras/{camera}/{kind.table}"
    words = f"name: a is the name of {kind.noun} {first['id']} of this camera"
    for answer in (
        await client.post(path, json=body(kind, " a ")),
        await client.patch(f"{path}/{second['id']}", json={"name": "a"}),
    ):
        assert answer.status_code == 409
        assert answer.json()["code"] == f"{kind.noun}.exists"
        assert answer.json()["detail"] == words
    assert (await client.patch(f"{path}/{first['id']}", json={"name": "a"})).status_code == 200


@every_kind
async def test_there_are_no_more_than_there_may_be_however_many_ask_at_once(
    client: ApplicationClient, ledger: Ledger, kind: Kind
) -> None:
    camera = await ledger.camera()
    async with ledger.database.transaction() as session:
        for number in range(kind.most - 1):
            values = {**OWN[kind.noun], **body(kind, f"{number}", enabled=True)}
            await drawings.add(session, kind, camera, values, now=NOON)
    path = f"/api/cameras/{camera}/{kind.table}"
    answers = await asyncio.gather(
        *(client.post(path, json=body(kind, f"new {n}")) for n in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert codes == {f"{kind.noun}.too_many"}


@every_kind
async def test_of_two_who_want_one_name_at_once_one_gets_it(
    client: ApplicationClient, ledger: Ledger, kind: Kind
) -> None:
    path = f"/api/cameras/{await ledger.camera()}/{kind.table}"
    answers = await asyncio.gather(*(client.post(path, json=body(kind)) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


@every_kind
async def test_of_a_camera_that_is_not_there_or_deleted(
    client: ApplicationClient, ledger: Ledger, kind: Kind
) -> None:
    camera = await ledger.camera()
    drawing = await made(client, kind, camera)
    for method, rest in (("GET", ""), ("POST", ""), ("PATCH", "/1"), ("DELETE", "/1")):
        answer = await client.request(
            method,
            f"/api/cameras/2147483647/{kind.table}{rest}",
            json=body(kind) if method in {"POST", "PATCH"} else None,
        )
        assert answer.status_code == 404
        assert answer.json()["code"] == "camera.unknown"
    slug = (await client.get(f"/api/cameras/{camera}")).json()["slug"]
    await client.delete(f"/api/cameras/{camera}?confirm={slug}")
    path = f"/api/cameras/{camera}/{kind.table}"
    for answer in (
        await client.post(path, json=body(kind, "new")),
        await client.patch(f"{path}/{drawing['id']}", json={"name": "new"}),
        await client.delete(f"{path}/{drawing['id']}"),
    ):
        assert answer.status_code == 409
        assert answer.json()["code"] == "camera.deleted"
    await client.post(f"/api/cameras/{camera}/restore")
    assert (await client.get(path)).json()["items"] == [drawing]


async def test_every_change_of_masks_is_noted_at_the_camera(
    client: ApplicationClient, ledger: Ledger
) -> None:
    camera = await ledger.camera()

    async def noted() -> Any:
        (row,) = await ledger.rows("SELECT masks_changed_at AS at FROM cameras")
        return row["at"]

    await made(client, ZONES, camera)
    assert await noted() is None
    mask = await made(client, MASKS, camera)
    path = f"/api/cameras/{camera}/masks/{mask['id']}"
    times = [await noted()]
    # As if the clock had been put back since.
    await ledger.change("UPDATE cameras SET masks_changed_at = '2100-01-01Z'")
    times.append(await noted())
    await client.patch(path, json={"enabled": False})
    times.append(await noted())
    await client.delete(path)
    times.append(await noted())
    assert times == sorted(set(times))
    # What is refused changes nothing.
    assert (await client.delete(path)).status_code == 404
    assert await noted() == times[-1]
