"""Attaches detections to events, in the transaction that stores them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol
from zoneinfo import ZoneInfo

from backend.core.clock import Clock
from backend.core.database import Session
from backend.domain.events import EventRules, Span
from backend.domain.risk import Facts, Judgement
from backend.services.events.draft import Draft, place_all
from backend.services.stores import assessments, detections, events, outbox
from backend.services.stores.assessments import Judged
from backend.services.stores.detections import FoundIn
from backend.services.stores.events import EventChange
from backend.services.topics import Message, Sighting, assessed_message, event_message


class RiskAnalyst(Protocol):
    """Judges an event from its facts: at once, and the same facts always in the same way."""

    name: str
    version: str

    def assess(self, facts: Facts, zone: ZoneInfo) -> Judgement:
        """The judgement; `zone` is the camera's, for the time of day."""
        ...


class EventStage:
    """Gives each sighting its event, stores the detections, judges, and says so in the outbox."""

    def __init__(self, rules: EventRules, analyst: RiskAnalyst, clock: Clock) -> None:
        self._rules = rules
        self._analyst = analyst
        self._clock = clock

    async def attach(
        self,
        session: Session,
        camera_id: int,
        zone: ZoneInfo,
        sightings: Sequence[Sighting],
        *,
        detector: str,
    ) -> dict[int, int]:
        """Store what was seen at one camera; the event of each frame.

        Every sighting has at least one detection. The camera's row must be locked.
        """
        sightings = [_as_stored(sighting) for sighting in sightings]
        times = [sighting.captured_at for sighting in sightings]
        near = await events.near(session, camera_id, Span(min(times), max(times)), self._rules.idle)
        messages: list[Message] = []
        event_of: dict[int, int] = {}
        for draft in place_all(near, sightings, self._rules):
            judgement = self._analyst.assess(draft.facts(), zone)
            event_id = await self._store(session, camera_id, draft, judgement, detector)
            messages += await self._judge(session, event_id, draft, judgement, zone)
            event_of |= {sighting.frame_id: event_id for sighting in draft.sightings}
        await outbox.put(session, messages, now=self._clock.now())
        return event_of

    async def _store(
        self,
        session: Session,
        camera_id: int,
        draft: Draft,
        judgement: Judgement,
        detector: str,
    ) -> int:
        """Open or widen the event; its id."""
        now = self._clock.now()
        change = EventChange(
            facts=draft.facts(),
            detections=draft.detections(),
            score=judgement.score,
            summary=judgement.summary,
            cover_frame_id=draft.cover(),
            detector=detector,
        )
        if draft.id is None:
            draft.id = await events.open_event(
                session,
                camera_id,
                change,
                continues=draft.continues.id if draft.continues else None,
                now=now,
            )
        else:
            await events.widen(session, draft.id, change, now=now)
        if draft.continued_by is not None and draft.continued_by.id is not None:
            await events.set_continues(session, draft.continued_by.id, draft.id)
        return draft.id

    async def _judge(
        self,
        session: Session,
        event_id: int,
        draft: Draft,
        judgement: Judgement,
        zone: ZoneInfo,
    ) -> list[Message]:
        """Store the event's detections and the judgement that knows them; what is to be told."""
        found = [FoundIn(s.frame_id, event_id, d) for s in draft.sightings for d in s.detections]
        last_ids = await detections.add(session, found)
        assessment = await assessments.add(
            session,
            Judged(
                event_id=event_id,
                upto_detection_id=last_ids[event_id],
                judgement=judgement,
                judged_by=self._analyst.name,
                version=self._analyst.version,
                time_zone=zone.key,
            ),
            now=self._clock.now(),
        )
        (event,) = await events.shown_many(session, [event_id])
        change = event_message("event.updated" if draft.was else "event.opened", event)
        return [change, assessed_message(event, assessment)]


def _as_stored(sighting: Sighting) -> Sighting:
    """Judged is what the database will give back, so that the score can be made again from it."""
    return replace(sighting, detections=tuple(map(detections.as_stored, sighting.detections)))
