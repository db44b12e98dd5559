"""Why there was an event, or none: told from what is stored. Nothing here reads."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from backend.api.dropped import DroppedWords, why_no_news
from backend.domain.frames import FrameState
from backend.domain.risk import level_of
from backend.services.stores.rows import Record


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is stored of a camera around a moment; what each is, `stores.surroundings` says.

    `suppressions` are those that `dropped` names, by id.
    """

    camera_since: datetime
    zone: ZoneInfo
    since: datetime
    until: datetime
    fates: Sequence[Record]
    dropped: Sequence[Record]
    events: Sequence[Record]
    quarantine: Sequence[Record]
    before: Record | None
    after: Record | None
    suppressions: Mapping[int, Record] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """The number of frames in each state."""
        found: Counter[str] = Counter()
        for fate in self.fates:
            found[fate["state"]] += fate["frames"]
        return {state.value: found[state.value] for state in FrameState}

    def local(self, at: datetime) -> str:
        """A moment on the camera's clock."""
        return at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S")


def sentence(evidence: Evidence) -> str:
    """The answer, in one sentence."""
    counts = evidence.counts()
    total, waiting = sum(counts.values()), counts[FrameState.RECEIVED]
    time = f"between {evidence.local(evidence.since)} and {evidence.local(evidence.until)}"
    if evidence.events:
        many = len(evidence.events)
        was = "There was an event" if many == 1 else f"There were {many} events"
        return f"{was} {time}."
    if total == 0:
        return f"No event: no picture taken {time} is known{_in_quarantine(evidence.quarantine)}."
    taken = f"of {_pictures(total)} taken {time}"
    if waiting:
        return f"No event yet: {taken}, {_waits(waiting)}."
    if counts[FrameState.EMPTY] == total:
        stood = why_no_news(one["reason"] for one in evidence.dropped)
        what = f"but what {stood}" if stood else "that matters"
        return f"No event: {taken}, none showed anything {what}."
    return f"No event: {taken}, {_and(list(_apart(counts)))}."


def _in_quarantine(files: Sequence[Record]) -> str:
    """What may have been a picture of that time, where no other is known."""
    if not files:
        return ""
    first = files[0]
    which = first["path"] if len(files) == 1 else f"{first['path']}, as others of that time,"
    return f", but {which} is in quarantine: {first['reason']}"


def _apart(counts: Mapping[str, int]) -> Iterator[str]:
    """How many were looked at without an event, and how many were not."""
    empty, attached = counts[FrameState.EMPTY], counts[FrameState.ATTACHED]
    if empty:
        yield f"{empty} showed nothing that matters"
    if attached:
        yield f"{attached} showed something, but of no event that is still there"
    if unseen := sum(counts.values()) - empty - attached:
        yield f"{unseen} could not be, or were not, looked at"


def _and(parts: Sequence[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)}, and {last}" if first else last


def reasons(evidence: Evidence) -> list[str]:
    """What decided, each in a plain sentence."""
    told = [_event(evidence, event) for event in evidence.events]
    told += [_fate(fate) for fate in evidence.fates]
    if evidence.dropped:
        words = DroppedWords(evidence.suppressions, evidence.zone)
        dropped = (_dropped(words, one) for one in evidence.dropped)
        told.append(f"Found and not kept: {'; '.join(dropped)}.")
    told += [f"{one['path']} is in quarantine: {one['reason']}." for one in evidence.quarantine]
    suspect = sum(fate["suspect"] for fate in evidence.fates)
    if suspect:
        told.append(
            f"The clock of {_pictures(suspect)} is suspect: they may be of another time, and "
            "pictures of this time may be found at another."
        )
    if not evidence.fates:
        told += _gap(evidence)
    return told


def _event(evidence: Evidence, event: Mapping[str, Any]) -> str:
    level = level_of(event["score"]).value
    return (
        f"Event {event['id']}, {event['state']}, {level} {event['score']}: {event['summary']}; "
        f"from {evidence.local(event['first_at'])} to {evidence.local(event['last_at'])}."
    )


def _fate(fate: Mapping[str, Any]) -> str:
    state, frames = FrameState(fate["state"]), fate["frames"]
    were, are = ("was", "is") if frames == 1 else ("were", "are")
    by = f" by {fate['detector']}" if fate["detector"] else ""
    why = fate["reason"] or "no reason was kept"
    match state:
        case FrameState.RECEIVED:
            last = f"; what came of the last attempt: {fate['reason']}" if fate["reason"] else ""
            return f"{_sentence(_waits(frames))}{last}."
        case FrameState.ATTACHED:
            return f"{_pictures(frames)} showed something, seen{by}."
        case FrameState.EMPTY:
            said = f": {fate['remark']}" if fate["remark"] else ""
            return (
                f"{_pictures(frames)} {were} looked at{by} and showed nothing that matters{said}."
            )
        case FrameState.SKIPPED:
            return f"{_pictures(frames)} {were} not looked at: {why}."
        case FrameState.QUARANTINED:
            return f"{_pictures(frames)} cannot be decoded to the end: {why}."
        case FrameState.BURIED:
            return f"{_pictures(frames)} {are} given up (`hsi dlq list`): {why}."


def _gap(evidence: Evidence) -> Iterator[str]:
    """Why there may be no frame at all."""
    before, after = evidence.before, evidence.after
    if evidence.camera_since > evidence.until:
        yield f"The camera is known since {evidence.local(evidence.camera_since)}."
    if before is None and after is None:
        yield "No picture of this camera is known at all."
        return
    if before is not None:
        yield f"The last picture before was taken at {evidence.local(before['captured_at'])}."
    else:
        yield "No picture was taken before."
    if after is not None:
        yield f"The first picture after was taken at {evidence.local(after['captured_at'])}."
    else:
        yield "None has come since."


def _dropped(words: DroppedWords, one: Mapping[str, Any]) -> str:
    return f"{words.of(one['reason'])}, {one['things']} in {_pictures(one['frames'])}"


def _pictures(number: int) -> str:
    return "1 picture" if number == 1 else f"{number} pictures"


def _waits(number: int) -> str:
    return (
        "1 still waits to be looked at" if number == 1 else f"{number} still wait to be looked at"
    )


def _sentence(words: str) -> str:
    """With what is counted, where it begins a sentence."""
    number, _, rest = words.partition(" ")
    return f"{_pictures(int(number))} {rest}"
