"""The tables, one per file: columns and constraints, no queries."""

from backend.models.assessment import Assessment
from backend.models.camera import Camera
from backend.models.detection import Detection
from backend.models.detector_memory import DetectorMemory
from backend.models.event import Event
from backend.models.frame import Frame
from backend.models.outbox import OutboxCounter, OutboxMessage
from backend.models.quarantine import QuarantinedFile
from backend.models.table import Table

__all__ = [
    "Assessment",
    "Camera",
    "Detection",
    "DetectorMemory",
    "Event",
    "Frame",
    "OutboxCounter",
    "OutboxMessage",
    "QuarantinedFile",
    "Table",
]
