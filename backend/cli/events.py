"""`hsi events`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from backend.cli.client import Api, Data, Document, Json, Server

if TYPE_CHECKING:
    from backend.cli.tables import Cell

app = typer.Typer(help="Show the events, the newest first, or follow them as they happen.")

_DETECTIONS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are asked for; None: any."""

    camera: str | None = None
    level: str | None = None
    of_class: str | None = None
    since: str | None = None

    def includes(self, event: Document) -> bool:
        """Whether an event of the live stream is one of them."""
        return (
            self.camera in {None, event["camera"]}
            and self.level in {None, event["level"]}
            and (self.of_class is None or self.of_class in event["classes"])
        )

    def found(self, opened: Api, limit: int) -> list[Document]:
        """The newest of them, the newest first."""
        return opened.listed(
            "/api/events",
            {
                "camera": self.camera,
                "level": self.level,
                "class": self.of_class,
                "since": self.since,
            },
            limit=limit,
        )


@app.callback(invoke_without_command=True)
def events(
    context: typer.Context,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens from now.")
    ] = False,
    camera: Annotated[str | None, typer.Option(help="Only this camera, by its short name.")] = None,
    level: Annotated[
        Literal["low", "medium", "high", "critical"] | None, typer.Option(help="Only this level.")
    ] = None,
    of_class: Annotated[
        str | None, typer.Option("--class", help="Only events that showed it: person, car, …")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Only from then: 30m, 2h, 3d, or 2026-03-01T18:30."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", min=1, help="How many. Default: 20; with --follow those of --since."
        ),
    ] = None,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show the events, the newest first, or follow them as they happen."""
    from backend.cli.client import api, print_json, refuse_stray_options
    from backend.cli.words import moment
    from backend.core.clock import SystemClock

    if context.invoked_subcommand:
        refuse_stray_options(context)
        return
    begin = moment(since, SystemClock().now()) if since else None
    wanted = Wanted(camera, level, of_class, begin)
    if follow:
        earlier = limit or (1000 if since else 0)
        _follow(wanted, earlier, server, data, as_json=as_json)
        return
    with api(server, data) as opened:
        found = wanted.found(opened, limit or 20)
    if as_json:
        print_json(found)
    else:
        show_list(found)


@app.command()
def show(
    number: Annotated[int, typer.Argument(metavar="ID", min=1)],
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show one event: why it has its score, what its things did, and what was seen."""
    from backend.cli.client import api, print_json

    with api(server, data) as opened:
        whole = whole_event(opened, number, None if as_json else _DETECTIONS_SHOWN)
    if as_json:
        print_json(whole)
    else:
        show_event(whole)


def whole_event(opened: Api, number: int, detections: int | None = None) -> Document:
    """An event with its latency, its assessments, whether the score recomputes, what its things
    did, what enrichers gave for them, and its detections."""
    import sys

    path = f"/api/events/{number}"
    return {
        "event": opened.get(path),
        "latency": opened.get(f"{path}/latency"),
        "assessments": opened.listed(f"{path}/assessments", limit=sys.maxsize),
        "recompute": _recompute(opened, path),
        "tracks": opened.get(f"{path}/tracks"),
        "enrichment": opened.get(f"/api/enrichment/events/{number}"),
        "detections": opened.listed(f"{path}/detections", limit=detections or sys.maxsize),
    }


def _recompute(opened: Api, path: str) -> Document:
    """The score made again; where that cannot be done, why not."""
    from backend.core.errors import Conflict

    try:
        return opened.get(f"{path}/recompute")
    except Conflict as error:
        return {"same": None, "reason": str(error)}


def show_list(found: list[Document]) -> None:
    """Print events, or that there are none."""
    from backend.cli.tables import Column, show_table

    if not found:
        typer.echo("no events")
        return
    show_table(
        (
            Column("ID", whole=True, right=True),
            Column("BEGAN", whole=True),
            Column("CAMERA"),
            Column("LEVEL", whole=True),
            Column("WHAT"),
        ),
        map(_row, found),
    )


def show_event(whole: Document) -> None:
    """Print one event and all that is known of it."""
    from backend.cli.event_tracks import show_tracks

    event, assessments = whole["event"], whole["assessments"]
    _show_facts(event)
    for assessment in assessments[:1]:
        _show_assessment(assessment, whole["recompute"])
    _show_latency(whole["latency"])
    show_tracks(whole["tracks"], whole["enrichment"])
    if whole["detections"]:
        _show_detections(whole["detections"])
    missing = event["detections"] - len(whole["detections"])
    if missing > 0:
        typer.echo(f"and {missing} more: `hsi events show {event['id']} --json` has them all")


def show_message(message: Document) -> None:
    """Print a message of the live stream on one line."""
    from backend.cli.tables import Word, show_line
    from backend.cli.words import local_time

    event = message["event"]
    done = str(message["type"]).removeprefix("event.")
    score = Word(event["level"], f" {event['score']}".ljust(12 - len(event["level"])))
    camera = str(event["camera"])
    show_line(
        local_time(_moment_of(message)), f"{done:<8}", score, f"{camera:<12}", f"#{event['id']}",
        event["summary"],
    )  # fmt: skip


