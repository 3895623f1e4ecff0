"""What every source system of the demo is written from: where, until when, how large, by which seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.demo import calibration

REFERENCE = Path(__file__).resolve().parents[2] / "reference"
SNAPSHOT_DAYS = (
    date(2025, 7, 22),
    date(2025, 7, 29),
    date(2025, 8, 5),
    date(2025, 8, 6),
    date(2025, 8, 7),
)


@dataclass(frozen=True)
class Province:
    """`scale` multiplies the published totals; `until` is the last day of the log."""

    root: Path
    until: date
    scale: float
    seed: int

    @property
    def captures(self) -> list[datetime]:
        """When the trackers, registers and rankings were exported."""
        return [
            datetime.combine(day, calibration.CUTOFF.time()) for day in SNAPSHOT_DAYS if day <= self.until
        ]

    @property
    def units(self) -> pd.DataFrame:
        """units.csv, every column as text, nothing as null."""
        return pd.read_csv(REFERENCE / "units.csv", dtype=str, keep_default_na=False)

    def seed_generator(self, offset: int) -> np.random.Generator:
        """A source's own numbers: one `offset` per source, so that a new one changes no other."""
        return np.random.default_rng(self.seed + offset)
