"""What became of many frames: in numbers, and around a moment."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from backend.api.schemas.events import Event
from backend.api.schemas.frames import Frame
from backend.api.schemas.quarantine import QuarantinedFile
from backend.domain.frames import FrameState

_COUNTS: JsonDict = {
    "received": 12,
    "attached": 340,
    "empty": 2600,
    "skipped": 0,
    "quarantined": 1,
    "buried": 2,
}


class FrameCounts(BaseModel):
    """How many frames are in each state."""

    received: int
    attached: int
    empty: int
    skipped: int
    quarantined: int
    buried: int


class FrameSummary(BaseModel):
    """How many frames there are, and what has become of them.

    Exact up to half a million frames. Of more, those that wait (`received`) are counted, and the
    others are what the database expects from its last look at the table: usually right within a few
    percent, and 1 for a state that it saw none of. `exact` is then false.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"total": 2955, "final": 2943, "by_state": _COUNTS, "exact": True}]
        }
    )

    total: int
    final: int = Field(description="Those that nothing more is to be done about.")
    by_state: FrameCounts
    exact: bool


class Neighbour(BaseModel):
    """The frame next to a time in which there is none, or next to the time asked for."""

    id: int
    captured_at: datetime
    state: FrameState


class Why(BaseModel):
    """What happened at a camera around a moment, and why there was an event or none.

    All by capture time. `frames` are those nearest to the moment, at most 20.
    """

    camera: str = Field(description="The camera's slug.")
    time_zone: str = Field(description="Where the times in the sentences are.")
    at: datetime
    since: datetime
    until: datetime
    sentence: str = Field(description="The answer.")
    reasons: list[str] = Field(description="What decided, each in a plain sentence.")
    counts: FrameCounts
    events: list[Event]
    frames: list[Frame]
    before: Neighbour | None = Field(description="The last frame before that time.")
    after: Neighbour | None = Field(description="The first frame after that time.")
    quarantine: list[QuarantinedFile]
