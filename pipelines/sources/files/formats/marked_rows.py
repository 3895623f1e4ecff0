"""What only the look of a sheet tells of its records: struck out, merged over columns, grouped below lines.

None of it is in the cells that are read, so that a person must look: each is a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.privacy.redaction import redact_name
from pipelines.sources.files.formats.sheet_header import Merged
from pipelines.sources.notes import CHECK, EXAMPLES

# One heading is a title; where records stand below two and more, each may say whose they are.
FEWEST_GROUPS = 2
LISTED = 10
LONGEST_EXAMPLE = 60


class MarkedRows:
    """`headers`: column → header, of those that are read; `units`: the columns of them that name a unit."""

    def __init__(
        self, about: Mapping[str, Any], headers: Mapping[int, str], units: Mapping[int, str], sheet: str
    ) -> None:
        self._headers, self._units, self._sheet = headers, units, sheet
        self._struck = {row for row, column in about["struck"] if column in headers}
        merges = [Merged(*corners) for corners in about["merges"]]
        self._wide: dict[int, Merged] = {
            row: merged
            for merged in merges
            if sum(merged.left <= column <= merged.right for column in headers) > 1
            for row in range(merged.top, min(merged.bottom, merged.top + 1_000) + 1)
        }
        self._struck_records: list[int] = []
        self._wide_records: list[int] = []
        self._empty_units = set(units)
        self._count = 0

    def count(self, number: int, cells: list[Any]) -> None:
        """One record that is read."""
        self._count += 1
        if number in self._struck:
            self._struck_records.append(number + 1)
        if number in self._wide:
            self._wide_records.append(number + 1)
        if self._empty_units:
            self._empty_units = {column for column in self._empty_units if cells[column] is None}

    def list_notes(self, groups: list[str]) -> Iterator[str]:
        """Complete once all rows were read. `groups`: the headings below which records stand."""
        if self._struck_records:
            yield (
                f"{CHECK}sheet {self._sheet}: {len(self._struck_records)} rows have cells that are struck out (row "
                f"{_list_numbers(self._struck_records)}), and count like all others: is what is struck out cancelled?"
            )
        if self._wide_records:
            yield (
                f"{CHECK}sheet {self._sheet}: {len(self._wide_records)} rows have cells merged over several columns "
                f"(row {_list_numbers(self._wide_records)}): what is written there counts for the first of them, and "
                f"{self._name_columns()} have no value. Ask for a sheet without merged cells"
            )
        if (
            self._count
            and self._empty_units == set(self._units)
            and self._units
            and len(groups) >= FEWEST_GROUPS
        ):
            names = ", ".join(repr(self._units[column]) for column in sorted(self._units))
            yield (
                f"{CHECK}sheet {self._sheet}: no row says anything in {names}, and {len(groups)} headings stand "
                f"between the rows: where they name the unit of the rows below them, it is not read from there. Ask "
                f"for the unit in every row{EXAMPLES}{redact_name(groups[0][:LONGEST_EXAMPLE])!r}"
            )

    def _name_columns(self) -> str:
        """The headers of columns that a merged area covers, but for the first of each."""
        areas = {self._wide[number - 1] for number in self._wide_records}
        covered = {
            column
            for area in areas
            for column in sorted(c for c in self._headers if area.left <= c <= area.right)
            if column != area.left
        }
        return ", ".join(repr(self._headers[column]) for column in sorted(covered))


def _list_numbers(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:LISTED])) + (" …" if len(numbers) > LISTED else "")
