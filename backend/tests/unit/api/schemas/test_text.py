"""Values that several schemas share."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from backend.api.schemas.text import Moment, Text, ZoneName, at_most

text = TypeAdapter(Text)
moment = TypeAdapter(Moment)
zone = TypeAdapter(ZoneName)


@given(st.text())
def test_a_text_is_taken_where_the_database_can_hold_it(sent: str) -> None:
    try:
        assert text.validate_python(sent) == sent
    except ValidationError:
        assert "\x00" in sent or any("\ud800" <= character <= "\udfff" for character in sent)


@pytest.mark.parametrize("sent", ["a\x00b", "\ud800", "x\udfff"])
def test_what_it_cannot_hold_is_refused(sent: str) -> None:
    with pytest.raises(ValidationError):
        text.validate_python(sent)


@pytest.mark.parametrize(
    "sent", ["2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", "2026-03-01 12:00:00+00:00"]
)
def test_a_moment_is_taken_in_utc(sent: str) -> None:
    found = moment.validate_python(sent)
    assert found == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert found.tzinfo is UTC


@pytest.mark.parametrize("sent", ["2026-03-01T12:00:00", "2026-03-01", "1772366400", "", "soon"])
def test_a_moment_without_a_zone_is_none(sent: str) -> None:
    with pytest.raises(ValidationError, match="like 2026-03-01T12:00:00Z"):
        moment.validate_python(sent)


@pytest.mark.parametrize("sent", ["Europe/Berlin", "UTC"])
def test_a_zone_is_known_by_name(sent: str) -> None:
    assert zone.validate_python(sent) == sent


@pytest.mark.parametrize("sent", ["Europe/Atlantis", "", "../../etc/passwd", "/etc/localtime"])
def test_an_unknown_zone_is_refused(sent: str) -> None:
    with pytest.raises(ValidationError, match="like Europe/Berlin"):
        zone.validate_python(sent)


def test_a_text_that_is_too_long_is_said_in_characters() -> None:
    assert at_most(3)("äöü") == "äöü"
    with pytest.raises(ValueError, match="must be at most 3 characters long, not 4"):
        at_most(3)("äöüß")
