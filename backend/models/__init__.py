"""The tables, one per file: columns and constraints, no queries."""

from backend.models.assessment import Assessment
from backend.models.camera import Camera
from backend.models.dead_letter import DeadLetter
from backend.models.detection import Detection
from backend.models.detector_memory import DetectorMemory
from backend.models.event import Event
from backend.models.frame import Frame
from backend.models.line import Line
from backend.models.mask import Mask
from backend.models.outbox import OutboxCounter, OutboxMessage
from backend.models.picture_store import PictureStore
from backend.models.quarantine import QuarantinedFile
from backend.models.suppression import Suppression
from backend.models.table import Table
from backend.models.track import Track
from backend.models.zone import Zone

__all__ = [
    "Assessment",
    "Camera",
    "DeadLetter",
    "Detection",
    "DetectorMemory",
    "Event",
    "Frame",
    "Line",
    "Mask",
    "OutboxCounter",
    "OutboxMessage",
    "PictureStore",
    "QuarantinedFile",
    "Suppression",
    "Table",
    "Track",
    "Zone",
]
