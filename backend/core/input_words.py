"""What is wrong with one value that somebody sent or typed, in our own words."""

from collections.abc import Mapping
from typing import Any

_SHOWN = 20  # characters of what was given

_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "must be a text",
    "string_unicode": "must be a text",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "json_invalid": "must be JSON: {error} at character {place}",
    "model_attributes_type": "must be a JSON object, sent as application/json",
}
_KINDS = {"int": "must be a whole number", "bool": "must be true or false"}
_TELL_BACK = {"greater_than_equal", "less_than_equal"}


def words_of(error: Mapping[str, Any]) -> str:
    """One of pydantic's errors as the end of a sentence that begins with the field's name.

    Of what was given only a number is told back.
    """
    kind, context = str(error["type"]), error.get("ctx", {})
    if kind == "value_error":  # raised by a rule of our own
        return str(context["error"])
    words = _WORDS.get(kind) or _KINDS.get(kind.partition("_")[0])
    if words is None:
        return str(error["msg"])
    given = f", got {str(error['input'])[:_SHOWN]}" if kind in _TELL_BACK else ""
    place = error["loc"][-1] if error["loc"] else ""
    return words.format(place=place, **context) + given
