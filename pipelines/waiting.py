"""Waiting for one's turn: whoever waits says for whom, at once and again every minute, and never waits for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from pipelines.log import get_logger

LOG = get_logger(__name__)
SECONDS_BETWEEN_NOTICES = 60
Obstacle = TypeVar("Obstacle")


def wait_for_turn(
    find_obstacle: Callable[[], Obstacle | None],
    seconds: float,
    describe: Callable[[Obstacle], str],
    pause: float = 0.2,
) -> Obstacle | None:
    """`find_obstacle` tries once, and gives who has the turn, or None. What it gave last after that many seconds."""
    began = time.monotonic()
    notice_at = began
    while (obstacle := find_obstacle()) is not None:
        now = time.monotonic()
        if now >= began + seconds:
            return obstacle
        if now >= notice_at:
            LOG.warning(f"waiting for {describe(obstacle)}", at_most_seconds=round(seconds))
            notice_at = now + SECONDS_BETWEEN_NOTICES
        time.sleep(pause)
    return None
