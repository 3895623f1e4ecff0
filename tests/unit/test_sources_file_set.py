"""Which files need cleaning: told from their bytes, before a cell is read."""

from __future__ import annotations

import sys

import pytest

from pipelines.settings import Settings
from pipelines.sources.files.file_set import inspect_file
from pipelines.sources.files.inbox import CHUNK
from pipelines.sources.files.uncleanness import needs_cleaning
from pipelines.sources.values.native import clean_text
from tests.unit.files_support import put, source


@pytest.mark.parametrize(
    ("content", "unclean"),
    [
        ("Mã;Nội dung\n1;đất đai\n", False),
        ("Mã;Nội dung\n1; đất\n", True),
        ("Mã;Nội dung\n1 ;đất\n", True),
        ("Mã;Nội dung\n1;đất\t\n", True),
        ('Mã;Nội dung\n1;" đất"\n', True),
        ("Mã;Nội dung\n1;đất\u00a0đai\n", True),
        ("Mã;Nội dung\n1;đâ\u0301t\n", True),
        ("Mã;Nội dung\n1;« §5 »\n", False),
        ("Mã;Nội dung\n1;“1.000 ₫” – …\n", False),
        # A compatibility ideograph, which NFC replaces.
        ("Mã;Nội dung\n1;\U0002f800\n", True),
        ("Mã;Nội dung\n1;đất ", True),
    ],
)
def test_blanks_at_the_edge_of_a_cell_and_marks_on_their_own_need_cleaning(
    settings: Settings, content: str, unclean: bool
) -> None:
    path = put(settings, "2025-08-06.csv", content.encode())
    file = inspect_file(source(), path, path.name)
    assert file is not None and file.unclean is unclean


@pytest.mark.parametrize("sign", [" ;", "; ", "\u00a0", "\u0301", "\u2000", "\uf900"])
def test_a_sign_split_between_two_reads_is_seen(settings: Settings, sign: str) -> None:
    for before in (CHUNK - 2, CHUNK - 1, CHUNK):
        path = put(settings, "2025-08-06.csv", b"x" * before + sign.encode() + b"x\n")
        file = inspect_file(source(), path, path.name)
        assert file is not None and file.unclean, before


@pytest.mark.parametrize(("content", "unclean"), [("a\t\tb\n", False), ("a\t b\n", True)])
def test_a_tab_that_divides_cells_is_no_blank(settings: Settings, content: str, unclean: bool) -> None:
    path = put(settings, "2025-08-06.csv", content.encode())
    read = source(format="tsv", delimiter=None)
    file = inspect_file(read, path, path.name)
    assert file is not None and file.unclean is unclean


def test_every_letter_that_cleaning_would_change_is_seen() -> None:
    """All of Unicode, alone and after a letter that it may combine with."""
    missed = [
        hex(code)
        for code in range(0x80, sys.maxunicode + 1)
        if not 0xD800 <= code < 0xE000
        and any(clean_text(text) != text for text in (f"x{chr(code)}x", f"ơ{chr(code)}x"))
        and not needs_cleaning(f"x{chr(code)}x".encode(), b';\n\r"')
    ]
    assert missed == []
