"""What was found in a picture and is no detection, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from backend.services.stores.rows import Record

_BOXES = {
    "not_finite": "boxes that are no numbers",
    "score": "boxes whose confidence is none",
    "empty": "boxes without an area",
    "outside": "boxes outside the picture",
    "too_many": "more boxes than a picture can show",
}
_KEPT_FROM_NEWS = {"scene": "belongs to the scene", "suppressed": "is suppressed"}


@dataclass(frozen=True, slots=True)
class DroppedWords:
    """Says reasons for which things were not kept.

    `suppressions` is what is known of those that reasons name (`stores.suppressions.named`), `zone`
    the camera's.
    """

    suppressions: Mapping[int, Record] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    def of(self, reason: str) -> str:
        """A reason, as one says what was dropped for it."""
        kind, _, name = reason.partition(":")
        match kind:
            case "class":
                return f"{name} (a class that does not matter)"
            case "scene":
                return f"{name} that belongs to the scene"
            case "suppressed" if name.isdecimal():
                return self._hidden(int(name))
        return _BOXES.get(reason, reason)

    def counted(self, reason: str, number: int) -> str:
        """A reason, with how many things."""
        return f"{number} {self.of(reason)}" if number == 1 else f"{number} x {self.of(reason)}"

    def _hidden(self, suppression_id: int) -> str:
        known = self.suppressions.get(suppression_id)
        if known is None:
            return f"something hidden by suppression {suppression_id}"
        note = f" ({known['note']})" if known["note"] else ""
        at = (known["undone_at"] or known["ends_at"]).astimezone(self.zone)
        end = f"{'undone at' if known['undone_at'] else 'until'} {at:%Y-%m-%d %H:%M}"
        return f"{known['class_name']} hidden by suppression {suppression_id}{note}, {end}"


def suppression_ids(reasons: Iterable[str]) -> set[int]:
    """Those that reasons name."""
    parts = (reason.partition(":") for reason in reasons)
    return {int(name) for kind, _, name in parts if kind == "suppressed" and name.isdecimal()}


def why_no_news(reasons: Iterable[str]) -> str | None:
    """Why things that do matter were none, where some were: `belongs to the scene`."""
    kinds = {reason.partition(":")[0] for reason in reasons}
    said = [words for kind, words in _KEPT_FROM_NEWS.items() if kind in kinds]
    return " or ".join(said) or None
