"""What is wrong with the lock files.

`requirements/runtime.lock`, `dev.lock` and `detector.lock` hold exact versions and hashes and
nothing else: no address and no path, so that they work with any mirror and on any machine. The
last is for a machine with nothing but `ai/detector`: what `detector.in` names, as the first has it.
"""

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_REQUIREMENT = re.compile(
    r"([a-z0-9][a-z0-9-]*)(?:\[[a-z0-9,-]+\])?==([A-Za-z0-9.+!]+)"
    r"(?: ; [A-Za-z0-9_ .'<>=!()-]+)? \\"
)
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")
_ORIGIN = re.compile(r"    #(?: via| {3}|   via)?(?: [A-Za-z0-9._\[\]() -]+)?")


def lock_problems(root: Path) -> list[str]:
    """A line for each thing that is wrong with the lock files; empty where all is well."""
    from packaging.requirements import Requirement

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(text) for text in project["dependencies"]]
    tools = [Requirement(text) for text in project["optional-dependencies"]["dev"]]
    problems: list[str] = []
    locked: dict[str, dict[str, set[str]]] = {}
    for name, needs in (("runtime", wanted), ("dev", wanted + tools)):
        text = (root / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
        place = f"requirements/{name}.lock"
        problems += [f"{place}: line {line}" for line in odd_lines(text)]
        locked[name] = versions(text)
        problems += [
            f"{place}: no {need}, which pyproject.toml asks for"
            for need in needs
            if not _is_met(need, locked[name].get(_plain(need.name), set()))
        ]
    problems += [
        f"requirements: {name} is {_listed(found)} in runtime.lock, "
        f"{_listed(locked['dev'].get(name, set()))} in dev.lock"
        for name, found in locked["runtime"].items()
        if locked["dev"].get(name) != found
    ]
    return problems + _detector_problems(root, locked["runtime"])


def _detector_problems(root: Path, runtime: dict[str, set[str]]) -> list[str]:
    text = (root / "requirements" / "detector.lock").read_text(encoding="utf-8")
    wanted = (root / "requirements" / "detector.in").read_text(encoding="utf-8").split()
    locked = versions(text)
    place = "requirements/detector.lock"
    problems = [f"{place}: line {line}" for line in odd_lines(text)]
    names = (_plain(name.partition("[")[0]) for name in wanted)
    problems += [
        f"{place}: no {name}, which detector.in names" for name in names if name not in locked
    ]
    problems += [
        f"{place}: {name} is {_listed(found)}, {_listed(runtime.get(name, set()))} in runtime.lock"
        for name, found in locked.items()
        if runtime.get(name) != found
    ]
    return problems


def odd_lines(text: str) -> list[str]:
    """The lines that are neither a pinned version, nor its hash, nor where it comes from."""
    known = (_REQUIREMENT, _HASH, _ORIGIN)
    return [
        f"{number}: {line}"
        for number, line in enumerate(text.splitlines(), 1)
        if line and not any(pattern.fullmatch(line) for pattern in known)
    ]


def versions(text: str) -> dict[str, set[str]]:
    """The locked versions of each package; several where they depend on Python's."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if match := _REQUIREMENT.fullmatch(line):
            found.setdefault(match[1], set()).add(match[2])
    return found


def _is_met(need: "Requirement", found: set[str]) -> bool:
    return bool(found) and all(need.specifier.contains(version) for version in found)


def _listed(found: set[str]) -> str:
    return " and ".join(sorted(found)) or "missing"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
