"""The settings in words: their keys, what each allows, its default, and what is wrong with one.

The documentation and the error messages are both made here, so they cannot disagree.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from backend.core.config_text import ALIASES, Text

_UNIONS = (UnionType, Union)


@dataclass(frozen=True)
class Words:
    """Said in a field's annotation where its type and bounds do not say enough."""

    allowed: str = ""
    default: str = ""


def fields_by_key(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Each setting's field under the key that names it: `API__PORT`."""
    return dict(_walk(model, ""))


def _walk(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name.upper())
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _walk(annotation, f"{key}__")
        else:
            yield key, field


def is_secret(field: FieldInfo) -> bool:
    """Whether the field's value must never be shown."""
    return _plain_type(field.annotation) is SecretStr


def allowed(field: FieldInfo) -> str:
    """What the field takes, as the end of a sentence: "a whole number from 1 to 65535"."""
    said = next((word.allowed for word in _words(field) if word.allowed), None)
    if said:
        return said
    kind = _plain_type(field.annotation)
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    names: dict[object, str] = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        timedelta: "a number of seconds",
        Path: "a path",
    }
    name = names.get(kind, "a text")
    return " ".join(part for part in (name, _bounds(field)) if part)


def default_text(field: FieldInfo) -> str:
    """The default in words; empty where there is none."""
    said = next((word.default for word in _words(field) if word.default), None)
    return said or as_text(field.get_default())


def as_text(value: object) -> str:
    """A value as it is written in `.env`; secrets included."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return str(value.total_seconds()).removesuffix(".0")
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def as_environment(settings: BaseModel, prefix: str = "") -> dict[str, str]:
    """The settings as an environment that gives the same settings again; secrets included."""
    environment: dict[str, str] = {}
    for name, field in type(settings).model_fields.items():
        key = prefix + (field.alias or name.upper())
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            environment |= as_environment(value, f"{key}__")
        else:
            environment[key] = as_text(value)
    return {key: text for key, text in environment.items() if text}


def problems(
    error: ValidationError, fields: Mapping[str, FieldInfo], texts: Mapping[str, Text]
) -> str:
    """One line for each thing that is wrong, naming key, place, and what would be right."""
    return "\n".join(
        _problem(_setting_of(detail["loc"], fields), fields, texts)
        for detail in error.errors(include_url=False)
    )


def _without_password(value: str) -> str:
    """Without all before an `@`, where that has the form of a name and a password."""
    return re.sub(r"\S*:\S*@", "***@", value)


def _problem(key: str, fields: Mapping[str, FieldInfo], texts: Mapping[str, Text]) -> str:
    text = texts.get(key)
    where = f" (in {text.place})" if text else ""
    field = fields.get(key)
    if field is None:
        near = difflib.get_close_matches(key.upper(), [*fields, *ALIASES], n=1, cutoff=0.5)
        return f"{key}{where}: no such setting" + (f"; did you mean {near[0]}?" if near else "")
    given = f", not {_without_password(text.value)!r}" if text and not is_secret(field) else ""
    return f"{key}{where}: must be {allowed(field)}{given}"


def _setting_of(place: tuple[int | str, ...], fields: Mapping[str, FieldInfo]) -> str:
    """The key of the setting in which an error lies, perhaps deeper: the first of several hosts."""
    keys = ["__".join(map(str, place[:depth])) for depth in range(len(place), 0, -1)]
    return next((key for key in keys if key in fields), keys[0])


def _words(field: FieldInfo) -> Iterator[Words]:
    """The words of the field, then those of its type."""
    marks = [*reversed(field.metadata), *_marks_within(field.annotation)]
    return (mark for mark in marks if isinstance(mark, Words))


def _marks_within(annotation: object) -> Iterator[object]:
    """What `Annotated` says inside an annotation such as `Folder | None`."""
    if get_origin(annotation) is Annotated:
        yield from get_args(annotation)[1:]
    elif get_origin(annotation) in _UNIONS:
        for part in get_args(annotation):
            yield from _marks_within(part)


def _plain_type(annotation: object) -> object:
    """The type without `| None` and without what `Annotated` says of it."""
    if get_origin(annotation) in _UNIONS:
        parts = (part for part in get_args(annotation) if part is not type(None))
        return _plain_type(next(parts))
    if get_origin(annotation) is Annotated:
        return _plain_type(get_args(annotation)[0])
    return annotation


def _bounds(field: FieldInfo) -> str:
    bound = {
        name: as_text(getattr(mark, name))
        for mark in field.metadata
        for name in ("gt", "ge", "le")
        if getattr(mark, name, None) is not None
    }
    if "ge" in bound and "le" in bound:
        return f"from {bound['ge']} to {bound['le']}"
    low = f"greater than {bound['gt']}" if "gt" in bound else ""
    high = f"at most {bound['le']}" if "le" in bound else ""
    return " and ".join(part for part in (low, high) if part)
