"""Workbooks that lie, swell, wait or point elsewhere: bounded, told what they are, and nothing is left behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import Settings
from pipelines.sources.errors import PermanentSourceError
from tests.support.work import few_seconds_of_work
from tests.unit.files_support import landed, put, workbook
from tests.unit.workbook_support import TABLE, edited, pair_source, read


def test_external_links_and_macros_are_said_and_never_followed(settings: Settings) -> None:
    edited(settings, add={"xl/externalLinks/externalLink1.xml": b"<x/>", "xl/vbaProject.bin": b"x"})
    notes = " ".join(landed(settings, pair_source()).notes)
    assert "links to 1 other workbooks" in notes and "holds macros: none was run" in notes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"<html><table><tr><td>STT</td></tr></table></html>", "it is a web page, .*save it as .xlsx"),
        ("\ufeffSTT;Mã\n1;A\n".encode(), "text with delimiters.*`format: csv`"),
        (b"%PDF-1.7", "it is a PDF"),
        (b"not a zip at all", "no workbook, though its name says so"),
        (b"PK\x03\x04 and no more", "no readable workbook"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504 + "EncryptedPackage".encode("utf-16-le"),
            "password",
        ),
    ],
)
def test_a_file_under_a_wrong_name_is_told_what_it_is(
    settings: Settings, content: bytes, message: str
) -> None:
    put(settings, "2025-08-06.xlsx", content)
    with pytest.raises(PermanentSourceError, match=f"register 2025-08-06: 2025-08-06.xlsx .*{message}"):
        landed(settings, pair_source())


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/passwd"])
def test_a_member_that_points_outside_is_hostile(settings: Settings, name: str) -> None:
    edited(settings, add={name: b"x"})
    with pytest.raises(PermanentSourceError, match="points outside the archive: hostile"):
        landed(settings, pair_source())


def test_a_bomb_is_refused_by_its_directory_alone(settings: Settings) -> None:
    edited(settings, add={"xl/media/image1.png": b"\0" * (100 << 20)})
    with few_seconds_of_work(10):
        with pytest.raises(PermanentSourceError, match=r"times its size.*a bomb"):
            landed(settings, pair_source())
        with pytest.raises(PermanentSourceError, match="more than the 50 MiB allowed"):
            landed(settings, pair_source(limits={"workbook_unpacked_mb": 50}))


def test_a_cell_at_the_far_corner_cannot_take_the_memory_of_the_line(settings: Settings) -> None:
    """A dense table up to XFD1048576 would hold 17 billion cells."""
    edited(settings, ("</sheetData>", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'))
    with pytest.raises(PermanentSourceError, match=r"took more than 512 MiB.*Ask for the plain table"):
        landed(settings, pair_source(limits={"workbook_memory_mb": 512}))
    assert not list(settings.landing.rglob("*.parquet"))


def test_a_workbook_that_takes_too_long_is_stopped(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = tmp_path / "endless.py"
    endless.write_text("while True: pass")
    monkeypatch.setattr("pipelines.sources.files.formats.workbook.CHILD", endless)
    workbook(settings, "2025-08-06.xlsx", {"A": TABLE})
    stopped = pytest.raises(PermanentSourceError, match=r"2025-08-06.xlsx .*took more than 1 s.*stopped")
    with few_seconds_of_work(10), stopped:
        landed(settings, pair_source(limits={"workbook_seconds": 1}))


def test_a_million_blank_rows_are_no_records_and_bounded_in_time_and_memory(settings: Settings) -> None:
    """Formatted down to the last row of the sheet, as a column that was coloured whole; the child that
    reads may take no more than its limits (RLIMIT_AS, and a clock that ends it)."""
    blank = "".join(f'<row r="{n}" s="1"><c r="B{n}" s="1"/></row>' for n in range(4, 1_048_577))
    edited(settings, ("</sheetData>", blank + "</sheetData>"))
    bounded = pair_source(limits={"workbook_memory_mb": 512, "workbook_seconds": 60})
    assert read(settings, bounded) == [("A", "x"), ("B", "y")]


def test_a_huge_cell_is_refused(settings: Settings) -> None:
    edited(settings, ("<t>x</t>", f"<t>{'x' * 40_000}</t>"))
    with pytest.raises(PermanentSourceError, match="row 2, column 3 holds 40000 characters"):
        landed(settings, pair_source())


def test_no_process_is_left_behind(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen] = []
    real: Callable[..., subprocess.Popen] = subprocess.Popen

    def watched(*words: Any, **more: Any) -> subprocess.Popen:
        started.append(real(*words, **more))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", watched)
    workbook(settings, "2025-08-06.xlsx", {"A": [["STT", "Khác"], [1, "x"]]})
    with pytest.raises(PermanentSourceError, match="required column 'code'"):
        landed(settings, pair_source())
    assert len(started) == 1 and started[0].returncode is not None


def test_the_process_that_reads_imports_nothing_heavy() -> None:
    child = Path(sys.modules["pipelines.sources.files.formats.workbook"].__file__ or "").with_name(
        "workbook_child.py"
    )
    code = (
        "import sys, runpy; sys.path.insert(0, sys.argv[1]); import pipelines.sources.files.zip_directory, "
        f"python_calamine; runpy.run_path({str(child)!r}); "
        "print([m for m in ('duckdb', 'pandas', 'pyarrow', 'numpy', 'pydantic') if m in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-I", "-c", code, str(child.parents[2])], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "[]"
