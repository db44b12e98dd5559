"""Makes a score again from the detections that it rested on."""

from collections.abc import Sequence
from functools import reduce
from itertools import groupby
from zoneinfo import ZoneInfo

from backend.domain.risk import Facts, Judgement, facts_of, judge
from backend.services.stores.detections import detection_from_row
from backend.services.stores.rows import Record


def judged_again(detections: Sequence[Record], time_zone: str) -> Judgement:
    """The rules' judgement of detections, at least one, as `stores.detections` gives them.

    They must be ordered by frame.
    """
    frames = groupby(detections, key=lambda row: (row["frame_id"], row["captured_at"]))
    facts = [facts_of(at, map(detection_from_row, rows)) for (_, at), rows in frames]
    return judge(reduce(Facts.merged, facts), ZoneInfo(time_zone))
