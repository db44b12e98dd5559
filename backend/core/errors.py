"""The four kinds of expected error. Anything else is a bug.

    HsiError
    ├── NotFound      it is not there
    ├── Conflict      it cannot be done in this state
    ├── Invalid       the input is wrong, and will be wrong again
    └── Unavailable   a part we need does not answer now; later it may

The kind decides the HTTP status (`api/error_handlers.py`) and what a stage does: what is
`Invalid` is buried at once, what met `Unavailable` waits and counts no attempt. Adapters translate
foreign errors into these at their own edge, and nowhere else.
"""


class HsiError(Exception):
    """An error that was expected. `code` is stable, for programs; the message is for people."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class NotFound(HsiError):  # noqa: N818 - the kind is a word of ours, not a class of exceptions
    """What was asked for is not there."""


class Conflict(HsiError):  # noqa: N818
    """The request is right, but not in the present state."""


class Invalid(HsiError):  # noqa: N818
    """The input is wrong; the message names the field or file and what would be right."""


class Unavailable(HsiError):  # noqa: N818
    """Something that we need does not answer; the same request may succeed later."""
