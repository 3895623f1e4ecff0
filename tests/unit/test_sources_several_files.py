"""Several files of one day, and whatever else may lie in their folder: one batch, or a fault by its name."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import duckdb
import pytest

from pipelines.settings import Settings
from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.files import connector as files
from pipelines.sources.files.file_set import read_hashes
from tests.unit.files_support import DAY, READ, TEXT, landed, pairs, put, rows, source


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
