"""What one look at each part says, in words for an owner, and on which rung of the ladder it is."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from backend.services.stores.rows import Record
from backend.services.upkeep.heartbeat import BreakerWord, SlowWord, Word
from backend.services.upkeep.ladder import LADDER, rung_of
from backend.services.upkeep.silent_cameras import SilentCamera

Status = Literal["healthy", "degraded", "unhealthy"]

LEAST_FREE_BYTES = 1_000_000_000
SLOW_SECONDS = 0.5
SKIPPED_LATELY = timedelta(minutes=10)
_LONG_WAIT = timedelta(minutes=1)
_SHOWN = 5  # names in one sentence

NO_WORKER = "no worker was heard for 20 s: pictures wait, and none is lost"


@dataclass(frozen=True, slots=True)
class Finding:
    """How a part is now.

    `since`, where that is known better than by having looked before. `rung` is the one of
    `LADDER` that the product stands on for it.
    """

    name: str
    status: Status
    reason: str
    since: datetime | None = None
    rung: str | None = None


def look_at_answer(name: str, seconds: float, since: datetime | None = None) -> Finding:
    """How a server is that took so long to answer; `since` when it is known to be there."""
    if seconds > SLOW_SECONDS:
        reason = f"it took {seconds:.1f} s to answer"
        return Finding(name, "degraded", reason, rung=f"{name}_slow")
    return Finding(name, "healthy", "it answers", since)


def look_at_workers(words: Sequence[Word]) -> Finding:
    """Whether there are workers, and all their parts run."""
    if not words:
        return Finding("workers", "degraded", NO_WORKER, rung="workers")
    faults = [
        (word.worker, name, part)
        for word in words
        for name, part in word.parts.items()
        if not part.running
    ]
    if faults:
        reasons = "; ".join(
            f"{worker}: {name} does not run: {part.reason}" for worker, name, part in faults
        )
        since = min((part.since for *_, part in faults if part.since), default=None)
        rung = _lowest_rung(part.code for *_, part in faults)
        return Finding("workers", "degraded", reasons, since, rung)
    runs_since = [part.since for word in words for part in word.parts.values() if part.since]
    many = f"{len(words)} workers are" if len(words) > 1 else "1 worker is"
    names = _listed(
        word.worker if word.understood else f"{word.worker} (of another version)" for word in words
    )
    return Finding("workers", "healthy", f"{many} at work: {names}", max(runs_since, default=None))


def look_at_ingest(words: Sequence[Word]) -> Finding:
    """Whether new pictures are taken in, and seen at once."""
    if not words:
        return Finding("ingest", "degraded", NO_WORKER, rung="workers")
    if opened := _opened(words, "intake"):
        return _waiting("ingest", "new pictures wait", opened)
    if late := sorted({path for word in words for path in word.late_files}):
        reason = f"the cameras' disk has not answered yet for {_some(late)}; what answers goes on"
        return Finding("ingest", "degraded", reason, rung="media")
    for name, what in _DISKS.items():
        if slow := _slowest(words, name):
            reason = f"{what} {_how_slow(slow, 'an answer')}"
            return Finding("ingest", "degraded", reason, slow.since, f"{name}_slow")
    roots = _listed(word.media_root for word in words if word.media_root)
    faults = _folder_faults(words, roots)
    if faults:
        return Finding("ingest", "degraded", "; ".join(faults), rung="folders")
    watched = sum(word.watched_folders for word in words)
    folders = "1 folder is" if watched == 1 else f"{watched} folders are"
    how = f"{folders} watched" if watched else "folders are looked at in turn"
    return Finding("ingest", "healthy", f"below {roots} {how}")


_DISKS = {"pictures": "the pictures' disk", "media": "the cameras' disk"}


def _slowest(words: Sequence[Word], name: str) -> SlowWord | None:
    """How slow this is for the worker that waits longest for it; None where it is not."""
    slow = [word.slow[name] for word in words if name in word.slow]
    return max(slow, key=lambda one: one.seconds, default=None)


def _how_slow(slow: SlowWord, what: str) -> str:
    if not slow.answered:
        return f"has not answered for {slow.seconds:.0f} s"
    return f"takes long: {slow.seconds:.1f} s for {what}"


def _folder_faults(words: Sequence[Word], roots: str) -> list[str]:
    unseen = {folder: why for word in words for folder, why in word.unseen_folders.items()}
    faults = [
        f"no pictures are seen in {_some(folders)} below {roots}: {why}"
        for why, folders in _by_value(unseen).items()
    ]
    polled = sorted({folder for word in words for folder in word.polled_folders} - set(unseen))
    if polled:
        faults.append(
            f"{len(polled)} folders below {roots} cannot be watched and are only looked at from "
            f"time to time, {polled[0]} among them: the kernel's limit of watches is reached "
            "(raise fs.inotify.max_user_watches), or we may not read them"
        )
    return faults


_MOTION_ONLY = "motion only: no model is in use, so it sees that something moves, and not what"


def look_at_detectors(words: Sequence[Word], *, nothing_waits: bool = False) -> Finding:
    """Whether the pictures can be looked at, and what does it.

    Only a picture asks a detector again that was away: while none waits, nobody knows.
    """
    if not words:
        return Finding("detector", "degraded", NO_WORKER, rung="workers")
    opened = _opened(words, "detector")
    if opened and nothing_waits and all(one.state == "half-open" for one in opened):
        reason = f"nothing waits, and the next picture asks it; last time: {_reasons(opened)}"
        return Finding("detector", "healthy", reason)
    if opened:
        return _waiting("detector", "pictures wait to be looked at", opened)
    if away := _addresses_away(words):
        return away
    names = _listed(word.detector for word in words if word.detector) or "an unknown detector"
    if flaw := _flaw_of_detectors(words, names):
        return flaw
    since = [word.breakers["detector"].since for word in words if "detector" in word.breakers]
    known = max((at for at in since if at), default=None)
    reason = _MOTION_ONLY if names == "motion" else f"{names} looks at the pictures{_by(words)}"
    return _with_awaited(words, Finding("detector", "healthy", reason, known))


def _with_awaited(words: Sequence[Word], found: Finding) -> Finding:
    """The finding, and how it goes with a model that is being fetched."""
    awaited = next((word.awaited_model for word in words if word.awaited_model), None)
    if awaited is None:
        return found
    if awaited.reason is not None:
        reason = f"{found.reason}. {awaited.model} is awaited, and not to be had: {awaited.reason}"
        return Finding("detector", "degraded", reason, rung="detector_awaited")
    of = f" of {awaited.size / 1e6:.0f}" if awaited.size else ""
    far = f"{awaited.model} is being fetched, to be used then: {awaited.done / 1e6:.0f}{of} MB"
    return replace(found, reason=f"{found.reason}. {far} are here")


def _by(words: Sequence[Word]) -> str:
    """What runs the models, where that is known."""
    engines = _listed(word.engine for word in words if word.engine)
    return f", run by {engines}" if engines else ""


_ADDRESS = "detector "
"""So begin the names of the breakers of a detector's single addresses."""


