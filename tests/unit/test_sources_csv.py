"""CSV and TSV as they arrive (docs/domain.md §7): encodings, compression, quotes, and every way to be broken."""

from __future__ import annotations

import csv
import gzip
import io
import unicodedata
from collections.abc import Callable
from datetime import date

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as cases
from hypothesis import strategies as st

from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.files import connector as files
from pipelines.sources.files.formats.csv_lines import may_hold_other_lines
from pipelines.sources.files.unpacking import list_members
from tests.unit.files_support import DAY, READ, TEXT, landed, pairs, put, source


def cp1258(text: str) -> bytes:
    """It has letters like ê and ơ, and the tones as marks of their own."""

    def letter(composed: str) -> bytes:
        marks = unicodedata.normalize("NFD", composed)
        tone = "".join(m for m in marks if m in "\u0300\u0301\u0303\u0309\u0323")
        base = unicodedata.normalize("NFC", "".join(m for m in marks if m not in tone))
        return (base + tone).encode("cp1258")

    return b"".join(map(letter, text))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1258"])
def test_every_configured_encoding_gives_the_same_rows_in_nfc(settings: Settings, encoding: str) -> None:
    put(settings, "2025-08-06.csv", cp1258(TEXT) if encoding == "cp1258" else TEXT.encode(encoding))
    assert pairs(settings, source(encoding=encoding)) == READ


@pytest.mark.parametrize(
    ("written", "configured", "hint"),
    [
        ("utf-16", "utf-8", "encoding: utf-16"),
        ("utf-16-le", "utf-8", "encoding: utf-16-le"),
        ("utf-16-be", "utf-16", "encoding: utf-16-be"),
        ("utf-8", "cp1258", "encoding: utf-8"),
        ("utf-8-sig", "windows-1252", "encoding: utf-8"),
        ("utf-8", "utf-16", "encoding: utf-8"),
        ("utf-8", "utf-16-le", "encoding: utf-8"),
    ],
)
def test_a_wrong_encoding_is_refused_and_the_right_one_suggested(
    settings: Settings, written: str, configured: str, hint: str
) -> None:
    put(settings, "2025-08-06.csv", TEXT.encode(written))
    with pytest.raises(PermanentSourceError, match=f"register 2025-08-06: 2025-08-06.csv .*{hint}"):
        landed(settings, source(encoding=configured))
    assert not list(settings.landing.rglob("*.parquet"))


