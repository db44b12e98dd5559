"""The commands as an owner types them, over a real API and what a real worker has made."""

import contextlib
import io
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from backend.cli import main
from backend.cli.status import EXIT_STATUS
from backend.core.content_store import MARK
from backend.core.database import get_database
from backend.local.data_folder import DataFolder
from backend.tests.fixtures.product import (
    PROJECT,
    Drop,
    Product,
    a_while_ago,
    unmeasured,
    until,
)

pytestmark = pytest.mark.slow

KEPT = PROJECT / "backend" / "tests" / "fixtures" / "images" / "pipeline_test"
EMPTY, PERSON = "01_front_door_empty_day.jpg", "03_front_door_person_day.jpg"
COMMAND = (sys.executable, "-m", "backend.cli")


@dataclass
class Done:
    """A command that has ended."""

    status: object
    stdout: str
    stderr: str


@dataclass
class CommandLine:
    """`hsi` with the settings of a product, from a folder."""

    product: Product
    folder: Path

    def run(self, *arguments: str, typed: str = "") -> Done:
        """Run it within this process, which spares each command the start of one."""
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(io.StringIO()) as out,
            contextlib.redirect_stderr(io.StringIO()) as errors,
        ):
            patch.setattr(sys, "argv", ["hsi", *arguments])
            patch.setattr(sys, "stdin", io.StringIO(typed))
            with pytest.raises(SystemExit) as end:
                main()
        return Done(end.value.code, out.getvalue(), errors.getvalue())

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it as a process of its own; what it says and prints comes together.

        Coverage does not measure it: a Ctrl-C that arrives while it holds its lock is a deadlock.
        """
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=unmeasured(self.product.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def said(self, *arguments: str, typed: str = "") -> str:
        """What it prints when it succeeds."""
        done = self.run(*arguments, typed=typed)
        assert done.status == 0, done.stderr
        return done.stdout

    def told(self, *arguments: str) -> Any:
        """The JSON that it prints."""
        return json.loads(self.said(*arguments, "--json"))

    def refused(self, *arguments: str, status: int = 1, typed: str = "") -> str:
        """What it says when it fails."""
        done = self.run(*arguments, typed=typed)
        assert (done.status, done.stdout) == (status, "")
        return done.stderr


@pytest.fixture
async def hsi(product: Product, tmp_path: Path) -> AsyncIterator[CommandLine]:
    """The command line of a product whose API runs, found by the data folder's run file."""
    product.environment = {
        **unmeasured(product.environment),
        "BATCH_IDLE_TIMEOUT_SECONDS": "1",
        "TZ": "Europe/Berlin",
    }
    product.media_root.mkdir()
    address = await product.start_api()
    with DataFolder(product.media_root.parent) as folder:
        folder.publish(address)
        yield CommandLine(product, tmp_path)


def drops(*names: str) -> list[Drop]:
    begin = a_while_ago()
    return [
        Drop((KEPT / name).read_bytes(), "Front Door", name, begin + timedelta(seconds=10 * n))
        for n, name in enumerate(names)
    ]


async def test_events_and_frames_are_shown_and_traced(product: Product, hsi: CommandLine) -> None:
    product.drop(drops(EMPTY, PERSON))
    product.start_worker()
    await product.final(2)
    (event,) = hsi.told("events")
    assert (event["camera"], event["level"], event["detector"]) == ("front_door", "low", "motion")

    listed = hsi.said("events", "--camera", "front_door", "--class", "motion", "--since", "1h")
    assert "  front_door  low 10  Motion at " in listed.splitlines()[1]
    assert hsi.said("events", "--level", "high") == hsi.said("events", "--class", "cat")
    assert hsi.said("events", "--since", "1m") == "no events\n"

    shown = hsi.said("events", "show", str(event["id"]))
    assert "    10  motion seen  frames with motion 1\n" in shown
    assert "made again from the detections: the same\n" in shown
    whole = hsi.told("events", "show", str(event["id"]))
    assert (whole["event"]["id"], whole["recompute"]["same"]) == (event["id"], True)
    assert len(whole["detections"]) == event["detections"] == 1

    attached, empty = hsi.told("frames", "list")
    assert [one["id"] for one in hsi.told("frames", "list", "--state", "empty")] == [empty["id"]]
    assert "learning the scene" in hsi.said("frames", "list").splitlines()[-1]
    by_number = hsi.said("frames", "trace", str(empty["id"]))
    assert "  it says   learning the scene\n" in by_number
    attached_trace = hsi.said("frames", "trace", str(attached["id"]))
    assert f"`hsi events show {event['id']}`" in attached_trace
    folder = product.media_root / "Front Door"
    for place, name in (
        (hsi.folder, f"{folder}/{EMPTY}"),
        (hsi.folder, f"Front Door/{EMPTY}"),
        (folder, EMPTY),
    ):
        assert by_number in CommandLine(product, place).said("frames", "trace", name)
    unknown = hsi.refused("frames", "trace", "Front Door/none.jpg")
    assert unknown == "hsi: Front Door/none.jpg: nothing is known of such a file\n"


