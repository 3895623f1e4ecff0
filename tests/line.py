"""The whole line kept ready in a process of its own, so that many nights pay for its imports once.

Definitions are loaded for one data directory and one sources.yaml; a test may put other files there
between two nights. Nobody waits: pauses before another try take no time.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from multiprocessing.connection import Connection
from typing import NamedTuple

from pipelines.settings import RetryPolicy, Settings

NO_PAUSES = RetryPolicy(longest_pause=0)


class CommandResult(NamedTuple):
    """What `thongsuot run` would print, and whether it ended well."""

    success: bool
    text: str

    def about(self, asset: str) -> str:
        """The lines of one failing step."""
        step, lines = asset.replace("/", "__"), self.text.splitlines()
        return "\n".join(line for line in lines if line.startswith((f"{step}:", f"{asset} ")))


class Line:
    """`thongsuot run --partition DAY` again and again."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def run(self, day: date) -> CommandResult:
        self._pipe.send(day)
        return CommandResult(*self._pipe.recv())


@contextmanager
def ready(settings: Settings) -> Iterator[Line]:
    """A line on this installation; its sources.yaml must be there."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs, settings), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Line(ours)
        ours.send(None)
        process.join(timeout=20)
    finally:
        process.kill()


def _answer(pipe: Connection, settings: Settings) -> None:
    os.environ.update(settings.child_environment() | {"THONGSUOT_EXPORTS": "marts_duckdb"})
    settings.dagster.mkdir(parents=True, exist_ok=True)

    from pipelines.runs.execute import run_night
    from pipelines.runs.plan import plan_run

    while (day := pipe.recv()) is not None:
        plan = plan_run(settings, day, day, again=False, revalidate=False)
        result = run_night(settings, plan, reason=f"night of {day}", retries=NO_PAUSES)
        pipe.send((result.success, result.text))
