"""A detection as it is shown."""

from datetime import UTC, datetime

from backend.api.schemas.detections import Detection, as_detection


def test_a_row_is_shown_with_its_box_and_without_noise() -> None:
    row = {
        "id": 1,
        "frame_id": 2,
        "event_id": 3,
        "camera": "hof",
        "captured_at": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "class_name": "person",
        "confidence": 0.949999988079071,
        "x": 0.10000000149011612,
        "y": 0.0,
        "width": 0.5,
        "height": 1.0,
        "alternatives": None,
        "track_id": 4,
        "signs": {"left": ["Porch"], "departed": True},
        "enrichment": None,
    }
    shown = Detection.model_validate(as_detection(row)).model_dump(mode="json", by_alias=True)
    assert shown == {
        "id": 1,
        "frame_id": 2,
        "event_id": 3,
        "camera": "hof",
        "captured_at": "2026-03-01T12:00:00Z",
        "class": "person",
        "confidence": 0.95,
        "box": {"x": 0.1, "y": 0.0, "width": 0.5, "height": 1.0},
        "alternatives": None,
        "track_id": 4,
        "signs": {
            "zones": [],
            "left": ["Porch"],
            "crossed": [],
            "still": 0.0,
            "approach": 1.0,
            "arrived": False,
            "departed": True,
        },
        "enrichment": {},
    }
