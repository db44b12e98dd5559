"""The documentation of what works while something does not, made from the ladder."""

from collections.abc import Iterable

from backend.services.upkeep.ladder import Rung

_INTRODUCTION = """\
# What works while something does not

Made from `backend/services/upkeep/ladder.py` by `./hsi reference`; do not edit.

Nothing is lost on any rung: PostgreSQL holds the work, files stay where cameras put them until they
are in it, and what could not be done is done once it can be. `hsi status`, and `rungs` of
`GET /api/system/health`, say on which rungs the product stands and since when; on none, all is
well. The lowest rung comes first.

A thing that does not answer is asked again after a second, then twice as long each time, with a bit
of chance in it: up to 5 s for the detector and the pictures' disk, up to 30 s for a part that
failed. Waiting for it counts as nobody's failure.
"""


def page(ladder: Iterable[Rung]) -> str:
    """The page docs/reference/degradation.md."""
    return "\n".join([_INTRODUCTION, *(_section(rung) for rung in ladder)])


def _section(rung: Rung) -> str:
    return (
        f"## {rung.title}\n\n"
        f"`{rung.name}` — {rung.shown}.\n\n"
        "| | |\n|---|---|\n"
        f"| Still works | {rung.works} |\n"
        f"| Waits | {rung.waits} |\n"
        f"| What to do | {rung.advice} |\n"
    )
