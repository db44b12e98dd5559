"""The lock files hold versions and hashes, and nothing else."""

from pathlib import Path

import pytest

from backend.cli.locks import lock_problems, odd_lines, versions
from backend.cli.project import project_root

HASH = "    --hash=sha256:" + "0" * 64
GOOD = f"one==1.2.3 ; python_full_version < '3.11.3' \\\n{HASH} \\\n{HASH}\n    # via two\n"


def test_those_of_the_project_are_right() -> None:
    assert lock_problems(project_root()) == []


def test_a_good_lock_has_no_odd_line() -> None:
    assert odd_lines(GOOD) == []
    assert versions(GOOD) == {"one": {"1.2.3"}}


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://example.org/simple",
        "one @ https://example.org/one.whl \\",
        "one==1.0",
        "one>=1.0 \\",
        "-e .",
        "./one.whl \\",
        "    # from https://example.org/simple",
        "    # via /home/somebody/one",
        "    --hash=md5:00",
    ],
)
def test_an_address_a_path_or_a_loose_version_is_odd(line: str) -> None:
    assert odd_lines(f"{GOOD}{line}\n") == [f"5: {line}"]


def project(folder: Path, runtime: str, dev: str, detector: str = "") -> Path:
    (folder / "requirements").mkdir()
    (folder / "requirements" / "runtime.lock").write_text(runtime)
    (folder / "requirements" / "dev.lock").write_text(dev)
    (folder / "requirements" / "detector.in").write_text("one[more]\n" if detector else "")
    (folder / "requirements" / "detector.lock").write_text(detector)
    (folder / "pyproject.toml").write_text(
        '[project]\ndependencies = ["One~=1.2"]\n[project.optional-dependencies]\ndev = ["tool"]\n'
    )
    return folder


def pin(name: str, version: str) -> str:
    return f"{name}=={version} \\\n{HASH}\n"


def test_what_the_project_asks_for_must_be_locked_in_a_version_that_it_takes(
    tmp_path: Path,
) -> None:
    root = project(tmp_path, pin("one", "2.0"), pin("one", "2.0"))
    assert lock_problems(root) == [
        "requirements/runtime.lock: no One~=1.2, which pyproject.toml asks for",
        "requirements/dev.lock: no One~=1.2, which pyproject.toml asks for",
        "requirements/dev.lock: no tool, which pyproject.toml asks for",
    ]


def test_every_version_of_a_package_must_be_one_that_it_takes(tmp_path: Path) -> None:
    both = pin("one", "1.2") + pin("one", "3.0")
    root = project(tmp_path, both, both + pin("tool", "1"))
    assert lock_problems(root) == [
        "requirements/runtime.lock: no One~=1.2, which pyproject.toml asks for",
        "requirements/dev.lock: no One~=1.2, which pyproject.toml asks for",
    ]


def test_both_locks_must_agree(tmp_path: Path) -> None:
    root = project(tmp_path, pin("one", "1.2"), pin("one", "1.3") + pin("tool", "1"))
    assert lock_problems(root) == ["requirements: one is 1.2 in runtime.lock, 1.3 in dev.lock"]


def test_the_detectors_lock_must_fit_that_of_the_product(tmp_path: Path) -> None:
    good = pin("one", "1.2")
    root = project(tmp_path, good, good + pin("tool", "1"), pin("two", "1") + "# x: y\n")
    assert lock_problems(root) == [
        "requirements/detector.lock: line 3: # x: y",
        "requirements/detector.lock: no one, which detector.in names",
        "requirements/detector.lock: two is 1, missing in runtime.lock",
    ]
