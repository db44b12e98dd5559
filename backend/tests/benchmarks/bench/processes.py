"""What the kernel knows of processes: their children, their memory, the time they used."""

import os
import platform
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def processor() -> str:
    """What the processor calls itself, and how many of its cores this process may use."""
    lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{next(iter(names), platform.machine())}, {cores()} cores"


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def descendants(pid: int) -> list[int]:
    """A process and all that it, or they, started."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").iterdir():
            children = (task / "children").read_text(encoding="ascii").split()
            found.extend(map(int, children))
    return found


def memory_mb(pids: Iterable[int]) -> float:
    """Proportional set sizes in MB (10^6 bytes): what processes share counts once."""
    return sum(_pss_kib(pid) for pid in pids) * 1024 / 1e6


def _pss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ValueError(f"process {pid} has no Pss")


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time that processes, and children of theirs that have ended, have used."""
    return sum(_ticks(pid) for pid in pids) / _TICKS


def _ticks(pid: int) -> int:
    # The name, in parentheses, may hold spaces: what follows is counted from its end.
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    fields = stat.rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:15])


def reset_peak() -> None:
    """Let this process's highest memory begin anew (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_mb() -> float:
    """The most memory that this process had at once, in MB, since it was reset."""
    return _own_mb("VmHWM")


def resident_mb() -> float:
    """The memory that this process has now, in MB."""
    return _own_mb("VmRSS")


def _own_mb(name: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"this process has no {name}")
