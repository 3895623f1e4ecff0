"""A column that was there is gone: the pull stops and names the nearest header, whatever the format."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from pipelines.runs.remarks import list_remarks
from pipelines.sources.contracts.names import is_same_name
from pipelines.sources.errors import PermanentSourceError
from tests.cases.case_place import CasePlace

DOSSIERS = "dossier_log"


def rename_header(place: CasePlace, file: str, header: str, to: str) -> None:
    path = place.inbox / file
    content = path.read_text(encoding="utf-8")
    assert header in content.split("\n")[0]
    path.write_text(content.replace(header, to, 1), encoding="utf-8")


def test_eth_in_a_header_is_folded_and_in_a_word_named(tmp_path: Path) -> None:
    place = CasePlace("eth_for_d_stroke", tmp_path)
    clean = place.validate_day(DOSSIERS, "2025-08-05")
    header_only = place.validate_day(DOSSIERS, "2025-08-07")
    assert len(clean.accepted) == len(header_only.accepted) == 220
    assert {row["processing_unit_code"] for row in header_only.accepted} == {"H42.01"}
    one_word = place.validate_day(DOSSIERS, "2025-08-08")
    assert list(one_word.rejected.values()) == [{"status_code_unknown"}]
    # What the last screen of that run says of it, and of a day that nobody delivered.
    days = [date(2025, 8, 8), date(2025, 8, 9)]
    assert list_remarks(place.settings, days, "case") == [
        f"· dossier_log: 1 of {one_word.report.rows_read} rows rejected (status_code_unknown 1; 'Ðã trả kết quả': "
        "U+00D0 LATIN CAPITAL LETTER ETH (looks like Đ)); `thongsuot rejections list --source dossier_log` names them",
        "· dossier_log: no delivery for 2025-08-09; the newest is of 2025-08-08",
    ]
    assert list_remarks(place.settings, days[:1], "another run") == []
    assert place.validate_day(DOSSIERS, "2025-08-06").report.blocked
    advice = [a.text for a in place.examine(DOSSIERS, "2025-08-06").advice if a.about == "status_code"]
    assert any("U+00D0 LATIN CAPITAL LETTER ETH (looks like Đ)" in text for text in advice)


@pytest.mark.parametrize(
    ("renamed", "hint"),
    [
        ("Ngày hẹn trả kết quả", "nearest header is 'Ngày hẹn trả kết quả'"),
        # The Cyrillic letter a, twice.
        ("Ng\u0430y hẹn tr\u0430", "has U\\+0430 CYRILLIC SMALL LETTER A \\(looks like a\\)"),
        ("Ghi chú", "column 'due_at' \\(header 'Ngày hẹn trả'\\) is not there"),
    ],
)
def test_a_named_header_that_is_not_there_stops_the_pull(tmp_path: Path, renamed: str, hint: str) -> None:
    place = CasePlace("eth_for_d_stroke", tmp_path)
    rename_header(place, "export_2025-08-05.csv", "Ngày hẹn trả", renamed)
    seen = place.examine(DOSSIERS, "2025-08-05")
    assert not seen.ok
    with pytest.raises(PermanentSourceError, match=hint):
        place.validate_day(DOSSIERS, "2025-08-05")
    assert not list(place.settings.landing.glob("dossier_log/*/*"))


@pytest.mark.parametrize(
    ("header", "font"),
    [
        # As the tables of TCVN 5712 and of VNI fonts write Số hồ sơ, Mã TTHC, Ngày tiếp nhận.
        ("Sè hå s¬;M· TTHC;Ngµy tiÕp nhËn", "TCVN3"),
        ("Soá hoà sô;Maõ TTHC;Ngaøy tieáp nhaän", "VNI"),
    ],
)
def test_headers_of_fonts_before_unicode_are_called_by_their_name(
    tmp_path: Path, header: str, font: str
) -> None:
    place = CasePlace("eth_for_d_stroke", tmp_path)
    file = place.inbox / "export_2025-08-05.csv"
    file.write_text(f"{header}\n1;2;3\n", encoding="utf-8")
    with pytest.raises(PermanentSourceError, match=f"the headers look written for {font} .*in Unicode"):
        place.validate_day(DOSSIERS, "2025-08-05")
    advice = [a.text for a in place.examine(DOSSIERS, "2025-08-05").advice if a.level == "error"]
    assert any(f"written for {font}" in text for text in advice)


@pytest.mark.parametrize(
    "written", ["Nga\u0300y he\u0323n tra\u0309", "Ngày\u00a0hẹn\u202ftrả", "NGÀY HẸN TRẢ"]
)
def test_what_only_is_written_otherwise_is_the_same_header(tmp_path: Path, written: str) -> None:
    place = CasePlace("eth_for_d_stroke", tmp_path)
    rename_header(place, "export_2025-08-05.csv", "Ngày hẹn trả", written)
    assert all(row["due_at"] for row in place.validate_day(DOSSIERS, "2025-08-05").accepted)


def test_an_optional_column_may_be_absent_until_a_delivery_had_it(tmp_path: Path) -> None:
    place = CasePlace("eth_for_d_stroke", tmp_path)
    place.change_sources(
        "processing_unit_code: Đơn vị xử lý", "processing_unit_code: {raw: Đơn vị xử lý, optional: true}"
    )
    rename_header(place, "export_2025-08-05.csv", "Đơn vị xử lý", "Ghi chú")
    first = place.validate_day(DOSSIERS, "2025-08-05")
    assert {row["processing_unit_code"] for row in first.accepted} == {None}
    place.validate_day(DOSSIERS, "2025-08-07")
    rename_header(place, "export_2025-08-08.csv", "Đơn vị xử lý", "Ghi chú")
    assert not place.examine(DOSSIERS, "2025-08-08").ok
    with pytest.raises(PermanentSourceError, match="is gone; the delivery of 2025-08-07 had it"):
        place.validate_day(DOSSIERS, "2025-08-08")


def test_a_key_that_no_record_of_a_json_delivery_has_stops_it_unless_empty_ones_are_left_out(
    tmp_path: Path,
) -> None:
    place = CasePlace("dotnet_json_times", tmp_path)
    file = place.inbox / "log_2025-08-06.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    records = (
        document if isinstance(document, list) else next(v for v in document.values() if isinstance(v, list))
    )
    raw = {c.name: c.raw for c in place.contracts.sources[DOSSIERS].columns}["due_at"]
    for record in records[1:]:
        record.pop(raw)
    file.write_text(json.dumps(document), encoding="utf-8")
    place.validate_day(DOSSIERS, "2025-08-06")
    records[0].pop(raw)
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(PermanentSourceError, match=r"column 'due_at'.* is not there"):
        place.validate_day(DOSSIERS, "2025-08-06")
    place.change_sources("format: json", "format: json\n    omits_empty: true")
    place.validate_day(DOSSIERS, "2025-08-06")


def test_a_reference_table_does_not_lose_a_column_that_it_had(tmp_path: Path) -> None:
    place = CasePlace("eth_for_d_stroke", tmp_path)
    units = place.inbox / "units.csv"
    header, *lines = units.read_text(encoding="utf-8").splitlines()
    units.write_text(
        "\n".join([f"{header},unit_type", *(f"{line},commune" for line in lines)]), encoding="utf-8"
    )
    place.validate_day(DOSSIERS, "2025-08-05")
    units.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    with pytest.raises(PermanentSourceError, match=r"reference units: column 'unit_type'.* is gone"):
        place.validate_day(DOSSIERS, "2025-08-07")
    # Its names stand in every mart.
    units.write_text(f"{header},unit_type\n18001,X· Kim Liªn,commune,2025-07-01,commune\n", encoding="utf-8")
    with pytest.raises(PermanentSourceError, match=r"reference units, row 1: unit_name .* wrongly encoded"):
        place.validate_day(DOSSIERS, "2025-08-07")


def test_a_nested_key_that_is_null_throughout_is_there(tmp_path: Path) -> None:
    place = CasePlace("dotnet_json_times", tmp_path)
    file = place.inbox / "log_2025-08-06.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    for record in document["items"]:
        record["ngay"] = {"ketThuc": None} if record.pop("ngayKetThuc") is None else None
    file.write_text(json.dumps(document), encoding="utf-8")
    place.change_sources("ngayKetThuc", "ngay.ketThuc")
    place.validate_day(DOSSIERS, "2025-08-06")
    for record in document["items"]:
        record["ngay"] = {}
    file.write_text(json.dumps(document), encoding="utf-8")
    other = CasePlace("dotnet_json_times", tmp_path / "other")
    other.change_sources("ngayKetThuc", "ngay.ketThuc")
    (other.inbox / "log_2025-08-06.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(PermanentSourceError, match=r"'ngay\.ketThuc'\) is not there"):
        other.validate_day(DOSSIERS, "2025-08-06")


@pytest.mark.parametrize(
    ("header", "name", "is_same"),
    [
        ("Tiến độ", "Tiến độ", True),
        ("TIẾN  ĐỘ", "Tiến độ", True),
        ("Tien do", "Tiến độ", True),
        ("tien_do", "Tiến độ", True),
        ("Tiến độ", "tienDo", True),
        ("TiếnĐộ", "Tiến độ", True),
        ("Mã hoà giải", "Mã hòa giải", True),
        ("Tiền đô", "Tiến độ", False),
        ("Tiên đo", "Tiến độ", False),
        ("Hàn", "Hạn", False),
        ("Hạn trá", "Hạn trả", False),
    ],
)
def test_a_header_that_differs_in_its_tones_is_another_word(header: str, name: str, is_same: bool) -> None:
    assert is_same_name(header, name) is is_same


def test_a_column_of_dollars_is_no_progress(tmp_path: Path) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    place.change_sources("progress: tien_do", "progress: Tiến độ")
    file = place.inbox / "tracker_2025-08-06.csv"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("tien_do", "Tiền đô"), encoding="utf-8")
    with pytest.raises(PermanentSourceError, match=r"column 'progress'.*is not there.*'Tiền đô'"):
        place.validate_day("task_tracker", "2025-08-06")
    file.write_text(text.replace("tien_do", "TIẾN ĐỘ"), encoding="utf-8")
    assert [row["progress"] for row in place.validate_day("task_tracker", "2025-08-06").accepted] == [100, 50]
