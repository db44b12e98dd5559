"""A score made again from stored detections is the score that the frames gave."""

from typing import Any
from zoneinfo import ZoneInfo

import orjson
from hypothesis import given

from backend.domain.boxes import Detection
from backend.domain.risk import judge
from backend.services.analysis.recompute import judged_again
from backend.services.stores.detections import signs_as_json
from backend.tests.fixtures.strategies import at_second, named_zones, summed, visits


def rows_of(made: list[tuple[int, list[Detection]]]) -> list[dict[str, Any]]:
    return [
        {
            "frame_id": number,
            "captured_at": at_second(second),
            "class_name": one.class_name,
            "confidence": one.confidence,
            "x": one.box.x,
            "y": one.box.y,
            "width": one.box.width,
            "height": one.box.height,
            "track_id": one.track_id,
            "signs": orjson.loads(orjson.dumps(signs_as_json(one.signs))) or None,
        }
        for number, (second, detections) in enumerate(made)
        for one in detections
    ]


@given(visits, named_zones)
def test_it_is_the_same(made: list[tuple[int, list[Detection]]], zone: ZoneInfo) -> None:
    assert judged_again(rows_of(made), zone.key) == judge(summed(made), zone)
