"""One writer at a time across processes: the CLI, the UI and the nightly run share one data directory."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.settings import Settings

SECONDS_TO_WAIT = 1800


class Busy(RuntimeError):
    """Another run holds the warehouse and the lake for longer than anyone should wait."""


@contextmanager
def exclusive(settings: Settings, wait: float = SECONDS_TO_WAIT) -> Iterator[None]:
    """Hold the writer lock; the kernel releases it with the process, however that ends."""
    settings.data.mkdir(parents=True, exist_ok=True)
    with (settings.data / "writer.lock").open("w") as handle:
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Busy(
                        f"Another run has been writing under {settings.data} for {wait:.0f} s. "
                        "Wait for it or stop it, then run again; the last release is still served."
                    ) from None
                time.sleep(0.2)
        yield
