"""The package's data dictionary for people: what `datapackage.json` says of tables and columns, as one page."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.exports.common import PublishedTable, Words


def write_dictionary(tables: Sequence[PublishedTable]) -> str:
    """Markdown: a chapter per table, a line per column, both languages."""
    return "# Từ điển dữ liệu · Data dictionary\n" + "".join(map(_write_table, tables))


def _write_table(table: PublishedTable) -> str:
    words = Words.of(table.description)
    lines = [
        "",
        f"## {table.meta.get('title_vi', table.name)}: `{table.name}.csv`",
        "",
        *[text for text in (words.vi, words.en) if text],
        "",
        f"Khóa · Key: {', '.join(f'`{name}`' for name in table.key)}",
        "",
        "| cột · column | kiểu · type | nghĩa | meaning |",
        "|---|---|---|---|",
        *[
            f"| `{column.name}` | {column.type.lower()} | {_cell(column.words.vi)} | {_cell(column.words.en)} |"
            for column in table.columns
        ],
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
