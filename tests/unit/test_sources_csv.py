"""CSV and TSV as they arrive (docs/domain.md §7): encodings, compression, quotes, and every way to be broken."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import os
import unicodedata
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as cases
from hypothesis import strategies as st

from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.files import connector as files
from pipelines.sources.files.file_set import read_hashes
from tests.unit.files_support import DAY, landed, pairs, put, rows, source

TEXT = "Mã;Nội dung\n1;Nghệ An\n2;Vinh\n"
READ = [("1", "Nghệ An"), ("2", "Vinh")]


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


def zipped(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def test_a_workbook_read_as_csv_is_told_to_be_one(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", zipped(**{"[Content_Types].xml": "<?xml", "xl/workbook.xml": "<?xml"}))
    with pytest.raises(PermanentSourceError, match=r"it is a workbook, .*set `format: xlsx`"):
        landed(settings, source())


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(TEXT.encode()),
        bz2.compress(TEXT.encode()),
        lzma.compress(TEXT.encode()),
        pa.compress(TEXT.encode(), codec="zstd", asbytes=True),
        zipped(**{"export.csv": TEXT, "__MACOSX/._export.csv": "x"}),
        gzip.compress(TEXT.encode()[:20]) + gzip.compress(TEXT.encode()[20:]),
        bz2.compress(TEXT.encode()[:20]) + bz2.compress(TEXT.encode()[20:]),
        lzma.compress(TEXT.encode()[:20]) + bytes(8) + lzma.compress(TEXT.encode()[20:]) + bytes(4),
    ],
    ids=["gz", "bz2", "xz", "zst", "zip", "gz in two", "bz2 in two", "xz in two"],
)
def test_compressed_files_are_read_by_their_bytes_whatever_their_name(
    settings: Settings, packed: bytes
) -> None:
    put(settings, "2025-08-06.csv", packed)
    assert pairs(settings, source()) == READ


def test_compressed_and_otherwise_encoded_at_once(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", gzip.compress(TEXT.encode("utf-16")))
    assert pairs(settings, source(encoding="utf-16")) == READ


def test_all_members_of_an_archive_make_one_batch_and_each_row_knows_its_file(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", zipped(**{"a.csv": TEXT, "b.csv": "Nội dung;Mã\nHuế;3\n"}))
    one = source(
        columns=(
            {"name": "code", "raw": "Mã", "required": True},
            {"name": "note", "raw": "Nội dung"},
            {"name": "file", "raw": "_file"},
        )
    )
    assert [tuple(r.values()) for r in rows(settings, one)] == [
        ("1", "Nghệ An", "2025-08-06.csv!a.csv"),
        ("2", "Vinh", "2025-08-06.csv!a.csv"),
        ("3", "Huế", "2025-08-06.csv!b.csv"),
    ]


def test_only_the_members_that_fit_are_read(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", zipped(**{"a.csv": TEXT, "doc.txt": "hello"}))
    assert pairs(settings, source(members="*.csv")) == READ
    with pytest.raises(PermanentSourceError, match=r"no member fits `members: \*.xml`; found 'a.csv'"):
        landed(settings, source(members="*.xml"))


@pytest.mark.parametrize("cut", [0.5, 0.95])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_a_compressed_file_cut_short_is_refused(settings: Settings, pack: object, cut: float) -> None:
    lines = "".join(f"{number};{hash(str(number))}\n" for number in range(20_000))
    packed = pack(("Mã;Nội dung\n" + lines).encode())  # type: ignore[operator]
    put(settings, "2025-08-06.csv", packed[: int(len(packed) * cut)])
    with pytest.raises(PermanentSourceError, match=r"cut short|cannot be unpacked"):
        landed(settings, source())
    assert not list(settings.landing.rglob("*.parquet"))


@pytest.mark.parametrize("damage", ["first byte", "middle", "end", "another kind"])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_a_damaged_second_stream_is_refused_and_not_taken_for_the_end(
    settings: Settings, pack: object, damage: str
) -> None:
    """As `cat one.bz2 two.bz2` makes it: the first half is whole, and would pass for the file."""
    half = len(TEXT.encode()) // 2
    first, second = (pack(piece) for piece in (TEXT.encode()[:half], TEXT.encode()[half:]))  # type: ignore[operator]
    middle = len(second) // 2
    second = {
        "first byte": bytes([second[0] ^ 1]) + second[1:],
        "middle": second[:middle] + bytes([second[middle] ^ 255]) + second[middle + 1 :],
        "end": second[:-3],
        "another kind": b"<html>",
    }[damage]
    put(settings, "2025-08-06.csv", first + second)
    with pytest.raises(PermanentSourceError, match=r"cut short|cannot be unpacked"):
        landed(settings, source())


@pytest.mark.parametrize(
    "pack", [gzip.compress, lambda b: zipped(**{"a.csv": b.decode()})], ids=["gz", "zip"]
)
def test_a_bomb_is_stopped_at_its_ratio_and_at_its_size(settings: Settings, pack: object) -> None:
    put(settings, "2025-08-06.csv", pack(b"Ma;b\n" + b"1;aaaaaaaaaaaaaa\n" * 5_000_000))  # type: ignore[operator]
    plain = {"columns": ({"name": "code", "raw": "Ma"},)}
    with pytest.raises(PermanentSourceError, match=r"times its size.*a bomb"):
        landed(settings, source(**plain))
    with pytest.raises(PermanentSourceError, match="10 MiB allowed"):
        landed(settings, source(**plain, limits={"unpacked_mb": 10}))


@pytest.mark.parametrize("name", ["../../etc/passwd.csv", "/etc/x.csv", "C:\\x.csv", "a/../../x.csv"])
def test_a_member_that_points_outside_its_archive_is_hostile(settings: Settings, name: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, TEXT)
    put(settings, "2025-08-06.csv", buffer.getvalue())
    with pytest.raises(PermanentSourceError, match="points outside the archive: hostile"):
        landed(settings, source())


def test_an_archive_in_an_archive_is_not_opened(settings: Settings) -> None:
    inner = zipped(**{"a.csv": TEXT})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inner.zip", inner)
    put(settings, "2025-08-06.csv", buffer.getvalue())
    with pytest.raises(PermanentSourceError, match="compressed once more"):
        landed(settings, source())


def test_several_files_make_one_batch_whose_origin_names_each_with_its_hash(settings: Settings) -> None:
    put(settings, "2025-08-06-b.csv", "Mã;Nội dung\n2;b\n".encode())
    put(settings, "2025-08-06-a.csv", "Mã;Nội dung\n1;a\n".encode())
    put(settings, "2025-08-06-c.csv.part", b"half")
    one = source(path="{data}/in/{partition}*.csv")
    batch = landed(settings, one)
    assert [part.split()[0] for part in batch.origin.split("; ")] == ["2025-08-06-a.csv", "2025-08-06-b.csv"]
    assert len(set(read_hashes(batch.origin))) == 2
    assert pairs(settings, one) == [("1", "a"), ("2", "b")]


def test_the_same_content_under_two_names_counts_once(settings: Settings) -> None:
    put(settings, "2025-08-06-a.csv", TEXT.encode())
    put(settings, "2025-08-06-b.csv", TEXT.encode())
    assert pairs(settings, source(path="{data}/in/{partition}*.csv")) == READ


def test_where_each_file_is_a_whole_export_the_newest_counts(settings: Settings) -> None:
    old = put(settings, "2025-08-06-z.csv", "Mã;Nội dung\nold;x\n".encode())
    put(settings, "2025-08-06-a.csv", "Mã;Nội dung\nnew;x\n".encode())
    os.utime(old, (1, 1))
    one = source(path="{data}/in/{partition}*.csv", several_files="newest")
    assert [row["code"] for row in rows(settings, one)] == ["new"]


def test_a_missing_column_names_the_file_of_several(settings: Settings) -> None:
    put(settings, "2025-08-06-a.csv", TEXT.encode())
    put(settings, "2025-08-06-b.csv", b"Khac;Noi dung\n2;b\n")
    with pytest.raises(PermanentSourceError, match=r"2025-08-06-b.csv.*'code'"):
        landed(settings, source(path="{data}/in/{partition}*.csv"))


def test_more_files_than_allowed_is_a_pattern_too_wide(settings: Settings) -> None:
    for number in range(3):
        put(settings, f"2025-08-06-{number}.csv", b"Ma\n1\n")
    with pytest.raises(PermanentSourceError, match=r"3 files fit `path`, more than `limits.files`"):
        landed(settings, source(path="{data}/in/{partition}*.csv", limits={"files": 2}))


def test_a_folder_in_the_place_of_a_file_is_named_not_taken_for_a_day_without_one(settings: Settings) -> None:
    put(settings, "2025-08-06.csv/part.csv", b"Ma\n1\n")
    message = r"2025-08-06.csv is a folder.*Name the files in it, e.g. 2025-08-06.csv/\*.csv, in `path`"
    with pytest.raises(PermanentSourceError, match=message):
        landed(settings, source())


def test_a_link_that_leads_out_of_its_folder_is_refused(settings: Settings, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(TEXT)
    (settings.data / "in").mkdir()
    (settings.data / "in" / "2025-08-06.csv").symlink_to(secret)
    for path in ("{data}/in/{partition}.csv", "{data}/in/{partition}*.csv"):
        with pytest.raises(PermanentSourceError, match="leads out of in/"):
            landed(settings, source(path=path))


def test_a_pipe_in_the_folder_does_not_hang_the_line(settings: Settings) -> None:
    (settings.data / "in").mkdir()
    os.mkfifo(settings.data / "in" / "2025-08-06.csv")
    with pytest.raises(PermanentSourceError, match="no regular file"):
        landed(settings, source())


@pytest.mark.parametrize("name", ["2025-08-06[1]*.csv", "it's;odd 2025-08-06.csv"])
def test_names_that_are_patterns_or_hold_quotes_are_only_names(settings: Settings, name: str) -> None:
    put(settings, name, TEXT.encode())
    assert pairs(settings, source(path="{data}/in/*{partition}*.csv")) == READ


def test_a_file_that_changes_while_it_is_read_is_read_again(settings: Settings) -> None:
    path = put(settings, "2025-08-06.csv", TEXT.encode())
    with (
        pytest.raises(SourceError, match="changed while it was read") as error,
        duckdb.connect() as con,
        files.pull(source(), DAY, settings, con) as relation,
    ):
        con.execute(f"from {relation.sql}").fetchall()
        path.write_bytes(TEXT.encode() + b"3;x\n")
    assert not isinstance(error.value, PermanentSourceError)


def test_a_relation_can_be_read_more_than_once(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", gzip.compress(TEXT.encode()))
    with duckdb.connect() as con, files.pull(source(), DAY, settings, con) as relation:
        assert con.execute(f"select count(*) from {relation.sql}").fetchall() == [(2,)]
        assert con.execute(f"select count(*) from {relation.sql} limit 1").fetchall() == [(2,)]


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
