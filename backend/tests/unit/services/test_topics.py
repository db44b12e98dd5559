"""What the world is told of an event."""

from backend.services.topics import Message, assessed_message, event_message

EVENT = {"id": 7, "camera_id": 2, "score": 80, "classes": ["person"], "notes": "Anna, on Tuesday"}
ASSESSMENT = {"id": 9, "score": 80, "factors": [], "upto_detection_id": 31}


def test_an_event_with_its_level_and_without_private_notes() -> None:
    assert event_message("event.opened", EVENT) == Message(
        "event.opened",
        2,
        7,
        {"event": {"id": 7, "camera_id": 2, "score": 80, "classes": ["person"], "level": "high"}},
    )


def test_an_assessment_with_its_event() -> None:
    message = assessed_message(EVENT, ASSESSMENT)
    assert (message.kind, message.camera_id, message.event_id) == ("event.assessed", 2, 7)
    assert message.payload["assessment"] == {"id": 9, "score": 80, "factors": [], "level": "high"}
    assert "notes" not in message.payload["event"]
