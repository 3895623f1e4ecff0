"""Files as people export them (docs/domain.md §7), read as text, personal columns left behind."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from pipelines.landing.pull import land_partition
from pipelines.privacy.detectors import REMOVED
from pipelines.settings import Settings
from pipelines.sources.contracts.names import fold_name
from pipelines.sources.errors import NotProvided, PermanentSourceError
from pipelines.sources.relation import today
from tests.unit.files_support import DAY, put, rows, source


def test_csv_with_bom_semicolons_quotes_and_crlf(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", '\ufeffMã;Nội dung;Họ tên\r\n007;"a;b ""c""";Lê Mẫu\r\n'.encode())
    assert rows(settings, source()) == [{"code": "007", "note": 'a;b "c"'}]


def test_a_personal_column_is_never_landed_and_an_unknown_one_is_dropped_and_said(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", "Mã;Nội dung;Họ tên;Cột lạ\n1;a;Lê Mẫu;x\n".encode())
    batch = land_partition(source(), DAY, settings, run_id="t")
    assert pq.read_schema(batch.path).names == ["code", "note"]
    assert any("Cột lạ" in note for note in batch.notes)
    assert not any("Họ tên" in note for note in batch.notes)


def test_a_phone_in_free_text_is_removed_before_it_is_stored(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", "Mã;Nội dung\n1;gọi 0912345678 nhé\n".encode())
    assert rows(settings, source())[0]["note"] == f"gọi {REMOVED} nhé"


def test_a_day_without_a_file_is_not_provided_and_leaves_no_folder(settings: Settings) -> None:
    with pytest.raises(NotProvided):
        land_partition(source(), DAY, settings, run_id="t")
    assert not any(settings.landing.rglob("2025-08-06"))


def test_one_file_for_every_day_is_not_landed_as_the_state_of_a_day_that_is_past(settings: Settings) -> None:
    put(settings, "register.csv", "Mã;Nội dung\n1;x\n".encode())
    one = source(path="{data}/in/register.csv")
    with pytest.raises(NotProvided, match="that day is past"):
        land_partition(one, DAY, settings, run_id="t")
    assert rows(settings, one, today()) == [{"code": "1", "note": "x"}]


def test_a_missing_required_column_is_named_with_the_nearest_header(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", "Mãa;Nội dung\n1;x\n".encode())
    with pytest.raises(PermanentSourceError, match=r"register 2025-08-06.*'code'.*nearest header is 'Mãa'"):
        land_partition(source(), DAY, settings, run_id="t")


def test_wrong_encoding_is_a_clear_error_and_nothing_is_landed(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", b"M\xe3;N\xf2i dung\n1;x\n")
    with pytest.raises(PermanentSourceError, match="register 2025-08-06"):
        land_partition(source(), DAY, settings, run_id="t")
    assert list(settings.landing.rglob("*.parquet")) == []


def test_headers_fold_case_accents_and_spaces() -> None:
    assert fold_name("  Mã  HỒ sơ ") == fold_name("ma ho so") == "mahoso"
    assert fold_name("Đơn vị") == "donvi"


def test_a_phone_glued_to_a_word_or_written_in_groups_is_removed_and_a_timestamp_is_not(
    settings: Settings,
) -> None:
    text = "sđt0912345678, 0912 345 678 lúc 20250801083012"
    put(settings, "2025-08-06.csv", f"Mã;Nội dung\n1;{text}\n".replace(", ", "/ ").encode())
    assert rows(settings, source())[0]["note"] == f"sđt{REMOVED}/ {REMOVED} lúc 20250801083012"
