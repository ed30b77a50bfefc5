"""Memory: refuse what would not fit before trying."""

from __future__ import annotations

from pathlib import Path

MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup/memory.max")


def available_bytes() -> int | None:
    """The memory that is still available; None where it cannot be determined, as outside Linux."""
    try:
        lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines() if ":" in line)
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    try:
        return min(free, int(CGROUP.read_text()))
    except (OSError, ValueError):  # no limit for this group of processes
        return free


def require_memory(needed_bytes: float, what: str, remedy: str) -> None:
    """Refuse a task that needs more memory than is available.

    Parameters
    ----------
    needed_bytes : float
        Memory needed.
    what : str
        What needs the memory, with its size, as in "30,000 time points of 128 x 128 pixels".
    remedy : str
        What would help, for the message.

    Raises
    ------
    ValueError
        Naming the memory needed and the memory available.
    """
    available = available_bytes()
    if available is not None and needed_bytes > available:
        raise ValueError(
            f"{what} would take {_shown(needed_bytes)} of memory, {_shown(available)} are available; {remedy}"
        )


def _shown(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} TiB"
