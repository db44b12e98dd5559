"""Health."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from backend.services.upkeep.part_findings import Status


class HealthStatus(BaseModel):
    """How the product is, in one word."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "healthy"}]})

    status: Status


class PartHealth(BaseModel):
    """How one part is, and since when."""

    name: str
    status: Status
    reason: str
    since: datetime
    since_known: bool = Field(
        description="False: `since` is only when it was first seen; it may be so for longer."
    )
    rung: str | None = Field(description="The name of the rung in `rungs` that it stands for.")


class Rung(BaseModel):
    """Something that does not work, and what that means; docs/reference/degradation.md has all."""

    name: str
    title: str
    works: str = Field(description="What still works.")
    waits: str = Field(description="What waits until it is mended.")
    advice: str = Field(description="What the owner can do.")
    since: datetime
    since_known: bool = Field(
        description="False: `since` is only when it was first seen; it may be so for longer."
    )


_RUNG: JsonDict = {
    "name": "workers",
    "title": "No worker is at work",
    "works": "All that is there is shown; new pictures stay where the cameras put them.",
    "waits": "New pictures are not taken in or looked at; events that are open stay open.",
    "advice": "Start one: `hsi up` does, and starts it again when it ends.",
    "since": "2026-03-01T11:58:10Z",
    "since_known": True,
}


class SystemHealth(BaseModel):
    """How every part is, and why, and what that means for the owner.

    unhealthy: the API cannot do its work. degraded: something is missing, and says what.
    """

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "status": "degraded",
                    "live": True,
                    "ready": True,
                    "version": "0.1.0",
                    "checked_at": "2026-03-01T12:00:00Z",
                    "rungs": [_RUNG],
                    "parts": [
                        {
                            "name": "workers",
                            "status": "degraded",
                            "reason": "no worker was heard for 20 s: pictures wait",
                            "since": "2026-03-01T11:58:10Z",
                            "since_known": True,
                            "rung": "workers",
                        }
                    ],
                }
            ]
        },
    )

    status: Status
    live: bool = Field(description="This process answers.")
    ready: bool = Field(description="It can do its work: the database answers.")
    version: str
    checked_at: datetime
    rungs: list[Rung] = Field(
        description="What does not work, the worst first; empty: all is well."
    )
    parts: list[PartHealth]