async def test_a_bad_file_is_in_quarantine_with_its_reason(
    product: Product, hsi: CommandLine
) -> None:
    assert hsi.said("quarantine") == "no file is in quarantine\n"
    product.drop([Drop(b"no picture", "Front Door", "bad \x1b[2J.jpg", a_while_ago())])
    product.start_worker()

    async def is_quarantined() -> bool:
        return bool(await product.rows("SELECT 1 FROM quarantined_files"))

    await until(is_quarantined, "the quarantine")
    (one,) = hsi.told("quarantine")
    listed = hsi.said("quarantine")
    assert r"Front Door/bad \\x1b[2J.jpg" in listed or r"Front Door/bad \x1b[2J.jpg" in listed
    assert "\x1b" not in listed
    assert one["reason"] in listed
    traced = hsi.said("frames", "trace", "Front Door/bad \x1b[2J.jpg")
    assert "in quarantine" in traced
    assert one["reason"] in traced


async def test_what_became_of_the_pictures_is_said(product: Product, hsi: CommandLine) -> None:
    first, second = drops(EMPTY, PERSON)
    product.drop([first, second])
    product.start_worker()
    await product.final(2)
    counted = hsi.told("frames", "summary", "--camera", "front_door")
    assert (counted["total"], counted["final"], counted["by_state"]["empty"]) == (2, 2, 1)
    assert "2 frames, 2 of them final" in hsi.said("frames", "summary")

    at = second.taken_at.isoformat()
    answer = hsi.said("frames", "why", "front_door", at, "--window", "5")
    (event,) = hsi.told("events")
    assert answer.splitlines()[1].startswith("There was an event between ")
    assert f"  Event {event['id']}, " in answer
    answer = hsi.said("frames", "why", "Front Door", first.taken_at.isoformat(), "--window", "5")
    assert "none showed anything that matters" in answer
    assert "learning the scene" in answer
    earlier = (first.taken_at - timedelta(days=1)).isoformat()
    assert "No event: no picture taken" in hsi.said("frames", "why", "front_door", earlier)
    assert "at: soon is neither like 03:10" in hsi.refused(
        "frames", "why", "front_door", "soon", status=2
    )

    latency = hsi.told("events", "show", str(event["id"]))["latency"]
    steps = [step["step"] for step in latency["steps"]]
    assert steps[-1] == "closed" or "closed" not in steps
    assert {"received", "claimed", "finished", "assessed", "told"} <= set(steps)
    assert "first message" in hsi.said("events", "show", str(event["id"]))


async def test_what_was_given_up_is_replayed_and_discarded(
    product: Product, hsi: CommandLine
) -> None:
    """The pictures and their copies are gone, so that the work on them cannot succeed."""
    assert hsi.said("dlq", "list") == "no dead letters\n"
    product.drop(drops(EMPTY, PERSON))
    product.start_worker()
    await product.final(2)
    product.kill_worker(signal.SIGTERM)
    pictures = (product.media_root.parent / "pictures").rglob("*")
    for path in [*pictures, *product.media_root.rglob("*")]:
        if path.is_file() and path.name != MARK:
            path.unlink()
    async with get_database().transaction() as session:
        # As if a worker had never come to look at them.
        await session.execute(text("DELETE FROM events"))
        await session.execute(
            text("UPDATE frames SET state = 'received', event_id = NULL, finished_at = NULL")
        )
    product.start_worker()
    await product.final(2)
    letters = hsi.told("dlq", "list")
    assert [one["state"] for one in letters] == ["dead"] * 2
    assert all(one["reason"].startswith("the picture's copy is gone") for one in letters)
    first, second = (str(one["id"]) for one in letters)
    assert "the picture's copy is gone" in hsi.said("dlq", "list")
    assert f"dead letter {first}: dead" in hsi.said("dlq", "show", first)
    assert hsi.said("dlq", "replay", first).startswith(f"dead letter {first} waits again: frame ")
    await product.final(2)
    again = hsi.told("dlq", "show", first)
    assert (again["state"], again["replays"], again["tries"]) == ("dead", 1, 3)
    assert hsi.told("dlq", "replay", "--all") == {"letters": 2}
    await product.final(2)
    assert hsi.said("dlq", "discard", second).startswith(f"dead letter {second} is discarded")
    gone = hsi.refused("dlq", "replay", second)
    assert gone == f"hsi: dead letter {second} has been discarded already\n"
    assert "nothing was discarded" in hsi.refused("dlq", "discard", "--all", typed="y\n")
    assert hsi.said("dlq", "discard", "--all", "--yes") == "discarded 1 dead letter\n"
    assert "say either" in hsi.refused("dlq", "replay", status=2)
    assert hsi.refused("dlq", "show", "999") == "hsi: there is no dead letter 999\n"


