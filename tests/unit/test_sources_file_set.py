"""Which files need cleaning: told from their bytes, before a cell is read."""

from __future__ import annotations

import pytest

from pipelines.settings import Settings
from pipelines.sources.files.file_set import CHUNK, inspect_file
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
        ("Mã;Nội dung\n1;đất ", True),
    ],
)
def test_blanks_at_the_edge_of_a_cell_and_marks_on_their_own_need_cleaning(
    settings: Settings, content: str, unclean: bool
) -> None:
    path = put(settings, "2025-08-06.csv", content.encode())
    found = inspect_file(source(), path, path.name)
    assert found is not None and found.unclean is unclean


@pytest.mark.parametrize("sign", [" ;", "; ", "\u00a0", "\u0301"])
def test_a_sign_split_between_two_reads_is_seen(settings: Settings, sign: str) -> None:
    for before in (CHUNK - 2, CHUNK - 1, CHUNK):
        path = put(settings, "2025-08-06.csv", b"x" * before + sign.encode() + b"x\n")
        found = inspect_file(source(), path, path.name)
        assert found is not None and found.unclean, before


@pytest.mark.parametrize(("content", "unclean"), [("a\t\tb\n", False), ("a\t b\n", True)])
def test_a_tab_that_divides_cells_is_no_blank(settings: Settings, content: str, unclean: bool) -> None:
    path = put(settings, "2025-08-06.csv", content.encode())
    read = source(format="tsv", delimiter=None)
    found = inspect_file(read, path, path.name)
    assert found is not None and found.unclean is unclean
