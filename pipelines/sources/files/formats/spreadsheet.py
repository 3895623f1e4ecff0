"""A sheet as a person exports it → records (docs/domain.md §7, Excel).

Headings, totals and the "(1) (2)…" row are left out, and counted. How the header is known: `sheet_header`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from typing import Any

from pipelines.sources.files.formats.csv_footer import find_sign_off
from pipelines.sources.files.formats.csv_lines import NUMBER, TOTAL
from pipelines.sources.files.formats.fragment import ReadSession, TableFragment
from pipelines.sources.files.formats.hidden_rows import HiddenRows
from pipelines.sources.files.formats.marked_rows import MarkedRows
from pipelines.sources.files.formats.sheet_header import (
    HEADER_ROWS,
    HEADER_SEARCH_ROWS,
    Header,
    Merged,
    Row,
    find_header,
    is_column_numbers,
    normalize_cell,
)
from pipelines.sources.files.unpacking import Member
from pipelines.sources.values.mixtures import MomentMixtures
from pipelines.sources.values.native import clean_text, format_cell
from pipelines.sources.values.number_formats import CodeLosses, LostDigits, NumberCell, write_code

ORDINAL = re.compile(r"^\d+(\.\d+)*\.?$")
# Of a column without a `shape`: no ordinal ("1.1"), no word.
LONE_CODE = r"(?=\S*\d)\S{4,}"
ROWS_AT_ONCE = 20_000
# A sheet without records may still hold the lines below which people sign.
MOST_HEADINGS = 20
# So many people sign side by side.
MOST_SIGNERS = 4


def read_sheet(
    session: ReadSession,
    member: Member,
    about: Mapping[str, Any],
    rows: Iterator[Row],
    constants: Mapping[str, str],
    notes: list[str],
) -> TableFragment:
    """ValueError where the sheet has no header; records are read when they are selected."""
    merges = [Merged(*corners) for corners in about["merges"]]
    ahead = list(islice(rows, HEADER_SEARCH_ROWS + HEADER_ROWS + 2))
    header = find_header(ahead, merges, session.source.header_marker, about["sheet"])
    sheet_notes = list(notes)

    def all_rows() -> Iterator[Row]:
        yield from ahead
        yield from rows

    def select(mapped: Mapping[str, str]) -> str:
        places = {name: header.labels.index(label) for name, label in mapped.items()}
        required = {places[name] for name in places if _is_required(session, name)}
        hidden = HiddenRows(about["hidden"], session.source.hidden_rows, about["sheet"])
        labels = {places[name]: label for name, label in mapped.items()}
        sheet_notes.extend(hidden.list_sheet_notes(labels))
        units = {places[name]: header.labels[places[name]] for name in session.source.unit if name in places}
        marked = MarkedRows(about, labels, units, about["sheet"])
        codes = session.source.code_columns()
        keys = {
            places[name]: session.columns[name].shape
            for name in session.source.key
            if name in places and name in codes
        }
        records = Records(header, merges, required, about["sheet"], keys)
        mixtures = MomentMixtures(session.columns[name] for name in places if name in session.columns)
        tables: list[str] = []
        columns: dict[str, list[str | None]] = {name: [] for name in places}
        losses = CodeLosses({name: header.labels[place] for name, place in places.items()}, session.source)
        for number, cells in records.select_records(all_rows()):
            if hidden.leaves_out(number):
                continue
            marked.count(number, cells)
            for name, place in places.items():
                cell = _read_cell(cells[place], about["sheet"], number)
                mixtures.count(name, cell)
                try:
                    written = write_code(cell) if name in codes else cell
                    text = format_cell(written, session.source, session.columns.get(name))
                except LostDigits as error:
                    raise ValueError(
                        f"sheet {about['sheet']!r}, row {number + 1}, column {header.labels[place]!r}: {error}"
                    ) from None
                columns[name].append(text)
                losses.observe(name, cell, text)
            if len(next(iter(columns.values()), ())) == ROWS_AT_ONCE:
                tables.append(session.register_texts(columns))
                columns = {name: [] for name in places}
        tables.append(session.register_texts(columns))
        mixtures.check(about["sheet"])
        records.check()
        sheet_notes.extend(records.list_notes())
        sheet_notes.extend(hidden.list_notes())
        sheet_notes.extend(marked.list_notes(records.groups))
        sheet_notes.extend(mixtures.list_notes(about["sheet"]))
        sheet_notes.extend(losses.list_notes(about["sheet"]))
        return " union all ".join(f"from {table}" for table in tables)

    headers = [label for label in header.labels if label]
    return TableFragment(member, headers, select, sheet_notes, {**constants, "_sheet": about["sheet"]})


def _is_required(session: ReadSession, name: str) -> bool:
    column = session.columns.get(name)
    return column is not None and column.required


class Records:
    """Which rows are records; what is left out is counted, by kind, and named where it is doubtful."""

    def __init__(
        self,
        header: Header,
        merges: list[Merged],
        required: set[int],
        sheet: str,
        keys: Mapping[int, str | None],
    ) -> None:
        """`required`, `keys`: columns by their place, those of the key with the `shape` of their codes."""
        self._header, self._required, self._sheet, self._keys = header, required, sheet, keys
        self._headings = self._totals = self._repeated = self._count = 0
        # Lines that people sign; who does stands below, in lines that say nothing by themselves.
        self._sign_offs, self._is_signed = 0, False
        # Below this row ends the header that was met again last.
        self._header_end = 0
        self._doubtful: list[int] = []
        # Headings below which records stand; and those since the last record, of which it is not known yet.
        self.groups: list[str] = []
        self._heading: str | None = None
        # Cells merged downwards hold their text once, for every row that they cover.
        self._tall: dict[int, list[Merged]] = {}
        for merged in merges:
            if merged.left == merged.right and merged.top >= header.first and merged.left != header.ordinal:
                self._tall.setdefault(merged.top, []).append(merged)

    def select_records(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows that are records, cells cleaned and merged cells filled downwards."""
        width, above = len(self._header.labels), {}
        for number, raw_cells in rows:
            if number < self._header.first:
                continue
            cells = [clean_text(cell) if isinstance(cell, str) else cell for cell in raw_cells]
            cells += [None] * (width - len(cells))
            for merged in self._tall.get(number, ()):
                if merged.left < width:
                    above[merged.left] = (merged.bottom, cells[merged.left])
            if self._is_record(number, cells):
                self._count += 1
                if self._heading is not None:
                    self.groups.append(self._heading)
                    self._heading = None
                for column, (bottom, value) in above.items():
                    if number <= bottom and cells[column] is None:
                        cells[column] = value
                yield number, cells

    def _is_of_header(self, number: int, cells: list[Any]) -> bool:
        """Whether the row belongs to a header that stands there again, as on every page of a printed sheet."""
        try:
            if self._header.begins_again(cells):
                self._repeated += 1
                self._header_end = number + self._header.height
                return True
        except ValueError as error:
            raise ValueError(f"sheet {self._sheet!r}, row {number + 1}: {error}") from None
        ordinal = normalize_cell(cells[self._header.ordinal])
        return number < self._header_end and (is_column_numbers(cells) or not ORDINAL.match(ordinal))

    def _is_record(self, number: int, cells: list[Any]) -> bool:
        filled = [cell for cell in cells if cell is not None]
        if not filled or self._is_of_header(number, cells):
            return False
        if self._header.numbered and ORDINAL.match(normalize_cell(cells[self._header.ordinal])):
            self._is_signed = False
            return True
        if self._is_total(cells, filled):
            self._totals += 1
            return False
        is_code = len(filled) == 1 and self._is_lone_code(cells)
        self._is_signed = not is_code and self._is_sign_off(cells, filled)
        if self._is_signed:
            self._sign_offs += 1
            return False
        if len(filled) == 1 and not is_code:
            return self._pass_heading(filled)
        if not self._header.numbered:
            return True
        # A record whose ordinal is missing: told by what the contract requires of it.
        if self._required and all(cells[column] is not None for column in self._required):
            return True
        if len(filled) == 2:
            return self._pass_heading(filled)
        self._doubtful.append(number + 1)
        return False

    def _pass_heading(self, filled: list[Any]) -> bool:
        self._headings += 1
        self._heading = normalize_cell(filled[-1])
        return False

    def _is_total(self, cells: list[Any], filled: list[Any]) -> bool:
        """As of delimited texts: its word, and a required cell that is blank or nothing but numbers behind it.

        A task may begin with the same word ("Tổng số hóa hồ sơ").
        """
        if not re.match(TOTAL, normalize_cell(filled[0])):
            return False
        lacks_cell = any(cells[column] is None for column in self._required)
        return lacks_cell or all(map(_is_number, filled[1:]))

    def _is_sign_off(self, cells: list[Any], filled: list[Any]) -> bool:
        """A row that people sign, or names below one: some words, and not all that a record must have."""
        if all(cells[column] is not None for column in self._required):
            return False
        are_names = len(filled) <= MOST_SIGNERS and all(
            isinstance(cell, str) and not re.search(r"\d", cell) for cell in filled
        )
        return find_sign_off(normalize_cell(filled[0])) is not None or (self._is_signed and are_names)

    def _is_lone_code(self, cells: list[Any]) -> bool:
        """Whether the row's only cell is a code of the key: a record that lost the rest, and no heading."""
        for place, shape in self._keys.items():
            text = normalize_cell(cells[place])
            if text and re.fullmatch(shape or LONE_CODE, text):
                return True
        return False

    def check(self) -> None:
        """ValueError where rows stand below the header and none of them is taken for a record."""
        left_out = self._headings + len(self._doubtful) + self._sign_offs
        if not self._count and (self._doubtful or left_out > MOST_HEADINGS):
            raise ValueError(
                f"sheet {self._sheet!r}: none of the {left_out + self._totals} rows below the header is a record: "
                f"they have no ordinal, or one cell only. Correct `header_marker`, or ask for the plain table"
            )

    def list_notes(self) -> Iterator[str]:
        """What was left out; complete once all rows were read."""
        kinds = [f"{self._headings} headings and notes"] * bool(self._headings)
        kinds += [f"{self._totals} totals and their parts"] * bool(self._totals)
        kinds += [f"{self._repeated} times the header again"] * bool(self._repeated)
        kinds += [f"{self._sign_offs} lines that people sign or a client wrote"] * bool(self._sign_offs)
        if kinds:
            yield f"sheet {self._sheet}: rows that are no records: {', '.join(kinds)}"
        if self._doubtful:
            numbers = ", ".join(map(str, self._doubtful[:20]))
            yield (
                f"sheet {self._sheet}: {len(self._doubtful)} rows without an ordinal, and without what a "
                f"record must have, were left out: row {numbers}"
            )


def _is_number(cell: Any) -> bool:
    """A number, a text that is one, or a formula: what stands behind the word of a total."""
    if isinstance(cell, list):
        return cell[0] in ("n", "f")
    return isinstance(cell, (int, float)) or bool(re.fullmatch(NUMBER, normalize_cell(cell)))


def _read_cell(cell: Any, sheet: str, number: int) -> Any:
    """What the child tagged: a moment, or a formula that was never computed."""
    if not isinstance(cell, list):
        return cell
    kind, value = cell[:2]
    if kind == "n":
        return NumberCell(value, cell[2])
    if kind == "f":
        raise ValueError(
            f"sheet {sheet!r}, cell {value}: a formula without a stored value; open the workbook in Excel, "
            f"save it and deliver it again"
        )
    return datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
