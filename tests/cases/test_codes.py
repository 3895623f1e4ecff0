"""A code that changed on its way is another key: it is folded by rule, or named and refused."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from pipelines.settings import Settings
from pipelines.sources.contracts.column import Column
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.values.characters import describe_characters, register_characters
from pipelines.sources.values.codes import fold_code_sql, is_plain_sql, misshapen_sql
from pipelines.sources.values.number_formats import (
    LostDigits,
    NumberCell,
    show_number,
    write_code,
    write_percent,
)
from pipelines.sources.values.parsing import clean_cell_sql
from tests.cases.case_place import CasePlace
from tests.unit.files_support import DAY, landed, put, source

DOSSIERS = "dossier_log"


def test_number_cells_are_the_codes_that_their_format_shows(tmp_path: Path) -> None:
    day = CasePlace("zeros_by_number_format", tmp_path).validate_day(DOSSIERS, "2025-08-06")
    dossiers = {row["dossier_code"]: row for row in day.accepted}
    assert len(dossiers) == 30
    units = [row["receiving_unit_code"] for row in dossiers.values()]
    assert {unit: units.count(unit) for unit in units} == {"00004": 10, "00008": 10, "00025": 10}
    assert {row["procedure_code"] for row in dossiers.values()} == {"1.012790", "1.001270", "2.000001"}


def test_numbers_of_nineteen_digits_are_refused_by_column_and_cause(tmp_path: Path) -> None:
    with pytest.raises(PermanentSourceError, match=r"column 'Số hồ sơ': a number of more than 15 digits"):
        CasePlace("zeros_by_number_format", tmp_path).validate_day(DOSSIERS, "2025-08-07")


@pytest.mark.parametrize("day", ["2025-08-06", "2025-08-07"])
def test_guards_of_spreadsheets_are_no_part_of_a_code(tmp_path: Path, day: str) -> None:
    rows = CasePlace("excel_text_guard", tmp_path).validate_day(DOSSIERS, day).accepted
    assert len({row["dossier_code"] for row in rows}) == 12
    assert {row["receiving_unit_code"] for row in rows} <= {"18001", "18002", "18003"}
    assert {row["procedure_code"] for row in rows} == {"1.012790"}
    assert all(row["dossier_code"].startswith("H42.18-") for row in rows)


def test_a_letter_of_another_script_is_named_and_rejected(tmp_path: Path) -> None:
    place = CasePlace("excel_text_guard", tmp_path)
    place.change_sources("max_rejected_share: 0.02", "max_rejected_share: 0.2")
    place.append_line(
        "export_2025-08-07.csv",
        "13;\u041d42.18-250706-00013;1.012790;18003;Trực tiếp;06/07/2025 04:11:00;06/07/2025 04:41:00;;;;Đang xử lý\r",
    )
    day = place.validate_day(DOSSIERS, "2025-08-07")
    assert {"code_misshapen"} in list(day.rejected.values())
    [value] = (
        duckdb.sql(
            f"select distinct f.bad_value from (select unnest(failures) as f from '{day.report.rejected}')"
        ).fetchone()
        or ()
    )
    assert value == "\u041d42.18-250706-00013 [U+041D CYRILLIC CAPITAL LETTER EN (looks like H)]"


@pytest.mark.parametrize("nothing", ["NULL", "n/a", "—", "--", "#N/A", "(null)", '="N/A"', "\\N", "\u00a0-"])
def test_a_word_for_none_is_no_code_of_a_unit_or_a_dossier(tmp_path: Path, nothing: str) -> None:
    place = CasePlace("excel_text_guard", tmp_path)
    place.change_sources("max_rejected_share: 0.02", "max_rejected_share: 0.5")
    times = "Trực tiếp;06/07/2025 04:11:00;06/07/2025 04:41:00;13/07/2025 04:41:00;;;Đang xử lý\r"
    lines = [f"13;H42.18-250706-00013;{nothing};18003;{times}", f"14;{nothing};1.012790;18003;{times}"]
    for line in [*lines, f"15;H42.18-250706-00015;1.012790;{nothing};{times}"]:
        place.append_line("export_2025-08-07.csv", line)
    day = place.validate_day(DOSSIERS, "2025-08-07")
    assert len({row["dossier_code"] for row in day.accepted}) == 13
    [procedure] = {r["procedure_code"] for r in day.accepted if r["dossier_code"].endswith("00013")}
    assert procedure is None
    assert {rule for rules in day.rejected.values() for rule in rules} == {
        "dossier_code_missing", "receiving_unit_missing",
    }  # fmt: skip


@pytest.mark.parametrize("code", ["18003.0", "18003,0"])
def test_a_code_that_a_program_held_as_a_number_is_refused_for_its_zeros_are_gone(
    tmp_path: Path, code: str
) -> None:
    place = CasePlace("excel_text_guard", tmp_path)
    place.change_sources("max_rejected_share: 0.02", "max_rejected_share: 0.5")
    times = "Trực tiếp;06/07/2025 04:11:00;06/07/2025 04:41:00;13/07/2025 04:41:00;;;Đang xử lý\r"
    place.append_line("export_2025-08-07.csv", f"13;H42.18-250706-00013;1.012790;{code};{times}")
    day = place.validate_day(DOSSIERS, "2025-08-07")
    assert len({row["dossier_code"] for row in day.accepted}) == 12
    assert list(day.rejected.values()) == [{"code_misshapen"}] * 3  # a row per time that the line names


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ('="18001"', "18001"),
        ("=“18001”", "18001"),
        ("'18001", "18001"),
        ("18\u200b001", "18001"),
        ("\ufeff18001\u202f", "18001"),
        ("１８００１", "18001"),
        ("H42\u201118\u00ad-1", "H42-18-1"),
        ("12/QĐ-UBND", "12/QĐ-UBND"),
    ],
)
def test_what_nobody_sees_is_folded(written: str, folded: str) -> None:
    [code] = duckdb.execute(f"select {fold_code_sql('$1::varchar')}", [written]).fetchone() or ()
    assert code == folded


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (4, "00000", "00004"),
        (1.01279, "0.000000", "1.012790"),
        (7, '"H42."000', "H42.007"),
        (123456, "000-000", "123-456"),
        (12, "0.00E+00", None),
    ],
)
def test_a_number_is_written_as_its_cell_shows_it(value: float, number_format: str, text: str | None) -> None:
    assert show_number(NumberCell(value, number_format)) == text


@pytest.mark.parametrize(
    ("number_format", "value", "text"),
    [
        ("0%", 0.72, "72 %"),
        ('0" "%', 0.72, "72 %"),
        ('0"%"', 1, "1 %"),
        ('0"%"', 72, "72 %"),
        ("0\\%", 1, "1 %"),
    ],
)
def test_a_sign_that_a_format_only_shows_multiplies_nothing(
    number_format: str, value: float, text: str
) -> None:
    assert write_percent(NumberCell(value, number_format), ",") == text


@pytest.mark.parametrize("cell", [date(2025, 3, 1), datetime(2025, 3, 1, 8)])
def test_a_date_cell_is_no_code_any_more(cell: date) -> None:
    with pytest.raises(LostDigits, match="a spreadsheet made it of a code"):
        write_code(cell)


def is_misshapen(code: str, shape: str | None = None) -> bool:
    """Whether the key `code`, in a column of this shape, is no code."""
    column = Column(name="code", shape=shape)
    with duckdb.connect() as con:
        register_characters(con)
        sql = misshapen_sql(source(columns=(column,)), column, "$1::varchar")
        [answer] = con.execute(f"select {sql}", [code]).fetchone() or ()
    return bool(answer)


SPOILT_CODES = [
    "4.0", "12,00", "Mar-25", "3-Mar", "01-Mar-2025", "1-Thg3", "Thg3-25", "03/01/2025", "2025-03-01",
]  # fmt: skip


@pytest.mark.parametrize("code", SPOILT_CODES)
def test_what_a_spreadsheet_or_a_program_made_of_a_code_is_none_unless_the_shape_allows_it(code: str) -> None:
    assert is_misshapen(code)
    assert not is_misshapen(code, ".+")


@pytest.mark.parametrize(
    "code", ["NV&#45;001", "NV&#x2D;1", "A&amp;B", "<span>NV-5</span>", "NV-5<br/>", "<b>NV"]
)
def test_letters_and_marks_of_a_web_page_are_no_code_whatever_the_shape(code: str) -> None:
    assert is_misshapen(code) and is_misshapen(code, ".+")


@pytest.mark.parametrize(
    "code",
    ["NV-001", "1.012790", "4.01", "MAR", "DEC-25", "12/QĐ-UBND", "R&D", "A<5", "3-25", "12/05", "20250301"],
)
def test_a_code_that_only_resembles_one_of_these_stays(code: str) -> None:
    assert not is_misshapen(code)


@pytest.mark.parametrize(
    ("codes", "digits"),
    [
        (["1234567890123456800", "1234567890123457000"], 17),
        (["1234567890123450000", "7"], 15),
        (["1234567890123456789", "1234567890123456800"], None),
        (["1234567890123456780"], None),
        (["000000000000000000000"], None),
        (["H42-00000000000000000000"], None),
    ],
)
def test_long_codes_that_all_end_in_zeros_are_told(
    tmp_path: Path, codes: list[str], digits: int | None
) -> None:
    rows = ", ".join(f'{{"Mã": {code if code[0] in "1" else json.dumps(code)}}}' for code in codes)
    settings = Settings(data=tmp_path)
    put(settings, f"{DAY}.json", f"[{rows}]".encode())
    one = source(
        path="{data}/in/{partition}.json", format="json", delimiter=None, encoding=None,
        columns=({"name": "code", "raw": "Mã", "required": True},),
    )  # fmt: skip
    notes = [note for note in landed(settings, one).notes if "nothing but zeros behind" in note]
    assert [f"more than {digits} digits" in note for note in notes] == [True] * (digits is not None)


def test_signs_are_named_by_code_point_and_name() -> None:
    assert describe_characters("Đang xử lý ễ") is None
    assert describe_characters("Ðang") == "U+00D0 LATIN CAPITAL LETTER ETH (looks like Đ)"
    assert describe_characters("a\u200bb") == "U+200B ZERO WIDTH SPACE (not seen)"


def test_a_plain_code_is_clean_and_fits() -> None:
    """Whatever the short cut lets by is what the long way makes of it: the same text, and a code."""
    signs = [
        "0",
        "1",
        "10",
        "2025",
        "7",
        "A",
        "E",
        "N",
        "H41",
        "G1",
        ".",
        "-",
        "/",
        "+",
        " ",
        "e",
        "Jan",
        "é",
        "'",
    ]
    column = Column(name="code")
    place = source(columns=(column,))
    with duckdb.connect() as con:
        register_characters(con)
        con.execute("create table signs as select unnest($1) as sign", [signs])
        con.execute("""create table codes as select distinct concat(a.sign, b.sign, c.sign, d.sign) as code
            from signs as a, (from signs union select '') as b, (from signs union select '') as c,
                (from signs union select '') as d""")
        con.execute(
            f"create table plain as select code from codes where {is_plain_sql(place, column, 'code')}"
        )
        cleaned = clean_cell_sql(place, column, "code")
        [count, others] = con.execute(
            f"select count(*), list(code) filter ({cleaned} is distinct from code or "
            f"coalesce({misshapen_sql(place, column, 'code')}, false)) from plain"
        ).fetchone() or (0, None)
        assert count > 500
        assert others is None
        for code in SPOILT_CODES:
            assert con.execute(f"select {is_plain_sql(place, column, '$1')}", [code]).fetchone() == (False,)