def _follow(
    wanted: Wanted, earlier: int, server: str | None, data: "Data", *, as_json: bool
) -> None:
    """Print what happens until Ctrl-C."""
    import contextlib

    from backend.cli.client import address_of, api
    from backend.cli.follow import Follower
    from backend.core.log_lines import printable

    def tell(sentence: str) -> None:
        typer.echo(f"hsi: {printable(sentence)}", err=True)

    def print_message(message: Document) -> None:
        if not wanted.includes(message["event"]):
            return
        if as_json:
            _print_json_line(message)
        else:
            show_message(message)

    def begin() -> None:
        with api(server, data) as opened:
            # Asked for in any case: a camera or class that is not known is refused there.
            found = wanted.found(opened, max(earlier, 1))[:earlier]
        tell("following the events; Ctrl-C ends it")
        for event in reversed(found):
            print_message({"type": f"event.{_last_change(event)}", "event": event})

    # The way to end it, hence no error.
    with contextlib.suppress(KeyboardInterrupt):
        Follower(lambda: address_of(server, data), begin, print_message, tell).run()


def _print_json_line(message: Document) -> None:
    import json
    import sys

    typer.echo(json.dumps(message))
    sys.stdout.flush()


def _last_change(event: Document) -> str:
    return "closed" if event["state"] == "closed" else "updated"


def _moment_of(message: Document) -> str | None:
    """When, by our clock, what the message tells has happened."""
    event = message["event"]
    if "assessment" in message:
        return str(message["assessment"]["judged_at"])
    kinds = {"event.opened": "opened_at", "event.closed": "closed_at"}
    moment: str | None = event[kinds.get(message["type"], "attached_at")]
    return moment


def _row(event: Document) -> "tuple[Cell, ...]":
    from backend.cli.tables import Word
    from backend.cli.words import local_time

    level = Word(event["level"], f" {event['score']}")
    return event["id"], local_time(event["first_at"]), event["camera"], level, _what(event)


def _what(event: Document) -> str:
    notes = [
        note
        for note, holds in (
            ("open", event["state"] == "open"),
            ("reviewed", event["reviewed_at"] is not None),
        )
        if holds
    ]
    return f"{event['summary']} ({', '.join(notes)})" if notes else str(event["summary"])


def _show_facts(event: Document) -> None:
    from backend.cli.tables import Word, show_fields, show_line
    from backend.cli.words import counted, local_time

    show_line(f"event {event['id']} at {event['camera_name']} ({event['camera']})")
    closed, continued = event["closed_at"], event["continues_event_id"]
    seen = f"{counted(event['detections'], 'detection')} in {counted(event['frames'], 'frame')}"
    reviewed = event["reviewed_at"]
    show_fields(
        {
            "level": Word(event["level"], f", {event['score']} of 100"),
            "what": event["summary"],
            "seen": f"{', '.join(event['classes'])}: {seen}",
            "detector": event["detector"],
            "from": local_time(event["first_at"]),
            "to": local_time(event["last_at"]),
            "state": f"closed at {local_time(closed)}" if closed else "open",
            "continues": f"event {continued}" if continued else None,
            "reviewed": local_time(reviewed) if reviewed else "not yet",
            "notes": event["notes"],
        }
    )


def _show_latency(latency: Document) -> None:
    from backend.cli.tables import Column, show_line, show_table
    from backend.cli.words import duration, local_time

    if not latency["steps"]:
        return
    typer.echo()
    show_table(
        (
            Column("WHEN", whole=True),
            Column("AFTER", whole=True, right=True),
            Column("STEP", whole=True),
        ),
        [
            (
                local_time(step["at"], exact=True),
                "" if step["after_ms"] is None else duration(step["after_ms"] / 1000),
                step["what"],
            )
            for step in latency["steps"]
        ],
    )
    if latency["frame_id"] and latency["told_after_ms"] is not None:
        told = duration(latency["told_after_ms"] / 1000)
        show_line(f"told {told} after the first step of frame {latency['frame_id']}")


def _show_assessment(assessment: Document, recompute: Document) -> None:
    from backend.cli.tables import Column, show_line, show_table
    from backend.cli.words import local_time, pairs

    by = f"{assessment['judged_by']} ({assessment['version']})"
    typer.echo()
    show_line(
        f"assessment {assessment['number']}, by {by}, at {local_time(assessment['judged_at'])}"
    )
    rows = [
        (one["points"], str(one["name"]).replace("_", " "), pairs(one["evidence"]))
        for one in assessment["factors"]
    ]
    show_table(
        [Column("POINTS", whole=True, right=True), Column("WHY", whole=True), Column("EVIDENCE")],
        [*rows, (assessment["score"], "together", assessment["level"])],
    )
    show_line(f"made again from the detections: {_made_again(recompute)}")


def _made_again(recompute: Document) -> str:
    if recompute["same"] is None:
        return f"not possible: {recompute['reason']}"
    if recompute["same"]:
        return "the same"
    again, version = recompute["recomputed"], recompute["version"]
    return f"NOT the same, but {again['level']} {again['score']} by {version}"


def _show_detections(detections: list[Document]) -> None:
    from backend.cli.tables import Column, show_table

    typer.echo()
    show_table(
        (
            Column("ID", whole=True, right=True),
            Column("TAKEN", whole=True),
            Column("CLASS", whole=True),
            Column("SURE", whole=True, right=True),
            Column("WHERE (x, y, w, h)", whole=True),
            Column("FRAME", whole=True, right=True),
            Column("OR"),
        ),
        map(_detection_row, detections),
    )


def _detection_row(one: Document) -> "tuple[Cell, ...]":
    from backend.cli.words import local_time, percent, place

    return (
        one["id"],
        local_time(one["captured_at"], exact=True),
        one["class"],
        percent(one["confidence"]),
        place(one["box"]),
        one["frame_id"],
        _alternatives(one["alternatives"]),
    )


def _alternatives(alternatives: Document | None) -> str:
    from backend.cli.words import percent

    return ", ".join(f"{name} {percent(share)}" for name, share in (alternatives or {}).items())
