"""Whether a process that was named some time ago is still the same one: numbers are given out again."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

# Start times are known to a hundredth of a second, the clock of the machine may be set a little meanwhile.
TOLERANCE = timedelta(seconds=2)


def is_process_since(pid: int, moment: datetime) -> bool:
    """A process of this number lives and had started at that moment (with a time zone)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, as somebody else's
        pass
    started_at = find_start(pid)
    return started_at is None or started_at <= moment + TOLERANCE


def find_start(pid: int) -> datetime | None:
    """When the process started; None where the system does not tell (no /proc), or it is gone."""
    try:
        # The name stands in brackets and may hold anything; the fields are counted after it.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = next(
            int(line.split()[1])
            for line in Path("/proc/stat").read_text().splitlines()
            if line.startswith("btime ")
        )
        return datetime.fromtimestamp(boot + int(fields[19]) / os.sysconf("SC_CLK_TCK"), UTC)
    except (OSError, ValueError, IndexError, StopIteration):
        return None