def test_cp1258_and_tcvn3_in_a_file_said_to_be_utf8_are_told_apart(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", cp1258("Ma;Noi dung\n1;Nghệ An được công bố\n"))
    plain = source(columns=({"name": "code", "raw": "Ma"}, {"name": "note", "raw": "Noi dung"}))
    with pytest.raises(PermanentSourceError, match="looks like cp1258"):
        landed(settings, plain)
    put(settings, "2025-08-06.csv", b"Ma;Noi dung\n1;x\xb7 H\xb5 T\xb8 ng\xb6\n")
    with pytest.raises(PermanentSourceError, match="TCVN3"):
        landed(settings, plain)


def test_an_unknown_encoding_is_said_with_the_nearest_one(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", TEXT.encode())
    with pytest.raises(PermanentSourceError, match=r"`encoding: utf-l6`.*did you mean `utf-16"):
        landed(settings, source(encoding="utf-l6"))


def test_bytes_that_are_no_utf8_far_below_are_told_by_their_line(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", "Mã;Nội dung\n".encode() + b"1;abc\n" * 400_000 + b"2;\xe3\n")
    with pytest.raises(PermanentSourceError, match=r"line 400002 is not utf-8"):
        landed(settings, source())


def test_non_breaking_and_trailing_blanks_are_trimmed_and_letters_composed(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", "Mã;Nội dung\n 1\u00a0;Nghê\u0323 An\t\n2; \n".encode())
    assert pairs(settings, source()) == [("1", "Nghệ An"), ("2", None)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_and_quoted_line_breaks(settings: Settings, end: str) -> None:
    put(settings, "2025-08-06.csv", end.join(["Mã;Nội dung", '1;"a\nb"', '2;"c;""d"""', ""]).encode())
    assert pairs(settings, source()) == [("1", "a\nb"), ("2", 'c;"d"')]


def test_records_that_all_end_with_a_delimiter_are_one_exporters_way(settings: Settings) -> None:
    put(
        settings, "2025-08-06.csv", TEXT.replace("An\n", "An;\n").replace("Vinh\n", "Vinh;\n3;Hà;\n").encode()
    )
    assert pairs(settings, source()) == [*READ, ("3", "Hà")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_shifted_record_is_told_below_a_title_and_in_other_encodings(
    settings: Settings, encoding: str
) -> None:
    text = 'sep=;\nMã;Nội dung;Ghi chú\n1;"a;b;";c\n2;d; e;\n3;f;\n'
    put(settings, "2025-08-06.csv", text.encode(encoding))
    with pytest.raises(
        PermanentSourceError, match=r"line 4 has 4 cells, the last one empty; the header has 3"
    ):
        landed(settings, source(encoding=encoding))


WIDE = "Mã;Nội dung;Hạn;Kết quả"


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['1;"Đề án;a;b', "2;giữa;a;b", '3;sau";a;b'], "line 4 .* closes it stands on line 6"),
        (['1;"Đề án;a;b', '2;sau";a;b'], "line 4 .* line 5"),
        (['1;x;a;"b', '2;y;a;b"'], "line 4 .* line 5"),
        (['"1;x;;', '2";y;;'], "line 4 .* line 5"),
    ],
)
def test_records_between_two_stray_quotes_are_not_one_text(
    settings: Settings, lines: list[str], message: str, pack: Callable[[bytes], bytes]
) -> None:
    """A text that begins with a quote, and another that ends with one: the width is right all the same."""
    text = "\n".join([WIDE, '0;"hai\ndòng";a;b', *lines, "9;x;a;b", ""])
    put(settings, "2025-08-06.csv", pack(text.encode()))
    with pytest.raises(PermanentSourceError, match=message):
        landed(settings, source())


@pytest.mark.parametrize("sign", [";", ","])
def test_a_text_of_several_lines_with_delimiters_is_a_text(settings: Settings, sign: str) -> None:
    text = f"Rà soát{sign} tổng hợp{sign} trình\nbáo cáo{sign} lưu\nhết"
    line = sign.join(["1", f'"{text}"', "a", "b"])
    put(settings, "2025-08-06.csv", f"{WIDE.replace(';', sign)}\n{line}\n".encode())
    assert pairs(settings, source(delimiter=sign)) == [("1", text)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
@pytest.mark.parametrize(
    "header", ["Mã;Nội dung;Kết quả;Hạn", "Nội dung;Mã;Hạn;Kết quả", '"Kết quả";HẠN;Nội  dung;Mã số']
)
def test_joined_exports_with_columns_in_another_order_are_refused_by_the_line(
    settings: Settings, header: str, pack: Callable[[bytes], bytes]
) -> None:
    """Read on below the first header, dates would be exchanged."""
    columns = (
        {"name": "code", "raw": "Mã", "required": True},
        {"name": "note", "raw": "Nội dung"},
        {"name": "due", "raw": "Hạn"},
        {"name": "result", "raw": "Kết quả"},
    )
    text = "\n".join([WIDE, "1;x;a;b", header, "2;y;b;a", ""])
    put(settings, "2025-08-06.csv", pack(text.encode()))
    with pytest.raises(PermanentSourceError, match="another table begins on line 3"):
        landed(settings, source(columns=columns))


@pytest.mark.parametrize("sign", [";", "\t"])
@pytest.mark.parametrize(
    "total",
    ["Tổng cộng", f"{80 * ' '}Tổng cộng", '"Tổng cộng"', '"  Cộng: "', "Tổng số", "Trong đó:",
     "\u00a0Tổng cộng", '"\u3000 \u2003Tổng số"',
     f"{40 * chr(0xA0)}Cộng"],
)  # fmt: skip
def test_a_total_is_left_out_however_its_cell_begins(settings: Settings, total: str, sign: str) -> None:
    header, first, second = TEXT.replace(";", sign).splitlines()
    text = "\n".join([header, first, f"{sign}{total}", second, ""])
    put(settings, "2025-08-06.csv", text.encode())
    assert pairs(settings, source(delimiter=sign)) == READ
    assert landed(settings, source(delimiter=sign)).notes == (
        "lines that are no records, left out: 1 total lines",
    )


def test_a_word_of_a_total_within_a_text_costs_no_second_reading(settings: Settings) -> None:
    text = 'Mã;Nội dung\n1;Tổ công nghệ số cộng đồng\n2;"Báo cáo ""tổng số"", total"\n3;Ghi: tổng số\n'
    file = put(settings, "2025-08-06.csv", text.encode())
    [member] = list_members(file, source())
    assert not may_hold_other_lines(member, ["Mã", "Nội dung"], ";")
    assert [code for code, _ in pairs(settings, source())] == ["1", "2", "3"]


def test_a_tab_separated_file_needs_no_delimiter(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", TEXT.replace(";", "\t").encode())
    assert pairs(settings, source(format="tsv", delimiter=None)) == READ


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("1;a;b\n2;c\n", r"line 2 has 3 cells, the header has 2"),
        ("1;a\n2\n3;b\n", r"line 3 has 1 cells, the header has 2"),
        # DuckDB reads past an empty cell behind the last column: `b; c` would be `b`.
        ("1;a\n2;b;\n3;c\n", r"line 3 has 3 cells, the last one empty; the header has 2"),
        ('1;"a\nx"\n2;b;""\n3;c\n', r"line 4 has 3 cells, the last one empty"),
        ("1;b;\n", r"line 2 has 3 cells, the last one empty"),
        ("1;b;\n2;c;\n3;d;\n4;e\n", r"line 2 has 3 cells, the last one empty"),
        ("1;a\n2", r"the last line \(3\) is cut short: 1 cells"),
        ('1;a\n2;"b', r"line 3 has a quote that is not closed"),
        ('1;"a"b\n2;c\n', r"line 2 has a quote that is not closed, or text after"),
        ("1;a\r\n2;b\n", r"line 2 ends otherwise|line 3 ends otherwise"),
        ("1;" + "x" * 3_000_000 + "\n", r"line 2 is longer than `limits.line_mb`"),
    ],
)
def test_a_broken_record_stops_the_file_and_is_named_by_its_line(
    settings: Settings, body: str, message: str
) -> None:
    put(settings, "2025-08-06.csv", ("Mã;Nội dung\n" + body).encode())
    with pytest.raises(PermanentSourceError, match=message) as error:
        landed(settings, source())
    assert "register 2025-08-06: 2025-08-06.csv" in str(error.value)
    assert not list(settings.landing.rglob("*.parquet"))


def test_an_error_never_repeats_the_line_which_may_hold_a_name(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", "Mã;Nội dung\n1;Lê Mẫu;0912345678\n".encode())
    with pytest.raises(PermanentSourceError) as error:
        landed(settings, source())
    assert "Lê Mẫu" not in str(error.value) and "0912345678" not in str(error.value)


def test_a_last_line_without_an_end_is_read_and_said(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", TEXT.rstrip("\n").encode())
    assert any("last line has no line end" in note for note in landed(settings, source()).notes)
    assert pairs(settings, source()) == READ


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"\n\n", "first line is blank"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"PK\x03\x04\x00\x00\x00\x00", "not a readable ZIP"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is a workbook"),
        ("Mã,Nội dung\n1,x\n".encode(), "is it delimited by ','"),
    ],
)
def test_a_file_of_another_kind_is_told_what_it_is(settings: Settings, content: bytes, message: str) -> None:
    put(settings, "2025-08-06.csv", content)
    with pytest.raises(PermanentSourceError, match=message):
        landed(settings, source())


def test_a_header_alone_is_an_empty_batch(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", "Mã;Nội dung\n".encode())
    assert landed(settings, source()).rows == 0


def test_a_mapped_header_that_stands_there_twice_is_refused(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", "Mã;Nội dung;Mã\n1;x;2\n".encode())
    with pytest.raises(PermanentSourceError, match="'Mã', 'Mã' read alike"):
        landed(settings, source())


# --- properties -----------------------------------------------------------------------------------
PROPERTY = cases(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


CELL = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(' ;"\n\u00a0\u0301'), max_size=8
)


def expected(cell: str) -> str | None:
    """What docs/domain.md §7 asks: NFC, blanks (also non-breaking) trimmed, nothing left is nothing."""
    return unicodedata.normalize("NFC", cell).replace("\u00a0", " ").strip(" \t") or None


def collected(settings: Settings, one: Source, day: date = DAY) -> list[tuple]:
    with duckdb.connect() as con, files.pull(one, day, settings, con) as relation:
        return con.execute(f"select {', '.join(relation.columns.values())} from {relation.sql}").fetchall()


@PROPERTY
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8), st.sampled_from(["utf-8", "utf-16"]))
def test_whatever_is_written_is_read(settings: Settings, records: list, encoding: str) -> None:
    """But for records without a text, which spreadsheets leave below a table."""
    text = io.StringIO()
    written = csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n")
    written.writerows([("Mã", "Nội dung"), *records])
    put(settings, "2025-08-06.csv", text.getvalue().encode(encoding))
    read = collected(settings, source(encoding=encoding))
    texts = [tuple(map(expected, row)) for row in records]
    assert list(filter(any, read)) == list(filter(any, texts))


@PROPERTY
@given(
    st.lists(st.tuples(st.integers(0, 99).map(str), st.sampled_from("abc")), min_size=1, max_size=9),
    st.integers(1, 4),
)
def test_any_splitting_into_files_gives_the_same_rows(settings: Settings, records: list, parts: int) -> None:
    for old in (settings.data / "in").glob("*"):
        old.unlink()
    for number in range(parts):
        lines = "".join(f"{code};{note}\n" for code, note in records[number::parts])
        put(
            settings,
            f"2025-08-06-{number}.csv",
            f"Mã;Nội dung;Phần {number}\n".encode() + lines.replace("\n", f";{number}\n").encode(),
        )
    assert sorted(collected(settings, source(path="{data}/in/{partition}*.csv"))) == sorted(records)


@PROPERTY
@given(st.binary(max_size=300), st.sampled_from(["utf-8", "utf-16", "cp1258"]))
def test_random_bytes_are_read_or_refused_and_never_crash(
    settings: Settings, content: bytes, encoding: str
) -> None:
    put(settings, "2025-08-06.csv", b"code;note\n" * (len(content) % 2) + content)
    try:
        collected(settings, source(encoding=encoding))
    except SourceError as error:
        assert "register 2025-08-06" in str(error)
