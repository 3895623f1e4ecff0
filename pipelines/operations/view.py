"""What each condition of the watch looks at."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from pipelines.operations.state import WatchState
from pipelines.operations.thresholds import Thresholds
from pipelines.settings import Settings


class View(NamedTuple):
    """`now`: local time, without a zone; `state`: of the look before."""

    settings: Settings
    thresholds: Thresholds
    now: datetime
    state: WatchState
