"""Processes that end with us, however we end."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

from backend.core.parent import end_with
from backend.local.account import Account

Steps = Sequence[tuple[signal.Signals, float]]
"""What to send, and how many seconds to wait for the end, before the next one."""
_KILLED_WITHIN = 1.0  # seconds


def spawn(
    command: Sequence[str | Path],
    *,
    when_parent_dies: signal.Signals,
    account: Account | None = None,
    stdin: bytes | None = None,
    output: IO[bytes] | int | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that gets a signal at the moment when this one is gone, even by kill -9.

    To be called from the main thread: the kernel watches the thread that started the process. The
    child leads a process group of its own, so that Ctrl-C in a terminal reaches only us. `output`
    takes both of its streams; without it they are ours.
    """
    parent = os.getpid()

    other = None if account is None or account.is_ours else account
    process = subprocess.Popen(  # noqa: S603 - the callers' own commands
        command,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=output,
        stderr=output,
        env=env,
        user=other.uid if other else None,
        group=other.gid if other else None,
        extra_groups=[] if other else None,
        process_group=0,
        preexec_fn=lambda: end_with(parent, when_parent_dies),  # noqa: PLW1509 - after the change of user, which would undo it
    )
    if stdin is not None and process.stdin is not None:
        with process.stdin:
            process.stdin.write(stdin)
    return process


def stop(process: subprocess.Popen[bytes], steps: Steps) -> None:
    """End a process by the first step that does it, or kill it; what it started is killed with it.

    Takes as long as the steps, and one second, at most.
    """
    for signal_, seconds in steps:
        if process.poll() is not None:
            break
        process.send_signal(signal_)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    with suppress(ProcessLookupError, PermissionError):  # none left, or another's number by now
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):  # only one that waits for a broken disk
        process.wait(_KILLED_WITHIN)


def at_once(ends: Sequence[Callable[[], None]]) -> None:
    """Do all of these side by side, until the last has ended."""
    with ThreadPoolExecutor(max(1, len(ends))) as pool:
        for done in [pool.submit(end) for end in ends]:
            done.result()


def wait_until(condition: Callable[[], bool], *, seconds: float, pause: float = 0.02) -> bool:
    """Whether the condition came true within the time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def holders(folder: Path, programs: Iterable[str]) -> list[int]:
    """Processes of these programs that work in the folder.

    PostgreSQL and Valkey change into their data folder, which says more than a pid file: after a
    power cut the number in that file may be anybody's.
    """
    names = frozenset(programs)
    place = str(folder.resolve())
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            here = (entry / "cwd").readlink()
            program = (entry / "exe").readlink()
        except OSError:  # gone meanwhile, or another user's
            continue
        if str(here) == place and program.name.removesuffix(" (deleted)") in names:
            found.append(int(entry.name))
    return found


def end_holders(folder: Path, programs: Iterable[str], steps: Steps) -> bool:
    """End what an earlier run has left in the folder; whether nothing is left."""
    names = frozenset(programs)
    for signal_, seconds in steps:
        for pid in holders(folder, names):
            try:
                os.kill(pid, signal_)
            except ProcessLookupError:
                continue
        if wait_until(lambda: not holders(folder, names), seconds=seconds):
            return True
    return not holders(folder, names)
