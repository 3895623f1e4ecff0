"""Native dates beside texts in one column: the trace of a spreadsheet that read a part of them by other settings.

Texts `13/08/2025` opened with US settings stay texts, `05/08/2025` becomes a native 8 May: day and month exchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pipelines.sources.contracts.contract import Column
from pipelines.sources.notes import CHECK
from pipelines.sources.values.moments import is_of_moments

LAST_MONTH = 12
# So many different days of either kind: by chance all of one would hardly fit, and none of the other.
ENOUGH_DAYS = 4
DAY_AND_MONTH = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-]\d{2,4}\b")


@dataclass
class _Counts:
    """Cells of one column. `*_exchangeable`: day and month both fit into a year, either way round.

    `*_days`: the different days of either kind.
    """

    natives: int = 0
    natives_exchangeable: int = 0
    texts: int = 0
    texts_exchangeable: int = 0
    native_days: set[int] = field(default_factory=set)
    text_days: set[str] = field(default_factory=set)

    @property
    def is_exchanged(self) -> bool:
        return (
            min(len(self.native_days), len(self.text_days)) >= ENOUGH_DAYS
            and self.natives_exchangeable == self.natives
            and not self.texts_exchangeable
        )


class MomentMixtures:
    """What kinds of cells the columns of times and dates of one sheet hold."""

    def __init__(self, columns: Iterable[Column]) -> None:
        self._counts = {column.name: _Counts() for column in columns if is_of_moments(column)}

    def count(self, name: str, cell: Any) -> None:
        """One cell of a column, cleaned: a text, a native date, or anything else, which is no matter here."""
        counts = self._counts.get(name)
        if counts is None or cell is None:
            return
        if isinstance(cell, date):
            counts.natives += 1
            counts.natives_exchangeable += cell.day <= LAST_MONTH
            counts.native_days.add(cell.toordinal())
        elif isinstance(cell, str):
            counts.texts += 1
            match = DAY_AND_MONTH.match(cell)
            # A text of another shape (2025-08-06) says nothing of an exchange, and so speaks against it.
            counts.texts_exchangeable += not match or max(int(match[1]), int(match[2])) <= LAST_MONTH
            if match:
                counts.text_days.add(match[0])

    def check(self, sheet: str) -> None:
        """ValueError where day and month of the native cells of a column were exchanged, by all appearances."""
        faults = [
            f"column {name!r} holds {counts.natives} native dates, none with a day above {LAST_MONTH}, beside "
            f"{counts.texts} texts, all with a day above {LAST_MONTH}"
            for name, counts in self._counts.items()
            if counts.is_exchanged
        ]
        if faults:
            raise ValueError(
                f"sheet {sheet}: {'; '.join(faults)}. A spreadsheet with other settings opened it: what it could "
                f"read became dates with day and month exchanged, the rest stayed text. Export it again without "
                f"opening it, or with all dates as text or as 2025-08-06"
            )

    def list_notes(self, sheet: str) -> Iterator[str]:
        """Columns that hold both kinds, and no sign of an exchange."""
        for name, counts in self._counts.items():
            if counts.natives and counts.texts:
                yield (
                    f"{CHECK}sheet {sheet}: column {name!r} holds {counts.natives} native dates beside {counts.texts} "
                    f"texts: written in two ways, which may hide that day and month were exchanged"
                )
