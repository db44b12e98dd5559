"""What a suppression would have hidden, had it been there."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from backend.domain.boxes import Box
from backend.domain.classes import GROUPS
from backend.domain.suppressions import Suppression, hides
from backend.domain.tracks import kind_of
from backend.services.stores import hindsight
from backend.services.stores.rows import Record, Session
from backend.services.stores.surroundings import Around

MOST_EVENTS = 5_000
MOST_DETECTIONS = 10_000
"""Of the events that are looked at: a second's work at worst, where all are in the place."""


@dataclass(frozen=True, slots=True)
class Hindsight:
    """`hidden` are detections that would not have counted, out of `looked_at`.

    `events` are those that had any of them, the latest first, each with how many would have been
    `hidden`, and whether it would not have been at all (`gone`). Unless `complete`, there were more
    events in that time than were looked at.
    """

    looked_at: int
    hidden: int
    complete: bool
    events: Sequence[Record]


async def look_back(session: Session, around: Around, suppression: Suppression) -> Hindsight:
    """What a suppression would have hidden at a camera in that time.

    A detection is compared by the look of its track, as that is now.
    """
    lately = await hindsight.events_within(
        session, around, events=MOST_EVENTS, detections=MOST_DETECTIONS
    )
    found = await hindsight.near(
        session,
        [event["id"] for event in lately.events],
        classes_like(suppression.class_name),
        suppression.box,
    )
    hidden = await asyncio.to_thread(_hidden, suppression, found)
    return Hindsight(
        looked_at=sum(event["detections"] for event in lately.events),
        hidden=hidden.total(),
        complete=lately.complete,
        events=[
            event | {"hidden": number, "gone": number >= event["detections"]}
            for event in lately.events
            if (number := hidden[event["id"]])
        ],
    )


def classes_like(class_name: str) -> set[str]:
    """Those that a suppression of this class hides."""
    kind = kind_of(class_name)
    return {class_name} | {name for name in GROUPS if kind_of(name) == kind}


def _hidden(suppression: Suppression, found: Sequence[Record]) -> Counter[int]:
    """How many of what was found would have been hidden, by event."""
    return Counter(
        one["event_id"]
        for one in found
        if hides(
            suppression,
            one["class_name"],
            Box(one["x"], one["y"], one["width"], one["height"]),
            one["print"],
        )
    )
