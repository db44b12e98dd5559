"""What one look at each part says, in words for an owner."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.services.upkeep import part_findings
from backend.services.upkeep.heartbeat import Word
from backend.services.upkeep.ladder import LADDER
from backend.services.upkeep.part_findings import (
    Finding,
    look_at_answer,
    look_at_cameras,
    look_at_dead_letters,
    look_at_detectors,
    look_at_disks,
    look_at_flood,
    look_at_ingest,
    look_at_pictures,
    look_at_workers,
)
from backend.services.upkeep.silent_cameras import SilentCamera

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AGO = NOON - timedelta(hours=1)
RUNS = {"running": True, "since": NOON, "reason": None}
STANDS = {"running": False, "since": AGO, "reason": "no Redis"}


def word(name: str = "one", **values: Any) -> Word:
    spoken = {
        "worker": name,
        "parts": {"watch": RUNS, "detect": RUNS},
        "detector": "motion",
        "media_root": "/data/cameras",
        "watched_folders": 3,
        "polled_folders": [],
        "unseen_folders": {},
        **values,
    }
    return Word.model_validate(spoken)


def test_without_a_word_every_part_is_missing() -> None:
    for look in (look_at_workers, look_at_ingest, look_at_detectors):
        found = look([])
        assert found.status == "degraded"
        assert found.reason.startswith("no worker was heard for 20 s")


def test_workers_at_work_are_named() -> None:
    assert look_at_workers([word()]).reason == "1 worker is at work: one"
    assert look_at_workers([word(), word("two")]).reason == "2 workers are at work: one, two"
    assert look_at_workers([word()]).status == "healthy"
    assert look_at_workers([word()]).since == NOON


def test_a_part_that_stands_is_named() -> None:
    found = look_at_workers([word(), word("two", parts={"watch": RUNS, "relay": STANDS})])
    assert found.status == "degraded"
    assert found.reason == "two: relay does not run: no Redis"
    assert (found.since, found.rung) == (AGO, "part")


def test_watched_folders_are_counted() -> None:
    found = look_at_ingest([word(), word("two", watched_folders=4)])
    assert (found.status, found.reason) == ("healthy", "below /data/cameras 7 folders are watched")


def test_polling_by_choice_is_no_fault() -> None:
    found = look_at_ingest([word(watched_folders=0)])
    assert found.status == "healthy"
    assert found.reason == "below /data/cameras folders are looked at in turn"


def test_polling_beyond_the_limit_is() -> None:
    found = look_at_ingest([word(polled_folders=["b", "a"])])
    assert found.status == "degraded"
    assert "2 folders" in found.reason
    assert "a among them" in found.reason
    assert "fs.inotify.max_user_watches" in found.reason


def test_folders_whose_pictures_are_not_seen_are_named_with_what_to_do() -> None:
    found = look_at_ingest(
        [
            word(unseen_folders={"gate": "it is a link: make it a folder", "door": "no right"}),
            word("two", unseen_folders={"hof": "it is a link: make it a folder"}),
        ]
    )
    assert found.status == "degraded"
    assert found.reason == (
        "no pictures are seen in door below /data/cameras: no right; "
        "no pictures are seen in gate, hof below /data/cameras: it is a link: make it a folder"
    )


def test_many_folders_are_counted() -> None:
    found = look_at_ingest([word(unseen_folders={f"c{n}": "no right" for n in range(8)})])
    assert found.reason.startswith("no pictures are seen in c0, c1, c2, c3, c4 and 3 more below")


def test_an_unseen_folder_is_not_said_to_be_polled() -> None:
    found = look_at_ingest([word(unseen_folders={"gate": "no right"}, polled_folders=["gate"])])
    assert found.reason == "no pictures are seen in gate below /data/cameras: no right"
    found = look_at_ingest([word(unseen_folders={"gate": "no right"}, polled_folders=["door"])])
    assert "no right; 1 folders below" in found.reason


def test_files_that_do_not_answer_are_named() -> None:
    found = look_at_ingest([word(late_files=["gate/b.jpg"]), word("two", late_files=["a.jpg"])])
    assert found.status == "degraded"
    assert found.rung == "media"
    assert "has not answered yet for a.jpg, gate/b.jpg" in found.reason


def test_motion_alone_is_said_and_no_fault() -> None:
    found = look_at_detectors([word()])
    assert found.status == "healthy"
    assert found.reason.startswith("motion only: no model is in use")
    assert look_at_detectors([word(detector="yolox")]).reason == "yolox looks at the pictures"


def test_what_runs_the_model_is_said() -> None:
    words = [
        word(detector="yolox:m", engine="openvino 1 on cpu in bf16"),
        word("two", detector="yolox:m", engine="onnxruntime 1 on cpu in f32"),
        word("three", detector="yolox:m", engine="onnxruntime 1 on cpu in f32"),
    ]
    assert look_at_detectors(words).reason == (
        "yolox:m looks at the pictures, run by onnxruntime 1 on cpu in f32,"
        " openvino 1 on cpu in bf16"
    )


def test_the_disks_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_findings, "LEAST_FREE_BYTES", 1)
    found = look_at_disks([tmp_path, tmp_path / "none"])
    assert (found.status, found.rung) == ("healthy", None)
    monkeypatch.setattr(part_findings, "LEAST_FREE_BYTES", 2**80)
    found = look_at_disks([tmp_path])
    assert (found.status, found.rung) == ("degraded", "disk")
    assert found.reason.startswith("only ")
    assert "No such file" in look_at_disks([tmp_path / "none"]).reason


def test_two_disks_are_two_and_one_counts_once(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    assert look_at_disks([tmp_path, tmp_path / "pictures"]).reason.count("free for") == 1
    found = look_at_disks([tmp_path, Path("/proc")])  # another one, on which nothing is free
    assert found.status == "degraded"
    assert found.reason.startswith("only 0.0 GB of 0.0 GB free for /proc: ")


BREAKER = {"state": "open", "since": AGO, "reason": "it is off", "code": "detector.unavailable"}


@pytest.mark.parametrize("state", ["open", "half-open"])
def test_a_detector_that_is_away_is_said_with_its_reason_and_since_when(state: str) -> None:
    away = word("two", breakers={"detector": BREAKER | {"state": state}})
    found = look_at_detectors([word(), away])
    assert found == Finding(
        "detector",
        "degraded",
        "pictures wait to be looked at: it is off",
        AGO,
        "detector",
    )


def test_of_a_detector_that_nobody_asks_nothing_bad_is_said() -> None:
    """It is asked again by the next picture: a quiet night does not make it away for hours."""
    asked = word(breakers={"detector": BREAKER | {"state": "half-open"}})
    assert look_at_detectors([asked], nothing_waits=True) == Finding(
        "detector",
        "healthy",
        "nothing waits, and the next picture asks it; last time: it is off",
    )
    away = word("two", breakers={"detector": BREAKER})
    assert look_at_detectors([asked, away], nothing_waits=True).status == "degraded"


def test_a_detector_that_is_there_is_so_since_it_came_back() -> None:
    back = word(breakers={"detector": {"state": "closed", "since": NOON, "reason": None}})
    assert look_at_detectors([back]).since == NOON


@pytest.mark.parametrize(
    ("code", "rung"),
    [
        ("pictures.unwritable", "pictures"),
        ("pictures.other_disk", "pictures"),
        ("database.unavailable", "database"),
        ("something.else", "part"),
        (None, "part"),
    ],
)
def test_why_nothing_is_taken_in_says_on_which_rung_we_are(code: str | None, rung: str) -> None:
    away = word(breakers={"intake": BREAKER | {"reason": "it is full", "code": code}})
    found = look_at_ingest([away])
    assert (found.status, found.reason) == ("degraded", "new pictures wait: it is full")
    assert (found.since, found.rung) == (AGO, rung)


A, B = "detector http://a:8090", "detector http://b:8090"
WELL = {"state": "closed", "since": NOON, "reason": None}


@pytest.mark.parametrize("state", ["open", "half-open"])
def test_where_some_addresses_of_the_detector_are_away_they_are_named(state: str) -> None:
    breakers = {"detector": WELL, A: WELL, B: BREAKER | {"state": state}}
    found = look_at_detectors([word(breakers=breakers), word("two", breakers=breakers)])
    assert found == Finding(
        "detector",
        "degraded",
        "1 of its 2 addresses cannot be used: it is off",
        AGO,
        "detector_some",
    )


def test_where_all_addresses_are_away_the_detector_is() -> None:
    found = look_at_detectors([word(breakers={"detector": BREAKER, A: BREAKER, B: BREAKER})])
    assert found.rung == "detector"


@pytest.mark.parametrize(
    ("code", "rung"),
    [("pictures.unreadable", "pictures"), ("thumbnails.unwritable", "thumbnails")],
)
def test_a_disk_that_does_not_take_part_is_not_the_detector_s_fault(code: str, rung: str) -> None:
    away = word(breakers={"detector": BREAKER | {"code": code}})
    assert look_at_detectors([away]).rung == rung


@pytest.mark.parametrize(
    ("codes", "rung"),
    [
        (["pictures.other_disk"], "pictures"),
        (["media.root_gone"], "media"),
        (["redis.unavailable"], "redis"),
        (["redis.unavailable", "database.unavailable"], "database"),
        (["redis.unavailable", None], "redis"),
        ([None], "part"),
    ],
)
def test_what_a_part_that_stands_needs_says_on_which_rung_we_are(
    codes: list[str | None], rung: str
) -> None:
    parts = {f"part {number}": STANDS | {"code": code} for number, code in enumerate(codes)}
    assert look_at_workers([word(parts=parts)]).rung == rung


def test_a_worker_of_another_version_is_at_work_all_the_same() -> None:
    stranger = Word(worker="new", understood=False)
    assert look_at_workers([stranger]).reason == "1 worker is at work: new (of another version)"
    assert look_at_ingest([stranger]).status == "healthy"
    assert look_at_detectors([stranger]).reason == "an unknown detector looks at the pictures"


@pytest.mark.parametrize(
    ("seconds", "status", "rung"),
    [(0.01, "healthy", None), (0.5, "healthy", None), (0.7, "degraded", "database_slow")],
)
def test_a_slow_database_is_said(seconds: float, status: str, rung: str | None) -> None:
    found = look_at_answer("database", seconds)
    assert (found.status, found.rung) == (status, rung)


def test_skipped_pictures_are_never_silent() -> None:
    assert look_at_flood([], NOON).status == "healthy"
    skipped = {"slug": "gate", "skipped_frames": 120, "skipped_at": NOON - timedelta(minutes=3)}
    found = look_at_flood([skipped], NOON)
    assert (found.status, found.rung) == ("degraded", "flood")
    assert found.reason.endswith("were skipped: gate (120 ever, the last 3 min ago)")


def test_silent_cameras_are_named_and_since_when() -> None:
    assert look_at_cameras([], NOON).status == "healthy"
    silent = [SilentCamera(1, "gate", AGO), SilentCamera(2, "door", NOON - timedelta(minutes=30))]
    found = look_at_cameras(silent, NOON)
    assert (found.status, found.since, found.rung) == ("degraded", AGO, "cameras")
    assert found.reason == (
        "silent for longer than is usual: gate (no picture for 60 min), "
        "door (no picture for 30 min)"
    )


@pytest.mark.parametrize(
    ("dead", "words"), [(1, "1 picture was given up"), (7, "7 pictures were given up")]
)
def test_what_was_given_up_is_counted_with_what_to_do(dead: int, words: str) -> None:
    found = look_at_dead_letters(dead)
    assert (found.status, found.rung) == ("degraded", "dead_letters")
    assert found.reason.startswith(words)
    assert "`hsi dlq`" in found.reason
    assert look_at_dead_letters(0).status == "healthy"


SLOW = {"seconds": 7.26, "since": AGO}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pictures", "the pictures' disk takes long: 7.3 s for an answer"),
        ("media", "the cameras' disk takes long: 7.3 s for an answer"),
    ],
)
def test_a_slow_disk_is_said_since_when_it_is(name: str, said: str) -> None:
    found = look_at_ingest([word(), word("two", slow={name: SLOW})])
    assert found == Finding("ingest", "degraded", said, AGO, f"{name}_slow")


def test_a_model_that_does_not_see_is_said_before_that_it_is_slow() -> None:
    blind = word(detector="yolox:a.onnx", doubt="it is blind", slow={"detector": SLOW})
    assert look_at_detectors([blind, word(detector="yolox:a.onnx")]) == Finding(
        "detector",
        "degraded",
        "yolox:a.onnx cannot be trusted: it is blind",
        rung="detector_doubtful",
    )
    away = word("two", breakers={"detector": BREAKER})
    assert look_at_detectors([blind, away]).rung == "detector"


def test_a_model_that_was_chosen_and_cannot_be_used_is_said() -> None:
    kept = word(detector="motion", refused_model="there is no model file x.onnx")
    assert look_at_detectors([kept]) == Finding(
        "detector",
        "degraded",
        "motion goes on; the model that was chosen cannot be used: there is no model file x.onnx",
        rung="detector_refused",
    )


def test_how_far_a_model_is_that_is_fetched_is_said() -> None:
    half = {"model": "rtdetrv2-s", "done": 40_600_000, "size": 81_057_510}
    found = look_at_detectors([word(detector="motion", awaited_model=half)])
    assert found.status == "healthy"
    assert found.reason.startswith("motion only: ")
    assert found.reason.endswith(
        ". rtdetrv2-s is being fetched, to be used then: 41 of 81 MB are here"
    )
    unknown = half | {"size": None}
    found = look_at_detectors([word(detector="motion", awaited_model=unknown)])
    assert found.reason.endswith(": 41 MB are here")


def test_a_model_that_cannot_be_fetched_is_said() -> None:
    away = {"model": "rtdetrv2-s", "done": 0, "reason": "hub.example cannot be reached"}
    found = look_at_detectors([word(detector="motion", awaited_model=away), word("two")])
    assert (found.status, found.rung) == ("degraded", "detector_awaited")
    assert found.reason.endswith(
        ". rtdetrv2-s is awaited, and not to be had: hub.example cannot be reached"
    )


def test_a_detector_that_takes_long_is_said() -> None:
    quick, slow = SLOW | {"seconds": 1.2}, SLOW
    found = look_at_detectors(
        [word(slow={"detector": slow}), word("two", slow={"detector": quick})]
    )
    assert found == Finding(
        "detector", "degraded", "motion takes long: 7.3 s for a picture", AGO, "detector_slow"
    )
    silent = word(slow={"detector": SLOW | {"answered": False}})
    assert look_at_detectors([silent]).reason == "motion has not answered for 7 s"


def test_every_rung_is_on_the_ladder() -> None:
    away = word(breakers={"detector": BREAKER, "intake": BREAKER})
    found = [
        look_at_workers([]),
        look_at_workers([word(parts={"relay": STANDS})]),
        look_at_ingest([word(unseen_folders={"gate": "no right"})]),
        look_at_ingest([away]),
        look_at_detectors([away]),
        look_at_answer("database", 9),
        look_at_answer("redis", 9),
        *(look_at_ingest([word(slow={name: SLOW})]) for name in ("pictures", "media")),
        look_at_detectors([word(slow={"detector": SLOW})]),
        look_at_detectors([word(doubt="it is blind")]),
        look_at_detectors([word(refused_model="it is broken")]),
        look_at_detectors([word(awaited_model={"model": "small", "reason": "no network"})]),
        look_at_dead_letters(1),
        look_at_disks([Path("/nowhere")]),
    ]
    names = {rung.name for rung in LADDER}
    assert len(names) == len(LADDER)
    for one in found:
        assert one.rung in names, one


@pytest.mark.parametrize(
    ("seconds", "lasting"),
    [(60, "60 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (3 * 86_400, "3 d")],
)
def test_the_picture_that_waits_longest_is_named(seconds: int, lasting: str) -> None:
    received_at = NOON - timedelta(seconds=seconds)
    found = look_at_pictures({"camera": "front_door", "received_at": received_at}, NOON)
    assert found.status == "degraded"
    assert found.reason == f"one of front_door has waited for {lasting}"
    assert (found.since, found.rung) == (received_at + timedelta(minutes=1), "behind")


@pytest.mark.parametrize("seconds", [-5, 0, 59])
def test_a_picture_may_wait_for_a_minute(seconds: int) -> None:
    came = {"camera": "front_door", "received_at": NOON - timedelta(seconds=seconds)}
    assert look_at_pictures(came, NOON).status == look_at_pictures(None, NOON).status == "healthy"
