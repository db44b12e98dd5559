"""An event while sightings are being attached to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.domain.events import EventRules, Span, place
from backend.domain.risk import Facts, facts_of
from backend.services.stores.events import EventNear
from backend.services.topics import Sighting


@dataclass(slots=True)
class Draft:
    """`was` is the event as it is stored, None for a new one; `id` is known once it is stored."""

    span: Span
    was: EventNear | None = None
    id: int | None = None
    continues: "Draft | None" = None
    continued_by: "Draft | None" = None
    sightings: list[Sighting] = field(default_factory=list)

    def facts(self) -> Facts:
        """All that is known of the event."""
        known = [self.was.facts] if self.was else []
        known += [facts_of(s.captured_at, s.detections) for s in self.sightings]
        facts = known[0]
        for more in known[1:]:
            facts = facts.merged(more)
        return facts

    def detections(self) -> int:
        """How many detections the event has."""
        return (self.was.detections if self.was else 0) + sum(
            len(s.detections) for s in self.sightings
        )

    def cover(self) -> int:
        """The frame that shows the event best: the first with the surest detection."""
        surest = max(self.sightings, key=_surest)
        if self.was is not None and self.was.cover_frame_id is not None:
            before = max(seen.confidence for seen in self.was.facts.seen.values())
            if _surest(surest) <= before:
                return self.was.cover_frame_id
        return surest.frame_id


def _surest(sighting: Sighting) -> float:
    return max(detection.confidence for detection in sighting.detections)


def place_all(
    stored: Sequence[EventNear], sightings: Sequence[Sighting], rules: EventRules
) -> list[Draft]:
    """The events that take these sightings; one that another continues comes before it."""
    drafts = [Draft(event.span, was=event, id=event.id) for event in stored]
    taken: list[Draft] = []
    for sighting in sorted(sightings, key=lambda s: (s.captured_at, s.frame_id)):
        draft = _place(drafts, sighting, rules)
        draft.span = draft.span.widened(sighting.captured_at)
        draft.sightings.append(sighting)
        if draft not in taken:
            taken.append(draft)
    return taken


def _place(drafts: list[Draft], sighting: Sighting, rules: EventRules) -> Draft:
    at = sighting.captured_at
    where = place([draft.span for draft in drafts], at, rules)
    if where.index is not None:
        return drafts[where.index]
    draft = Draft(
        Span(at, at),
        continues=None if where.continues is None else drafts[where.continues],
        continued_by=None if where.continued_by is None else drafts[where.continued_by],
    )
    drafts.append(draft)
    return draft