async def test_a_camera_is_added_renamed_deleted_and_restored(
    product: Product, hsi: CommandLine
) -> None:
    assert hsi.said("cameras").startswith("no cameras yet")
    assert hsi.said("cameras", "add", "Front Door", "--time-zone", "Europe/Paris").startswith(
        "added camera front_door (Front Door), number "
    )
    assert (product.media_root / "Front Door").is_dir()
    again = hsi.refused("cameras", "add", "Front Door")
    assert again.startswith("hsi: the folder Front Door is that of camera ")
    assert "name" in hsi.refused("cameras", "add", "a/b", status=2)
    hsi.said("cameras", "rename", "front_door", "[red]Door")
    (camera,) = hsi.told("cameras")
    assert (camera["name"], camera["time_zone"]) == ("[red]Door", "Europe/Paris")
    assert "front_door  [red]Door" in hsi.said("cameras")

    product.drop(drops(EMPTY, PERSON))
    product.start_worker()
    await product.final(2)
    for typed in ("", "y\n", "[red]Door\n"):
        asked = hsi.refused("cameras", "delete", "front_door", typed=typed)
        assert "[red]Door (front_door) has 2 frames, 1 event, 1 detection." in asked
        assert "nothing was deleted" in asked
    assert len(hsi.told("events")) == 1
    deleted = hsi.said("cameras", "delete", "[red]Door", typed="front_door\n")
    assert "deleted camera front_door: 2 frames, 1 event, 1 detection" in deleted
    assert hsi.said("events") == "no events\n"
    assert [one["slug"] for one in hsi.told("cameras", "--deleted")] == ["front_door"]
    assert hsi.told("cameras", "restore", "front_door")["deleted_at"] is None
    removed = hsi.told("cameras", "delete", "front_door", "--yes")
    assert (removed["slug"], removed["events"]) == ("front_door", 0)
    assert "no camera front_door" in hsi.refused("cameras", "delete", "front_door", "--yes")