def _addresses_away(words: Sequence[Word]) -> Finding | None:
    """What is to be said where some addresses of the detector do not answer, and others do.

    Said until a picture has found them well: the others get pictures, and so will they.
    """
    names = {name for word in words for name in word.breakers if name.startswith(_ADDRESS)}
    opened = {name: found for name in names if (found := _opened(words, name))}
    if not opened:
        return None
    away = [breaker for found in opened.values() for breaker in found]
    reason = f"{len(opened)} of its {len(names)} addresses cannot be used: {_reasons(away)}"
    since = min((breaker.since for breaker in away if breaker.since), default=None)
    return Finding("detector", "degraded", reason, since, "detector_some")


def _flaw_of_detectors(words: Sequence[Word], names: str) -> Finding | None:
    """Why detectors that answer are not well."""
    if doubts := sorted({word.doubt for word in words if word.doubt}):
        reason = f"{names} cannot be trusted: {'; '.join(doubts)}"
        return Finding("detector", "degraded", reason, rung="detector_doubtful")
    if refused := sorted({word.refused_model for word in words if word.refused_model}):
        reason = f"{names} goes on; the model that was chosen cannot be used: {'; '.join(refused)}"
        return Finding("detector", "degraded", reason, rung="detector_refused")
    if slow := _slowest(words, "detector"):
        reason = f"{names} {_how_slow(slow, 'a picture')}"
        return Finding("detector", "degraded", reason, slow.since, "detector_slow")
    return None


def _opened(words: Sequence[Word], name: str) -> list[BreakerWord]:
    """The breakers of this name that let nothing through, or only probes."""
    breakers = [word.breakers[name] for word in words if name in word.breakers]
    return [breaker for breaker in breakers if breaker.state != "closed"]


