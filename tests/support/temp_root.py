"""Where the suite's folders lie: in memory, where there is enough of it. `python -m tests.support.temp_root` says so.

Each commit waits some ten milliseconds for a disk, and a night makes dozens; no test takes the power away, and
what a killed process has written is there on either. Pytest's own place is the answer everywhere else.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MEMORY_DISK = Path("/dev/shm")
# A run of the suite has less than a third of it there at a time; the rest is for its processes.
ENOUGH_BYTES = 6 << 30


def choose_root(disk: Path = MEMORY_DISK, available: int | None = None) -> Path:
    """`disk` where it may hold programs (extensions are loaded from it) and both it and the memory have room."""
    if not os.access(disk, os.W_OK) or os.statvfs(disk).f_flag & os.ST_NOEXEC:
        return Path(tempfile.gettempdir())
    room = min(shutil.disk_usage(disk).free, read_available() if available is None else available)
    return disk if room >= ENOUGH_BYTES else Path(tempfile.gettempdir())


def read_available() -> int:
    """Bytes of memory that can be had without swapping; 0 where the system does not tell."""
    facts = Path("/proc/meminfo")
    lines = facts.read_text(encoding="ascii").splitlines() if facts.exists() else []
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), 0)


if __name__ == "__main__":
    print(choose_root())
