"""What a run tells of its steps to whoever watches it."""

from __future__ import annotations

from typing import NamedTuple


class StepEvent(NamedTuple):
    """`state`: started, done, failed, or will be tried again. `total`: steps of the whole run."""

    step: str
    state: str
    total: int


def ignore_step(event: StepEvent) -> None:
    """For whoever does not watch."""
