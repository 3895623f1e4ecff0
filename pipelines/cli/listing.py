"""Lists of commands: whole and tab-separated in a pipe, a table on a terminal, stacked where it is too narrow.

Nothing is cut: what does not fit is left out by column, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from pipelines.cli.console import console, print_plain
from pipelines.masking import make_printable

# What a terminal shows of a long list; a pipe and `--json` have all.
MOST_ROWS = 50
# A text column may be broken into lines down to this width.
LEAST_TEXT = 24


class ListColumn(NamedTuple):
    """`name` heads the column in a pipe, `title` on a terminal. `minor`: left out first where room is short.

    `is_text`: it may be broken into lines.
    """

    name: str
    title: str
    minor: int = 0
    is_text: bool = False
    is_number: bool = False


def print_list(
    columns: Sequence[ListColumn], rows: Sequence[Sequence[object]], title: str = "", most: int = MOST_ROWS
) -> None:
    """`rows`: values in the order of `columns`; None is empty."""
    texts = [["" if value is None else str(value) for value in row] for row in rows]
    if is_piped():
        _print_tabbed(columns, texts)
        return
    top = texts[:most]
    chosen = choose_columns(columns, top, console.width)
    if chosen is None:
        _print_stacked(columns, top, title)
    else:
        _print_table(columns, top, chosen, title)
        left = [column.title for n, column in enumerate(columns) if n not in chosen]
        if left:
            print_plain(
                f"Không hiển thị · not shown at this width: {', '.join(left)} (`--json` hoặc `| cat`)"
            )
    if len(texts) > most:
        print_plain(f"{most} of {len(texts)}: `--json` or a pipe has all")


def is_piped() -> bool:
    """Whether a program reads what is printed."""
    return not console.is_terminal


def choose_columns(
    columns: Sequence[ListColumn], rows: Sequence[Sequence[str]], width: int
) -> list[int] | None:
    """Places of the columns that fit into `width`, the minor ones dropped first; None where even the others do not."""
    indices = list(range(len(columns)))
    while True:
        if sum(_narrowest(columns[n], [row[n] for row in rows]) + 3 for n in indices) + 1 <= width:
            return indices
        most = max((columns[n].minor for n in indices), default=0)
        if not most:
            return None
        indices.remove(next(index for index in reversed(indices) if columns[index].minor == most))


def share_width(columns: Sequence[ListColumn], cells: Sequence[Sequence[str]], width: int) -> list[int]:
    """How wide each column becomes: its least, and of what is left as much as it can use, from the left."""
    widths = [_narrowest(column, values) for column, values in zip(columns, cells, strict=True)]
    spare = width - sum(widths) - 3 * len(columns) - 1
    for at, (column, values) in enumerate(zip(columns, cells, strict=True)):
        useful = max(
            cell_len(line) for value in [column.title, *values] for line in value.splitlines() or [""]
        )
        more = max(min(useful - widths[at], spare), 0)
        widths[at] += more
        spare -= more
    return widths


def _narrowest(column: ListColumn, values: Sequence[str]) -> int:
    """How narrow a column may be: of a text the longest word, of any other its longest value."""
    longest = max((cell_len(line) for value in values for line in value.splitlines()), default=0)
    if column.is_text:
        word = max((cell_len(word) for value in values for word in value.split()), default=0)
        longest = max(min(longest, LEAST_TEXT), word)
    title = max(cell_len(word) for word in column.title.split())
    return max(longest, title)


def _print_tabbed(columns: Sequence[ListColumn], rows: Sequence[Sequence[str]]) -> None:
    print("\t".join(column.name for column in columns))
    for row in rows:
        print("\t".join(make_printable(" ".join(value.split())) for value in row))


def _print_table(
    columns: Sequence[ListColumn], rows: Sequence[Sequence[str]], chosen: Sequence[int], title: str
) -> None:
    table = Table(title=title or None, title_justify="left")
    cells = [[row[index] for row in rows] for index in chosen]
    widths = share_width([columns[index] for index in chosen], cells, console.width)
    for index, width in zip(chosen, widths, strict=True):
        column = columns[index]
        table.add_column(
            column.title,
            justify="right" if column.is_number else "left",
            overflow="fold",
            width=width,
        )
    for row in rows:
        table.add_row(*(Text(row[n]) for n in chosen))
    console.print(table)


def _print_stacked(columns: Sequence[ListColumn], rows: Sequence[Sequence[str]], title: str) -> None:
    if title:
        print_plain(title)
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            if value:
                print_plain(f"{column.title}: {value}")
        print_plain("")
