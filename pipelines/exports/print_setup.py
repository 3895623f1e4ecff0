"""How every workbook of ours leaves the printer."""

from __future__ import annotations

from typing import Any


def set_up_print(page: Any, first_head_row: int, last_head_row: int) -> None:
    """A4 across, one page wide, the rows of the head (from 0) on every page, pages numbered. `page`: of xlsxwriter."""
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.repeat_rows(first_head_row, last_head_row)
    page.set_footer("&CTrang &P/&N")
