"""Counts what the process does, whoever of it does it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2


@contextmanager
def decodes_counted() -> Iterator[list[int]]:
    """Counts calls of the library's decoder, whoever makes them."""
    counted, decode = [0], cv2.imdecode

    def counting(*arguments: Any) -> Any:
        counted[0] += 1
        return decode(*arguments)

    cv2.imdecode = counting  # type: ignore[assignment]
    try:
        yield counted
    finally:
        cv2.imdecode = decode