def _waiting(name: str, what: str, opened: Sequence[BreakerWord]) -> Finding:
    since = min((breaker.since for breaker in opened if breaker.since), default=None)
    rung = _lowest_rung(breaker.code for breaker in opened)
    return Finding(name, "degraded", f"{what}: {_reasons(opened)}", since, rung)


def _reasons(opened: Sequence[BreakerWord]) -> str:
    return "; ".join(sorted({breaker.reason or "no reason is known" for breaker in opened}))


def _lowest_rung(codes: Iterable[str | None]) -> str:
    """The lowest rung that one of these errors stands for; some part's, where none is known."""
    named = {rung_of(code or "") for code in codes}
    return next((rung.name for rung in LADDER if rung.name in named), "part")


def look_at_pictures(oldest: Record | None, now: datetime) -> Finding:
    """Whether pictures are looked at as they come; `oldest` is the one that waits longest."""
    waited = now - oldest["received_at"] if oldest else timedelta(0)
    if oldest is None or waited < _LONG_WAIT:
        return Finding("pictures", "healthy", "none waits for longer than a minute")
    return Finding(
        "pictures",
        "degraded",
        f"one of {oldest['camera']} has waited for {_lasting(waited)}",
        oldest["received_at"] + _LONG_WAIT,
        "behind",
    )


def look_at_flood(skipped: Sequence[Record], now: datetime) -> Finding:
    """Whether pictures were skipped lately; the cameras of which they were, the latest first."""
    if not skipped:
        return Finding("flood", "healthy", "no picture was skipped in the last 10 minutes")
    cameras = [
        f"{camera['slug']} ({camera['skipped_frames']} ever, the last "
        f"{_lasting(now - camera['skipped_at'])} ago)"
        for camera in skipped
    ]
    reason = f"more came than could be looked at, and some were skipped: {_some(cameras)}"
    return Finding("flood", "degraded", reason, rung="flood")


def look_at_cameras(silent: Sequence[SilentCamera], now: datetime) -> Finding:
    """Whether all cameras send pictures as they use to; those that do not, longest silent first."""
    if not silent:
        return Finding("cameras", "healthy", "none is silent for longer than it uses to be")
    names = [f"{camera.slug} (no picture for {_lasting(now - camera.since)})" for camera in silent]
    reason = f"silent for longer than is usual: {_some(names)}"
    return Finding("cameras", "degraded", reason, silent[0].since, "cameras")


def look_at_dead_letters(dead: int) -> Finding:
    """Whether work was given up."""
    if dead == 0:
        return Finding("dead letters", "healthy", "no work was given up")
    pictures = "1 picture was" if dead == 1 else f"{dead} pictures were"
    reason = f"{pictures} given up: `hsi dlq` says why, and replays or discards them"
    return Finding("dead letters", "degraded", reason, rung="dead_letters")


def look_at_disks(folders: Iterable[Path]) -> Finding:
    """Whether there is room in these folders; what is not there yet, or again, is left out.

    The first one has to be there. Folders on one disk count once.
    """
    first, *others = folders
    try:
        there = {first.stat().st_dev: first}
        for folder in others:
            if folder.exists():
                there.setdefault(folder.stat().st_dev, folder)
        usages = {folder: shutil.disk_usage(folder) for folder in there.values()}
    except OSError as error:
        return Finding("disk", "degraded", f"{error.filename}: {error.strerror}", rung="disk")
    free = {
        folder: f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.1f} GB free for {folder}"
        for folder, usage in usages.items()
    }
    scarce = [free[f] for f, usage in usages.items() if usage.free < LEAST_FREE_BYTES]
    if scarce:
        reason = f"only {', '.join(scarce)}: pictures may soon have to wait"
        return Finding("disk", "degraded", reason, rung="disk")
    return Finding("disk", "healthy", ", ".join(free.values()))


def _lasting(time: timedelta) -> str:
    """A length of time in its largest unit, of which there are at least two."""
    seconds = int(time.total_seconds())
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _by_value(given: Mapping[str, str]) -> dict[str, list[str]]:
    """The keys of each value, sorted."""
    keys: dict[str, list[str]] = {}
    for key, value in sorted(given.items()):
        keys.setdefault(value, []).append(key)
    return keys


def _some(names: Sequence[str]) -> str:
    """A few of the names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names)))
