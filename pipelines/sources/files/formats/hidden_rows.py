"""Records that a sheet does not show: whether they count is the contract's word, and it is always told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.sources.notes import CHECK


class HiddenRows:
    """`about`: what the sheet hides (`workbook_hidden.Hidden`); `mode`: `hidden_rows` of the source."""

    def __init__(self, about: Mapping[str, Any], mode: str, sheet: str) -> None:
        self._about, self._mode, self._sheet = about, mode, sheet
        self._rows = frozenset(about["rows"])
        self._records: list[int] = []

    def leaves_out(self, number: int) -> bool:
        """Whether this record is not to be read; ValueError where hidden ones refuse the sheet."""
        if number not in self._rows:
            return False
        self._records.append(number)
        if self._mode == "refuse":
            raise ValueError(
                f"sheet {self._sheet!r}, row {number + 1} is hidden{self._describe_filter()} "
                f"(`hidden_rows: refuse`); show all rows, save and deliver it again"
            )
        return self._mode == "leave_out"

    def list_sheet_notes(self, headers: Mapping[int, str]) -> Iterator[str]:
        """`headers`: column → header, of those that are read."""
        if self._about["is_sheet_hidden"]:
            yield f"{CHECK}sheet {self._sheet} is hidden; it was read"
        if columns := [header for column, header in headers.items() if column in self._about["columns"]]:
            yield f"{CHECK}sheet {self._sheet}: hidden columns were read: {', '.join(map(repr, columns))}"

    def list_notes(self) -> Iterator[str]:
        """Complete once all rows were read."""
        if not self._records:
            return
        count = len(self._records)
        rows = f"{count} rows are" if count > 1 else "1 row is"
        done, other = ("read", "leave_out") if self._mode == "read" else ("left out", "read")
        listed = ", ".join(str(number + 1) for number in self._records[:10])
        yield (
            f"{CHECK}sheet {self._sheet}: {rows} hidden{self._describe_filter()} and {done} (row {listed}"
            f"{' …' if count > 10 else ''}); `hidden_rows: {other}` decides otherwise"
        )

    def _describe_filter(self) -> str:
        return " by a filter" if self._about["is_filtered"] else ""
