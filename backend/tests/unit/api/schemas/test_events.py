"""What an owner may say of an event."""

from typing import Any

import pytest
from pydantic import ValidationError

from backend.api.schemas.events import EventReview


@pytest.mark.parametrize(
    "sent",
    [
        {"reviewed": True},
        {"notes": None},
        {"reviewed": False, "notes": "x" * 2000},
    ],
)
def test_a_review_has_what_was_sent(sent: dict[str, Any]) -> None:
    assert EventReview(**sent).model_dump(exclude_unset=True) == sent


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"reviewed": None},
        {"reviewed": "perhaps"},
        {"notes": "x" * 2001},
        {"notes": "\x00"},
        {"score": 0},
    ],
)
def test_a_review_of_something_else_is_refused(sent: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EventReview(**sent)