async def test_zones_lines_and_masks_are_drawn_changed_and_deleted(
    product: Product, hsi: CommandLine, tmp_path: Path
) -> None:
    hsi.said("cameras", "add", "Front Door")
    assert hsi.said("zones", "list", "front_door") == "no zones: `hsi zones add` draws one\n"
    hall = ("--points", "0.1,0.5 0.9,0.5 0.9,1 0.1,1")
    more = ("--weight", "-5", "--class", "person", "--class", "pet", "--hours", "22:00-06:00")
    drawn = hsi.said("zones", "add", "Front Door", "Hall", *hall, "--type", "entry_point", *more)
    assert drawn.startswith("added zone Hall, number ")
    assert "Hall  entry_point      -5  person, pet  22:00-06:00" in hsi.said(
        "zones", "list", "front_door"
    )
    again = hsi.refused("zones", "add", "front_door", "Hall", *hall)
    assert again.startswith("hsi: name: Hall is the name of zone ")
    bow_tie = ("--points", "0,0 1,1 1,0 0,1")
    crossed = hsi.refused("zones", "add", "front_door", "x", *bow_tie, status=2)
    assert crossed.startswith("hsi: points: must not cross or touch itself: ")
    assert len(crossed.splitlines()) == 1
    unknown = hsi.refused("zones", "add", "front_door", "x", *hall, "--class", "persn", status=2)
    assert unknown.endswith("has a class that is not known: did you mean person?\n")
    nothing = hsi.refused("zones", "change", "front_door", "Hall", status=2)
    assert nothing.startswith("hsi: body: must have one of name, points, ")
    changed = hsi.told(
        "zones", "change", "front_door", "Hall", "--name", "Flur", "--hours", "always"
    )
    assert (changed["name"], changed["hours"], changed["weight"]) == ("Flur", None, -5)
    assert "changed zone Flur" in hsi.said("zones", "change", "front_door", "Flur", "--off")

    hsi.said("lines", "add", "front_door", "Sill", "--points", "0.2,0.5 0.8,0.5")
    hsi.said("lines", "change", "front_door", "Sill", "--inwards", "coming home")
    assert hsi.told("lines", "list", "front_door")[0]["inwards"] == "coming home"
    hsi.said("masks", "add", "front_door", "Bell", "--points", "0,0 0.3,0 0.3,0.3 0,0.3")

    picture = tmp_path / "front door.jpg"
    none = hsi.refused("cameras", "picture", "front_door", str(picture))
    assert "has no picture yet" in none
    assert not picture.exists()
    product.drop(drops(EMPTY))
    product.start_worker()
    await product.final(1)
    assert hsi.said("cameras", "picture", "front_door", str(picture)) == f"saved {picture}\n"
    plain = picture.read_bytes()
    hsi.said("cameras", "picture", "front_door", str(picture), "--drawings")
    assert plain[:3] == picture.read_bytes()[:3] == b"\xff\xd8\xff"
    assert len({plain, picture.read_bytes(), (KEPT / EMPTY).read_bytes()}) == 3

    for noun, name in (("zones", "Flur"), ("lines", "Sill"), ("masks", "Bell")):
        assert f"deleted {noun[:-1]} {name}" in hsi.said(noun, "delete", "front_door", name)
        assert hsi.told(noun, "list", "front_door") == []
    assert "no mask Bell; known: none yet" in hsi.refused("masks", "delete", "front_door", "Bell")


async def test_a_thing_is_said_to_be_no_scene_and_never_what_it_seems(
    product: Product, hsi: CommandLine
) -> None:
    product.drop(drops(EMPTY, PERSON))
    product.start_worker()
    await product.final(2)
    (event,) = hsi.told("events")
    whole = hsi.told("events", "show", str(event["id"]))
    (track,), (detection,) = whole["tracks"]["tracks"], whole["detections"]
    assert track["track_id"] == detection["track_id"]
    (enriched,) = whole["enrichment"]["tracks"]
    colours = enriched["enrichment"]["colours"]["dominant"]
    assert enriched["enrichment"]["movement"]["dwell"] == 0
    shown = hsi.said("events", "show", str(event["id"]))
    assert all(f"{name} {share:.0%}" in shown for name, share in colours.items())

    number = str(track["track_id"])
    assert hsi.said("scene", "front_door") == "nothing belongs to the scene\n"
    assert hsi.said("scene", "front_door", "--left") == "nothing that left is remembered\n"
    said = hsi.said("scene", "Front Door", "--not-scene", number)
    assert said == f"track {number} (motion) is not scene: it is news from now\n"
    (watched,) = hsi.told("scene", "front_door", "--watched")
    assert (watched["track_id"], watched["watched"]) == (track["track_id"], True)
    assert "watched" in hsi.said("scene", "front_door", "--watched")
    assert hsi.told("scene", "front_door", "--take-back", number)["watched"] is False
    assert hsi.said("scene", "front_door", "--watched") == "nothing is watched\n"
    gone = hsi.refused("scene", "front_door", "--not-scene", "999")
    assert gone == "hsi: this camera has no track 999\n"
    assert "say one of them" in hsi.refused("scene", "front_door", "--left", "--watched", status=2)

    this = ("front_door", "--detection", str(detection["id"]))
    assert hsi.said("suppressions", "list", "front_door") == "no suppressions\n"
    would = hsi.told("suppressions", "preview", *this)
    assert (would["hidden"], would["events_gone"], would["looked_at"]) == (1, 1, 1)
    assert "(gone)" in hsi.said("suppressions", "preview", *this)
    made = hsi.said("suppressions", "add", *this, "--days", "3", "--note", "The tree.")
    (one,) = hsi.told("suppressions", "list", "front_door")
    assert made.startswith(f"suppression {one['id']}: no motion that looks like it counts there ")
    assert (one["note"], one["class"]) == ("The tree.", "motion")
    assert "The tree." in hsi.said("suppressions", "list", "front_door")
    undone = hsi.said("suppressions", "undo", "front_door", str(one["id"]))
    assert undone == f"suppression {one['id']} is undone; it had hidden 0 detections\n"
    assert hsi.said("suppressions", "list", "front_door") == "no suppressions\n"
    assert "undone" in hsi.said("suppressions", "list", "front_door", "--state", "all")
    again = hsi.refused("suppressions", "undo", "front_door", str(one["id"]))
    assert again == f"hsi: suppression {one['id']} was undone: add a new one\n"
    by_track = hsi.told("suppressions", "add", "front_door", "--track", number)
    assert by_track["track_id"] == track["track_id"]
    assert "say either" in hsi.refused("suppressions", "add", "front_door", status=2)


