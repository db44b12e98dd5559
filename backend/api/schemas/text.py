"""Kinds of values that several schemas and parameters share."""

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from backend.domain.classes import GROUPS

LONGEST_NAME_BYTES = 200


def storable(text: str) -> str:
    """The text, if the database can hold it."""
    if "\x00" in text:
        raise ValueError("must not contain a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be whole Unicode characters, not half a surrogate pair") from None
    return text


def at_most(characters: int) -> Callable[[str], str]:
    """A check that a text is not longer. (That of pydantic itself speaks of items.)"""

    def check(text: str) -> str:
        if len(text) > characters:
            raise ValueError(f"must be at most {characters} characters long, not {len(text)}")
        return text

    return check


def spoken_name(name: str) -> str:
    """The name without spaces around it, if it can be read."""
    name = name.strip()
    if not name:
        raise ValueError("must not be empty")
    if len(name.encode()) > LONGEST_NAME_BYTES:
        raise ValueError(f"must be at most {LONGEST_NAME_BYTES} bytes long in UTF-8")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise ValueError("must not contain control characters")
    return name


def moment_of(value: object) -> datetime:
    """The moment that a text names, in UTC."""
    try:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("must be a time with its zone, like 2026-03-01T12:00:00Z (a `+` is `%2B`)")


def known_zone(name: str) -> str:
    """The name, if it is that of a time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be the name of a time zone, like Europe/Berlin") from None
    return name


def known_class(name: str) -> str:
    """The name, if it is that of a class of objects that matter."""
    if name not in GROUPS:
        raise ValueError(f"must be one of {', '.join(GROUPS)}")
    return name


Text = Annotated[str, AfterValidator(storable)]
SpokenName = Annotated[Text, AfterValidator(spoken_name)]
Moment = Annotated[datetime, BeforeValidator(moment_of)]
ZoneName = Annotated[Text, AfterValidator(known_zone)]
ClassName = Annotated[
    str,
    AfterValidator(known_class),
    WithJsonSchema({"type": "string", "enum": list(GROUPS)}),
]


class Body(BaseModel):
    """What a client sends: a member that is not known is refused."""

    model_config = ConfigDict(extra="forbid")
