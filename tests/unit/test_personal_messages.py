"""What is told of a delivery, and stored with it, repeats no personal data: headers, sheets, names of files."""

from __future__ import annotations

import json

import pytest

from pipelines.examine.advice import Examination
from pipelines.examine.headers import examine_headers
from pipelines.privacy.detectors import REMOVED
from pipelines.settings import Settings
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.mapping import match_headers
from tests.unit.files_support import landed, pairs, put, source, workbook

RECORD = "Nguyễn Văn An;001203004567;an@x.vn;0912345678\nTrần Thị Hoa;038090001234;hoa@x.vn;0987654321\n"


def test_a_file_without_a_line_of_headers_never_repeats_its_first_record(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", RECORD.encode())
    with pytest.raises(
        PermanentSourceError, match="None of the 4 cells of the first line is a header"
    ) as error:
        landed(settings, source())
    for secret in ("Nguyễn", "An", "001203004567", "x.vn", "0912345678"):
        assert secret not in str(error.value)


def test_a_check_of_such_a_file_does_not_list_it_either() -> None:
    one = source()
    seen = Examination(one.name, "2025-08-06")
    examine_headers(seen, one, match_headers(one, RECORD.splitlines()[0].split(";")), {})
    texts = " ".join(f"{advice.about} {advice.text}" for advice in seen.advice)
    assert "none of the 4 cells" in texts
    assert "Nguyễn" not in texts and "0912345678" not in texts


def test_a_header_that_was_renamed_is_still_listed_and_suggested(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", "Mã số;Nội dung\n1;x\n".encode())
    with pytest.raises(PermanentSourceError, match="Headers found: 'Mã số', 'Nội dung'"):
        landed(settings, source())


def test_an_error_that_names_headers_sheets_and_files_names_nobody(settings: Settings) -> None:
    """Whoever raises it: what is told of a source goes by one door."""
    put(settings, "2025-08-06_0987654321.csv", "Mã số;Nội dung;Ông An 0912 345 678\n1;x;y\n".encode())
    with pytest.raises(PermanentSourceError, match="Headers found: 'Mã số', 'Nội dung'") as error:
        landed(settings, source(path="{data}/in/{partition}*.csv"))
    assert REMOVED in str(error.value)
    assert "345" not in str(error.value) and "0987654321" not in str(error.value)
    assert "an@x.vn" not in str(PermanentSourceError("the server says: no such user an@x.vn"))


def test_no_note_and_no_origin_of_a_batch_holds_a_number(settings: Settings) -> None:
    put(
        settings, "2025-08-06_don_0912345678_an@x.vn.csv", "Mã;Nội dung;Ông An 0912 345 678\n1;x;y\n".encode()
    )
    batch = landed(settings, source(path="{data}/in/{partition}*.csv"))
    assert batch.notes == (f"columns not in the contract, dropped: {REMOVED}",)
    assert batch.origin.startswith(REMOVED) and "sha256:" in batch.origin
    stored = batch.sidecar.read_text(encoding="utf-8")
    assert "345" not in json.loads(stored)["origin"].partition(" sha256")[0] and "x.vn" not in stored


def test_a_sheet_that_is_not_read_is_noted_without_the_number_in_its_name(settings: Settings) -> None:
    header = ["STT", "Mã", "Nội dung"]
    workbook(settings, "2025-08-06.xlsx", {"Sổ": [header, [1, "A", "x"]], "An 0912345678": [header]})
    one = source(path="{data}/in/{partition}.xlsx", format="xlsx", delimiter=None, encoding=None)
    notes = " ".join(landed(settings, one).notes)
    assert "sheets not read" in notes and "0912345678" not in notes


def test_ten_thousand_columns_are_counted_not_listed(settings: Settings) -> None:
    names = ";".join(f"cột {n}" for n in range(10_000))
    put(settings, "2025-08-06.csv", f"Mã;Nội dung;{names}\n1;x;{';' * 9_999}\n".encode())
    (note,) = landed(settings, source()).notes
    assert note.endswith("cột 19 and 9980 more") and len(note) < 500


def test_a_key_that_is_a_telephone_does_not_come_to_rest(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", "Mã;Nội dung\n0912.345.678;x\nH41.12-250805-0012;y\n".encode())
    assert pairs(settings, source()) == [(REMOVED, "x"), ("H41.12-250805-0012", "y")]
