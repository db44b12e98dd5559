"""Makes `docs/reference/faults.md`: `python -m backend.tests.faults.report FOLDER`.

FOLDER is where one or more runs with `HSI_TEST_FAULTS=FOLDER` have kept what came of each fault.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.tests.faults.records import Recovery
from backend.tests.fixtures.product import PROJECT

PAGE = PROJECT / "docs" / "reference" / "faults.md"

_HEAD = """\
# Faults that were survived

Generated from runs of the fault bench (`backend/tests/faults/`); do not edit, make it anew:

    HSI_TEST_FAULTS=/tmp/faults ./hsi test faults
    HSI_TEST_FAULTS=/tmp/faults ./hsi test faults --long
    .venv/bin/python -m backend.tests.faults.report /tmp/faults

The product's real processes; while pictures come, something breaks. *Lost*: pictures that are no
final frame in the end. *Twice*: frames, detections or events that are there more than once. *Back
after*: seconds from the end of the fault until all pictures were worked off, all messages were
told, and health was good again where an API ran; it holds the work that had gathered meanwhile.
The times are of single runs on one machine, and no test judges them beyond a generous bound.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A recovery, and the name of its test."""

    test: str
    recovery: Recovery


def rows(folder: Path) -> list[Row]:
    """All that was kept in a folder, by fault."""
    found = []
    for path in sorted(folder.glob("*.json")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        found += [Row(_short(kept["test"]), Recovery(**one)) for one in kept["recoveries"]]
    return sorted(found, key=lambda row: (row.recovery.fault, row.recovery.done, row.test))


def _short(test: str) -> str:
    """Without the folders of its file; a parameter may have slashes of its own."""
    file, colons, name = test.partition("::")
    return f"{Path(file).name}{colons}{name}"


def page(found: Sequence[Row]) -> str:
    """The page for these rows."""
    faults = {row.recovery.fault: None for row in found}
    tables = [
        _table(fault, [row for row in found if row.recovery.fault == fault]) for fault in faults
    ]
    return "\n".join([_HEAD, _summary(found), *tables])


def _summary(found: Sequence[Row]) -> str:
    all_of = [row.recovery for row in found]
    return (
        f"{len(all_of)} faults, {sum(r.pictures for r in all_of):,} pictures, "
        f"{sum(r.lost for r in all_of)} lost, {sum(r.twice for r in all_of)} twice.\n"
    )


def _table(fault: str, found: Sequence[Row]) -> str:
    lines = [
        f"## {fault}",
        "",
        "| what was done | pictures | lost | twice | back after | health said | test |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found:
        one = row.recovery
        lines.append(
            f"| {_cell(one.done)} | {one.pictures:,} | {one.lost} | {one.twice} "
            f"| {one.seconds:.1f} s | {_cell(one.said) or '-'} | `{_cell(row.test)}` |"
        )
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Write the page."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = rows(Path(sys.argv[1]))
    if not found:
        sys.exit(f"{sys.argv[1]} holds no record of a fault")
    PAGE.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
