"""A foreign file is called by its name, with the step that helps; lines that are no records are left out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import xlwt

from pipelines.landing.batches import list_batches
from pipelines.landing.pull import land_partition
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.files.formats.foreign import OLE, describe_text, find_kind
from tests.cases.case_place import CasePlace
from tests.cases.test_generated_dirt import make_source

DOSSIERS = "dossier_log"


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2025-08-06", "a web page, .*save it as .xlsx"),
        ("2025-08-07", "a web page, .*save it as .xlsx"),
        ("2025-08-08", r"a web page in a MIME archive \(MHTML\), .*save it as .xlsx"),
        ("2025-08-09", r"an XML spreadsheet of 2003 \(SpreadsheetML\), .*save it as .xlsx"),
        ("2025-08-10", r'text with delimiters, .*`delimiter: "\\t"`, `encoding: utf-16`'),
    ],
)
def test_a_page_or_text_under_a_workbook_s_name_is_called_by_its_own(
    tmp_path: Path, day: str, name: str
) -> None:
    with pytest.raises(PermanentSourceError, match=f"it is {name}") as refused:
        CasePlace("gridview_div_xls", tmp_path).validate_day(DOSSIERS, day)
    assert day == "2025-08-10" or "format: csv" not in str(refused.value)


@pytest.mark.parametrize("day", ["2025-08-06", "2025-08-07", "2025-08-08"])
def test_a_separator_line_or_a_title_above_the_header_is_left_out(tmp_path: Path, day: str) -> None:
    rows = CasePlace("sep_line", tmp_path).validate_day(DOSSIERS, day).accepted
    assert len({row["dossier_code"] for row in rows}) == 20


@pytest.mark.parametrize(("day", "dossiers"), [("2025-08-06", 120), ("2025-08-07", 20)])
def test_the_header_again_and_totals_are_no_records(tmp_path: Path, day: str, dossiers: int) -> None:
    result = CasePlace("repeated_header_and_total", tmp_path).validate_day(DOSSIERS, day)
    assert len({row["dossier_code"] for row in result.accepted}) == dossiers
    assert not {"channel_unknown", "dossier_code_missing"} & {
        rule for rules in result.rejected.values() for rule in rules
    }


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (lambda header: f"\ufeff{header}", "1 lines that repeat the header"),
        (lambda header: '"' + header.replace(";", '";"') + '"', "1 lines that repeat the header"),
        (lambda header: f"\ufeff{header.upper().replace(' ', chr(160))}", "1 lines that repeat the header"),
        (lambda header: ";" * header.count(";"), "1 blank lines"),
        (lambda header: ";" * header.count(";") + "\r\n ;" + ";" * (header.count(";") - 1), "2 blank lines"),
    ],
)
def test_what_joined_exports_and_spreadsheets_leave_between_records_is_left_out(
    tmp_path: Path, write: Callable[[str], str], kind: str
) -> None:
    place = CasePlace("repeated_header_and_total", tmp_path)
    file = place.inbox / "export_2025-08-07.csv"
    header, *lines = file.read_text(encoding="utf-8-sig").splitlines()
    records = [line for line in lines if line[0].isdigit()]
    file.write_text(
        "\r\n".join([header, *records[:5], write(header), *records[5:], ""]), encoding="utf-8", newline=""
    )
    result = place.validate_day(DOSSIERS, "2025-08-07")
    assert len({row["dossier_code"] for row in result.accepted}) == 20 and not result.rejected
    [batch] = list_batches(place.settings.landing, DOSSIERS)
    assert any(f"left out: {kind}" in note for note in batch.notes)


@pytest.mark.parametrize(
    ("day", "message"),
    [("2025-08-06", r"items is null \(no records\?\)"), ("2025-08-07", "d holds JSON as text")],
)
def test_what_stands_in_the_place_of_a_list_is_named(tmp_path: Path, day: str, message: str) -> None:
    with pytest.raises(PermanentSourceError, match=message):
        CasePlace("null_list", tmp_path).validate_day("issue_register", day)


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"", "empty"),
        (b"\x00" * 100, "empty"),
        (b"%PDF-1.7", "a PDF"),
        (b"{\\rtf1", "RTF"),
        (b"Rar!\x1a\x07\x00", ".rar"),
        (b"7z\xbc\xaf\x27\x1c", ".7z"),
        (b"\x89PNG\r\n", "picture"),
        (b"\xef\xbb\xbf\r\n<TABLE>", "a web page"),
        ("\ufeff<html>".encode("utf-16-le"), "a web page"),
        (b"<!-- made by hand --><table>", "a web page"),
        (b"From: <x>\r\nMIME-Version: 1.0\r\n", "MHTML"),
        (b"\xff\x00\x02\x00\x04\x04\x05\x54", "Works"),
        (b"PK\x03\x04" + b"\0" * 26 + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", ".ods"),
    ],
)
def test_first_bytes_tell_what_it_is(first: bytes, name: str) -> None:
    assert name in str(find_kind(first))


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b'[{"ma": 1},\n {"ma": 2}]', "format: json"),
        (b'\xef\xbb\xbf{"items": [{"ma": 1}]}', "format: json"),
        (b'{"ma": 1}\n{"ma": 2}\n', "format: ndjson"),
        (b'{"error": "unauthorized"}', "error message of the system"),
    ],
)
@pytest.mark.parametrize("file", ["log_2025-08-06.csv", "tracker_2025-08-06.csv"])
def test_json_under_the_name_of_a_table_is_called_json(
    tmp_path: Path, file: str, content: bytes, advice: str
) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    (place.inbox / file).write_bytes(content)
    source = "dossier_log" if file.startswith("log") else "task_tracker"
    with pytest.raises(PermanentSourceError, match="it is a JSON document, ") as refused:
        place.validate_day(source, "2025-08-06")
    assert advice in str(refused.value)


@pytest.mark.parametrize(("sign", "name"), [("\t", r'a tab \("\\t"\)'), ("|", "'|'"), (";", "';'")])
def test_another_delimiter_is_named(tmp_path: Path, sign: str, name: str) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    file = place.inbox / "log_2025-08-06.csv"
    file.write_text(file.read_text(encoding="utf-8").replace(",", sign), encoding="utf-8")
    with pytest.raises(PermanentSourceError, match=f"one column; is it delimited by {name}"):
        place.validate_day("dossier_log", "2025-08-06")


def test_texts_are_no_foreign_files() -> None:
    assert find_kind(b"ID;Phone;Name\n1;2;3\n") is None and find_kind(b"BM;MZ\n") is None
    assert 'delimiter: ","' in str(describe_text(b"a,b,c\n1,2,3\n"))


@pytest.mark.parametrize("day", ["2025-08-06", "2025-08-08"])
def test_a_fault_below_lines_that_were_left_out_is_named_by_the_line_of_the_file(
    tmp_path: Path, day: str
) -> None:
    place = CasePlace("sep_line", tmp_path)
    file = place.inbox / f"export_{day}.csv"
    lines = file.read_bytes().split(b"\r\n")
    lines[11] += b";one;more"
    file.write_bytes(b"\r\n".join(lines))
    with pytest.raises(PermanentSourceError, match=r"line 12 has \d+ cells"):
        place.validate_day(DOSSIERS, day)


def zip_of(*names: str, content: str = "x") -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return data.getvalue()


def old_workbook() -> bytes:
    data, book = io.BytesIO(), xlwt.Workbook()
    book.add_sheet("a").write(0, 0, "x")
    book.save(data)
    return data.getvalue()


FOREIGN = {
    "a Word document": zip_of("[Content_Types].xml", "word/document.xml"),
    "a binary workbook": zip_of("[Content_Types].xml", "xl/workbook.bin"),
    "an OpenDocument spreadsheet": zip_of(
        "mimetype", content="application/vnd.oasis.opendocument.spreadsheet"
    ),
    "a workbook, .*`format: xlsx`": old_workbook(),
    "a workbook protected by a password": OLE + "EncryptedPackage".encode("utf-16-le") + bytes(200),
    "a web page, .*log-in page": b"<!DOCTYPE html><html><form action='/login'></form></html>",
    "a PDF": b"%PDF-1.7 and more of it",
}


@pytest.mark.parametrize("form", ["csv", "json", "ndjson", "parquet"])
def test_a_foreign_file_has_its_name_in_every_format(tmp_path: Path, form: str) -> None:
    place = CasePlace("native_percent", tmp_path)
    source, folder = make_source(place, form), tmp_path / "dirt"
    folder.mkdir()
    for number, (name, content) in enumerate(FOREIGN.items(), 1):
        day = date(2025, 8, number)
        (folder / f"{day}.{form}").write_bytes(content)
        with pytest.raises(PermanentSourceError, match=f"it is {name}"):
            land_partition(source, day, place.settings, run_id="t")
