"""Landed text → typed value: every format of docs/domain.md §2 and §7, and what must not be guessed."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.quality.typing import select_typed
from pipelines.settings import PROJECT
from pipelines.sources.contracts.contract import Source
from pipelines.sources.values.characters import register_characters
from pipelines.sources.values.misread_letters import MISREAD
from pipelines.sources.values.placeholders import FIRST_DAYS, LAST_DAYS

FORMATS = ["%Y%m%d%H%M%S", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M"]


def source(column: dict[str, Any], **options: Any) -> Source:
    return Source.model_validate(
        {
            "name": "log",
            "title_vi": "",
            "connector": "files",
            "grain": "row",
            "key": [],
            "partitioning": "snapshot_day",
            "path": "x.csv",
            "format": "csv",
            "datetime_formats": FORMATS,
            "max_rejected_share": 0,
            "suite": "x.json",
            "columns": [{"name": "c", **column}],
            **options,
        }
    )


def typed(
    column: dict[str, Any], *texts: str | None, zone: str = "Asia/Ho_Chi_Minh", **options: Any
) -> list[dict[str, Any]]:
    """The typed rows of one column `c`, in the order of `texts`."""
    con = duckdb.connect()
    con.execute(f"set TimeZone = '{zone}'")
    con.execute("create table landed (_key bigint, _batch bigint, _row bigint, c varchar)")
    con.executemany("insert into landed values (?, 0, ?, ?)", [[i, i + 1, t] for i, t in enumerate(texts)])
    rows = con.execute(f"{select_typed(source(column, **options), 'landed', ['c'])} order by _key")
    names = [d[0] for d in rows.description]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def value(column: dict[str, Any], text: str | None, **options: Any) -> Any:
    return typed(column, text, **options)[0]["c"]


AFTERNOON = datetime(2025, 8, 6, 16, 0)


@pytest.mark.parametrize(
    "text",
    [
        "20250806160000",
        "2025-08-06 16:00:00",
        "06/08/2025 16:00:00",
        "06/08/2025 16:00",
        "6/8/2025 16:00",
        " 06/08/2025 16:00\t",
        "\u00a020250806160000\u00a0",
        "\ufeff20250806160000\r\n",
        "06/08/2025\u00a016:00",
    ],
)
def test_a_time_is_read_in_any_of_the_declared_formats(text: str) -> None:
    assert value({"type": "timestamp"}, text) == AFTERNOON


@pytest.mark.parametrize(
    "text",
    [
        "31/02/2025 10:00",  # no such day
        "08/22/2025 16:00",  # month first: never inferred
        "2025080616000",  # a digit short
        "20250806",  # a day is no time
        "06/08/25 16:00",  # the year 25
        "0225-08-06 16:00:00",
        "hôm qua",
        "45875.6667",  # an Excel serial as text
    ],
)
def test_a_text_that_is_no_declared_time_is_kept_beside_an_empty_value(text: str) -> None:
    [row] = typed({"type": "timestamp"}, text)
    assert (row["c"], row["c__raw"]) == (None, text)


def test_nothing_given_is_neither_a_value_nor_an_unreadable_one() -> None:
    for row in typed({"type": "timestamp"}, None, "", "   ", "\u00a0"):
        assert (row["c"], row["c__raw"]) == (None, None)


ISO = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S"]


# On every day of the year one of the last two has daylight saving.
@pytest.mark.parametrize("zone", ["Asia/Ho_Chi_Minh", "UTC", "Europe/Berlin", "Pacific/Auckland"])
@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("2025-08-06T16:00:00+07:00", AFTERNOON),
        ("2025-08-06T16:00:00+0700", AFTERNOON),
        ("2025-08-06T09:00:00Z", AFTERNOON),
        ("2025-08-06T09:00:00+00:00", AFTERNOON),
        ("2025-08-05T18:30:00Z", datetime(2025, 8, 6, 1, 30)),  # already tomorrow in Vietnam
        ("2025-08-06T16:00:00", AFTERNOON),  # without a zone: the source's own
    ],
)
def test_zoned_times_become_local_time_whatever_the_session_zone(
    text: str, local: datetime, zone: str
) -> None:
    assert value({"type": "timestamp"}, text, zone=zone, datetime_formats=ISO) == local


def test_a_zoneless_time_is_utc_where_the_contract_says_so() -> None:
    options = {"datetime_formats": ISO, "timezone": "UTC"}
    assert value({"type": "timestamp"}, "2025-08-06T09:00:00", **options) == AFTERNOON


def test_a_foreign_zone_is_followed_across_its_change_of_clocks() -> None:
    # Amsterdam is at UTC+1 before 30/03/2025 02:00 and at UTC+2 after it.
    options = {"datetime_formats": ["%Y-%m-%d %H:%M:%S"], "timezone": "Europe/Amsterdam"}
    before, after = typed({"type": "timestamp"}, "2025-03-30 01:30:00", "2025-03-30 03:30:00", **options)
    assert (before["c"], after["c"]) == (datetime(2025, 3, 30, 7, 30), datetime(2025, 3, 30, 8, 30))


@pytest.mark.parametrize("text", ["06/08/2025", "2025-08-06", "6/8/2025", "\u00a006/08/2025 "])
def test_a_day_is_read_day_first_or_iso(text: str) -> None:
    assert value({"type": "date"}, text) == date(2025, 8, 6)


def test_a_native_date_cell_lands_with_its_midnight_and_is_a_day() -> None:
    formats = ["%d/%m/%Y", "%Y-%m-%d %H:%M:%S"]
    assert value({"type": "date"}, "2025-08-06 00:00:00", date_formats=formats) == date(2025, 8, 6)


@pytest.mark.parametrize(
    ("text", "percent"),
    [("72%", 72), ("72 %", 72), ("72,35%", 72), ("72,5%", 73), ("0%", 0), ("100%", 100), ("72", 72)],
)
def test_a_percentage_is_whole_per_cent(text: str, percent: int) -> None:
    assert value({"type": "percent"}, text) == percent


@pytest.mark.parametrize("text", ["0.72", "0,72", "72.35%", "bảy mươi", "%", "7 2%"])
def test_a_percentage_is_not_guessed_at(text: str) -> None:
    [row] = typed({"type": "percent"}, text)
    assert (row["c"], row["c__raw"]) == (None, text)


@pytest.mark.parametrize(
    ("texts", "whole", "fraction", "unsaid"),
    [
        (["1", "0", "1"], [1, 0, 1], [100, 0, 100], [None, 0, None]),
        (["1", "0,72", "0,5"], [1, 1, 1], [100, 72, 50], [None, None, None]),
        (["1", "72", "100"], [1, 72, 100], [100, 7200, 10000], [1, 72, 100]),
        (["1", "0,72", "72"], [1, 1, 72], [100, 72, 7200], [None, None, None]),
        (["1", "1,2"], [1, 1], [100, 120], [None, None]),
        (["1", "72%", "0,72"], [1, 72, 1], [100, 72, 72], [None, 72, None]),
    ],
)
def test_the_scale_of_per_cents_is_what_the_column_says_and_never_follows_from_a_value(
    texts: list[str], whole: list[int], fraction: list[int], unsaid: list[int | None]
) -> None:
    for scale, expected in (("whole", whole), ("fraction", fraction), (None, unsaid)):
        rows = typed({"type": "percent", "percent_scale": scale}, *texts)
        assert [row["c"] for row in rows] == expected


@pytest.mark.parametrize(
    ("text", "number_format", "number"),
    [
        ("17,36", "vi", 17.36), ("1.234,5", "vi", 1234.5), ("20", "vi", 20.0), ("-0,5", "vi", -0.5),
        ("1.234", "vi", 1234.0),
        ("17.36", "en", 17.36), ("1,234.5", "en", 1234.5), ("1.234", "en", 1.234), ("17.36", "vi", None),
        ("1,2,3", "vi", None), ("1e3", "en", None), ("17,36 điểm", "vi", None), ("nan", "en", None), (",5", "vi", None),
    ],
)  # fmt: skip
def test_a_decimal_is_read_by_the_marks_of_its_source_alone(
    text: str, number_format: str, number: float | None
) -> None:
    assert value({"type": "decimal"}, text, number_format=number_format) == number


@pytest.mark.parametrize(
    ("text", "number"), [("1.234", 1234), ("1.234.567", 1234567), ("310903", 310903), ("-5", -5), ("007", 7)]
)
def test_a_point_groups_thousands_in_vietnamese_numbers(text: str, number: int) -> None:
    assert value({"type": "bigint"}, text) == number


@pytest.mark.parametrize("text", ["1.5", "1,5", "12.34", "1.23.456", "1e3", "0x1f", "1_000", "1 234", "—"])
def test_what_is_no_whole_number_is_not_rounded_to_one(text: str) -> None:
    [row] = typed({"type": "integer"}, text)
    assert (row["c"], row["c__raw"]) == (None, text)


def test_a_comma_groups_thousands_where_the_contract_says_so() -> None:
    first, second = typed({"type": "integer"}, "1,234", "1.234", number_format="en")
    assert (first["c"], second["c"], second["c__raw"]) == (1234, None, "1.234")


def test_a_number_too_large_for_its_type_is_kept_beside_an_empty_value() -> None:
    [row] = typed({"type": "integer"}, "99999999999")
    assert (row["c"], row["c__raw"]) == (None, "99999999999")


CHANNEL = {"value_map": {"1": "in_person", "2": "online", "3": "postal"}, "default": "in_person"}


def test_the_words_of_the_source_become_canonical_ones() -> None:
    assert [r["c"] for r in typed(CHANNEL, "1", " 2 ", "3")] == ["in_person", "online", "postal"]


def test_no_channel_counts_as_in_person() -> None:
    # docs/domain.md §2: null counts as in person.
    assert [(r["c"], r["c__raw"]) for r in typed(CHANNEL, None, "")] == [("in_person", None)] * 2


def test_an_unmapped_word_is_neither_passed_on_nor_given_the_default() -> None:
    [row] = typed(CHANNEL, "9")
    assert (row["c"], row["c__raw"]) == (None, "9")


def test_a_mapped_word_may_be_decomposed_or_hold_a_hard_blank() -> None:
    words = {"value_map": {"Hoàn thành": "done"}}
    decomposed = unicodedata.normalize("NFD", "Hoàn thành")
    assert [r["c"] for r in typed(words, decomposed, "Hoàn\u00a0thành")] == ["done", "done"]


def test_words_for_nothing_are_the_sources_own() -> None:
    rows = typed({"type": "integer"}, "-", "không", "0", null_values=["", "-", "không"])
    assert [(r["c"], r["c__raw"]) for r in rows] == [(None, None), (None, None), (0, None)]


def test_text_is_composed_and_trimmed_but_otherwise_as_it_came() -> None:
    decomposed = unicodedata.normalize("NFD", "  Nghệ An\u00a0")
    assert value({}, decomposed) == "Nghệ An"
    assert value({}, "Hòa  Hoà") == "Hòa  Hoà"


def test_a_truth_is_read_through_its_map() -> None:
    flag = {"type": "boolean", "value_map": {"0": "false", "1": "true"}}
    assert [(r["c"], r["c__raw"]) for r in typed(flag, "0", "1", "2", None)] == [
        (False, None),
        (True, None),
        (None, "2"),
        (None, None),
    ]


def test_an_optional_column_that_the_batch_lacks_is_null_or_its_default() -> None:
    con = duckdb.connect()
    con.execute("create table landed as select 0 as _key, 0 as _batch, 1 as _row")
    for column, expected in (({}, None), (CHANNEL, "in_person")):
        sql = select_typed(source(column), "landed", [])
        assert con.execute(f"select c from ({sql})").fetchall() == [(expected,)]


@pytest.mark.parametrize(
    "text",
    [
        "Nghá»‡ An",  # UTF-8 read as cp1252
        "Há»™ tá»‹ch",
        "xÃ£ Thành Vinh",
        "Ä‘Äƒng kÃ½",
        "thủ tục kh\ufffdc",
        # Fonts of TCVN 5712, by its table of codes.
        "Hoµ B×nh",
        "UBND x· Kim Liªn",
        "§¨ng ký khai sinh",
        "Rµ so¸t thñ tôc hµnh chÝnh",
        "Céng hßa x· héi chñ nghÜa ViÖt Nam",
        # VNI fonts.
        "Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam",
        "Sôû Taøi chính",
        "Nguyeãn Vaên Bình",
        "ñaêng kyù khai sinh",
        # A column of one-byte letters on the way.
        "Th? t?c hành chính",
        "UBND phư?ng Tr??ng Thi",
    ],
)
def test_wrongly_decoded_text_is_detected(text: str) -> None:
    assert typed({}, text)[0]["texts__mojibake"] == text


@pytest.mark.parametrize(
    "text",
    [
        "Nghệ An",
        "ĐĂNG KÝ KHAI SINH, KHAI TỬ",
        "Cấp “giấy chứng nhận” – lần 2…",
        "Ấp Ẵm ẫm ÃÂÊ",
        "diện tích 5 µm · 3 km²",
        "café, naïve, Ærø, Citroën, Müller, Español, août",
        "Có cần nộp bản sao không? Vì sao?",
        "https://dichvucong.gov.vn/tra-cuu?ma=1&loai=2 xem",
        "Microsoft® Windows, 5m×4m, §5, A · B, 20°C, 1ª",
        "khoẻ, hoãn, tuân thủ, quê, thuê, xoong, oằn, loay hoay, quỳ, uỷ",
    ],
)
def test_rightly_decoded_text_is_not(text: str) -> None:
    assert typed({}, text)[0]["texts__mojibake"] is None


def test_no_name_of_the_reference_tables_looks_misread() -> None:
    con = duckdb.connect()
    for table in sorted((PROJECT / "reference").glob("*.csv")):
        texts = table.read_text(encoding="utf-8")
        con.execute(
            "create or replace table lines as select unnest(string_split(?, chr(10))) as line", [texts]
        )
        assert con.execute("from lines where regexp_matches(line, ?)", [MISREAD]).fetchall() == []


TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["1", "2,5%", "20250806160000"])))


@settings(max_examples=25, deadline=None)
@given(
    texts=TEXTS,
    kind=st.sampled_from(["timestamp", "date", "percent", "integer", "bigint", "decimal", "boolean"]),
)
def test_whatever_is_landed_every_row_stays_with_a_value_or_its_text(
    texts: list[str | None], kind: str
) -> None:
    storable = [
        None if t is None else t.replace("\x00", "").encode("utf-8", "ignore").decode() for t in texts
    ]
    rows = typed({"type": kind}, *storable) if storable else []
    assert len(rows) == len(storable)
    for text, row in zip(storable, rows, strict=True):
        if text is not None and text.strip(" \t\n\r\u00a0\u200b\ufeff"):
            assert (row["c"] is None) == (row["c__raw"] is not None)


@pytest.mark.parametrize("day", [*FIRST_DAYS, *LAST_DAYS])
def test_a_day_that_stands_for_none_is_seen_on_either_side_of_the_usual_ones(day: str) -> None:
    if len(day) == len("1970-01-01") and not day.startswith("0"):
        [row] = typed({"type": "timestamp"}, f"{day} 00:00:00")
        assert (row["c"], row["c__placeholder"]) == (None, f"{day} 00:00:00")


@pytest.mark.parametrize("text", ["2001-01-01 00:00:01", "2001-01-02 00:00:00", "2038-01-18 23:59:59"])
def test_the_first_and_the_last_usual_moments_are_values(text: str) -> None:
    [row] = typed({"type": "timestamp"}, text)
    assert (row["c"], row["c__placeholder"]) == (datetime.fromisoformat(text), None)


def test_a_place_may_call_a_usual_day_a_placeholder() -> None:
    own = {"placeholder_dates": ["2010-05-05"]}
    assert value({"type": "timestamp"}, "2010-05-05 08:00:00", **own) is None
    assert value({"type": "timestamp"}, "2010-05-06 08:00:00", **own) == datetime(2010, 5, 6, 8)
    assert value({"type": "timestamp"}, "1970-01-01 08:00:00", **own) is None


@pytest.mark.parametrize("column", [{}, {"type": "timestamp"}, {"name": "c_code"}])
def test_a_place_may_name_many_words_for_nothing(column: dict[str, Any]) -> None:
    """Each word used to write the column's SQL out twice: twenty were a million copies, and validation never ended."""
    words = [f"không {n}" for n in range(20)]
    name = column.get("name", "c")
    one = source({"name": name, **column}, null_values=["", *words])
    con = duckdb.connect()
    register_characters(con)
    con.execute(f"create table landed as select 0 as _key, 0 as _batch, 1 as _row, 'không 19' as {name}")
    assert con.execute(f"select {name} from ({select_typed(one, 'landed', [name])})").fetchall() == [(None,)]
