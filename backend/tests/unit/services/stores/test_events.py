"""What is kept of an event's facts is what they were."""

import orjson
from hypothesis import given

from backend.domain.boxes import Detection
from backend.domain.risk import Facts
from backend.services.stores.events import facts_as_json, facts_from_row
from backend.tests.fixtures.strategies import facts, summed, visits


def kept(of: Facts) -> Facts:
    """Written and read again, as the database does."""
    row = {"first_at": of.first, "last_at": of.last, "frames": of.frames}
    return facts_from_row(row | {"facts": orjson.loads(orjson.dumps(facts_as_json(of)))})


@given(facts)
def test_the_facts_of_a_frame(one: Facts) -> None:
    assert kept(one) == one


@given(visits, facts)
def test_what_is_added_to_kept_facts_adds_up_the_same(
    frames: list[tuple[int, list[Detection]]], more: Facts
) -> None:
    known = summed(frames)
    assert kept(known).merged(more) == known.merged(more)
