"""Makes a score again from the detections that it rested on."""

from collections.abc import Sequence
from functools import reduce
from itertools import groupby
from zoneinfo import ZoneInfo

from backend.domain.boxes import Box, Detection
from backend.domain.risk import Facts, Judgement, facts_of, judge
from backend.services.stores.rows import Record


def judged_again(detections: Sequence[Record], time_zone: str) -> Judgement:
    """The rules' judgement of detections, at least one, as `stores.detections` gives them.

    They must be ordered by frame.
    """
    frames = groupby(detections, key=lambda row: (row["frame_id"], row["captured_at"]))
    facts = [facts_of(at, map(_detection, rows)) for (_, at), rows in frames]
    return judge(reduce(Facts.merged, facts), ZoneInfo(time_zone))


def _detection(row: Record) -> Detection:
    box = Box(row["x"], row["y"], row["width"], row["height"])
    return Detection(row["class_name"], row["confidence"], box)
