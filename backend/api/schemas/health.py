"""Health."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from backend.services.upkeep.health import Status


class HealthStatus(BaseModel):
    """How the product is, in one word."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "healthy"}]})

    status: Status


class PartHealth(BaseModel):
    """How one part is. `since` is when this process first saw it so."""

    name: str
    status: Status
    reason: str
    since: datetime


class SystemHealth(BaseModel):
    """How every part is, and why.

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
                    "parts": [
                        {
                            "name": "workers",
                            "status": "degraded",
                            "reason": "no worker was heard for 20 s: pictures wait",
                            "since": "2026-03-01T11:58:10Z",
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
    parts: list[PartHealth]
