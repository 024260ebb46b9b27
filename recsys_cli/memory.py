"""How much memory this process can still have."""

from __future__ import annotations

from pathlib import Path

CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def free_memory() -> int | None:
    """Bytes that can still be had: of the machine, or less where a container is given less. None: not known here."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        free = None
    for limit, used in CGROUPS:
        try:
            left = int(Path(limit).read_text()) - int(Path(used).read_text()) + _cached(Path(limit).parent)
        except (OSError, ValueError):  # no such file, or "max"
            continue
        free = left if free is None else min(free, left)
    return free


def _cached(group: Path) -> int:
    """File cache that counts as used and is given back when needed."""
    fields = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return int(fields.get("inactive_file", 0))