async def test_the_status_is_said_by_word_and_exit_status(
    product: Product, hsi: CommandLine
) -> None:
    async def is_degraded() -> bool:  # for no worker runs; a busy machine may answer late once
        return hsi.run("status").status == EXIT_STATUS["degraded"]

    await until(is_degraded, "a status that needs a look")
    done = hsi.run("status")
    health = json.loads(hsi.run("status", "--json").stdout)
    assert done.stdout.startswith("degraded: It works, but something needs a look:")
    assert [part["name"] for part in health["parts"] if part["status"] != "healthy"] == [
        "workers",
        "ingest",
        "detector",
    ]
    product.start_worker()

    async def is_healthy() -> bool:
        return hsi.run("status").status == EXIT_STATUS["healthy"]

    await until(is_healthy, "a healthy status")
    assert "motion only" in hsi.said("status")


def lines_of(process: subprocess.Popen[str]) -> Callable[[], str]:
    def line() -> str:
        assert process.stdout is not None
        return process.stdout.readline()

    return line


async def test_events_are_followed_over_a_break_until_ctrl_c(
    product: Product, hsi: CommandLine
) -> None:
    first, second = drops(EMPTY, PERSON)
    with hsi.start("events", "--follow") as following:
        line = lines_of(following)
        assert line() == "hsi: following the events; Ctrl-C ends it\n"
        product.stop_api(signal.SIGKILL)
        assert "trying again in 1 s" in line()
        product.drop([first, second])
        product.start_worker()
        await product.final(2)
        await product.start_api()
        seen = [line()]
        while not seen[-1].startswith("hsi: connected again"):
            seen.append(line())
        assert all("trying again in" in one for one in seen[:-1])
        told = [line().split(maxsplit=6)[2:6] for _ in range(2)]
        assert told == [[done, "low", "10", "front_door"] for done in ("opened", "assessed")]
        following.send_signal(signal.SIGINT)
        following.communicate(timeout=10)
    assert following.returncode == 0


async def test_earlier_events_come_first_and_filters_hold(
    product: Product, hsi: CommandLine
) -> None:
    product.drop(drops(EMPTY, PERSON))
    product.start_worker()
    await product.final(2)
    with hsi.start("events", "-f", "--since", "1h", "--class", "motion", "--json") as following:
        line = lines_of(following)
        assert line().startswith("hsi: following")
        message = json.loads(line())
        following.send_signal(signal.SIGINT)
        following.communicate(timeout=10)
    assert message["event"]["classes"] == ["motion"]
    assert following.returncode == 0


async def test_what_is_wrong_is_one_line(product: Product, hsi: CommandLine) -> None:
    with hsi.start("events", "show", "999") as process:
        said, _ = process.communicate(timeout=20)
    assert (process.returncode, said) == (1, "hsi: there is no event 999\n")
    for refused in (["frames", "list"], ["events"], ["events", "--follow"]):
        unknown = hsi.refused(*refused, "--camera", "nope")
        assert unknown == "hsi: camera: there is no nope; known: none yet\n"
    for refused in (["events"], ["events", "--follow"]):
        assert "class: must be one of person, " in hsi.refused(
            *refused, "--class", "unicorn", status=2
        )
    assert "--since" in hsi.refused("events", "--since", "soon", status=2)
    product.stop_api()
    gone = hsi.refused("events")
    assert gone == f"hsi: nothing answers at {product.address}: `hsi up` starts it\n"
    assert hsi.refused("events", "--follow") == gone
    assert hsi.refused("status", status=2) == gone
    nowhere = hsi.refused("cameras", "--data", str(hsi.folder))
    assert nowhere.startswith(f"hsi: nothing runs with the data folder {hsi.folder}: `hsi up`")
