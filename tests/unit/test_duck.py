"""Extensions: signed ones alone, their signature checked once per process."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import duckdb
import pytest

from pipelines import duck

NAME = "sqlite_scanner"


def test_a_connection_that_loads_what_was_checked_takes_nothing_unsigned(tmp_path: Path) -> None:
    for _ in range(2):
        with duck.connect(tmp_path / "extensions", loading=(NAME,)) as con:
            loaded = con.execute("select loaded from duckdb_extensions() where extension_name = ?", [NAME])
            assert loaded.fetchone() == (True,)
            assert con.execute("select current_setting('allow_unsigned_extensions')").fetchone() == (False,)
            with pytest.raises(duckdb.InvalidInputException, match="Cannot change allow_unsigned_extensions"):
                con.execute("set allow_unsigned_extensions = true")


@pytest.mark.parametrize("threads", [1, 3])
def test_a_query_uses_as_many_processors_as_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setenv("THONGSUOT_DUCKDB_THREADS", str(threads))
    with duck.connect(tmp_path / "extensions") as con:
        assert con.execute("select current_setting('threads')").fetchone() == (threads,)


def test_a_file_that_changed_since_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = duck._find_packaged(NAME)
    assert packaged is not None
    file = tmp_path / packaged.name
    file.write_bytes(packaged.read_bytes())
    monkeypatch.setattr(duck, "_find_packaged", lambda name: file if name == NAME else None)
    duck.connect(tmp_path / "extensions", loading=(NAME,)).close()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    # Never in place: the loaded file is mapped, and whatever this process loads next would read it and crash.
    changed = tmp_path / "changed"
    changed.write_bytes(content)
    changed.replace(file)
    with pytest.raises(duckdb.Error, match="signature"):
        duck.connect(tmp_path / "extensions", loading=(NAME,))


def test_what_an_open_connection_has_checked_no_later_one_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duck, "_VERIFIED", set())
    with duck.connect(tmp_path / "extensions") as con:
        duck.load_signed(con, NAME)
        assert con.execute("select current_setting('allow_unsigned_extensions')").fetchone() == (False,)
    assert duck._find_packaged(NAME) in {Path(path) for path, *_ in duck._VERIFIED}


def test_what_fills_no_row_group_has_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THONGSUOT_DUCKDB_THREADS", "3")
    with duck.connect(tmp_path / "extensions") as con:
        for rows, threads in ((122_879, 1), (122_880, 3), (0, 1)):
            duck.fit_threads(con, rows)
            assert con.execute("select current_setting('threads')").fetchone() == (threads,)


def test_instances_that_spill_at_once_keep_their_own_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB calls their files alike: in one folder each read what the other had written there."""
    monkeypatch.setenv(duck.MEMORY, "16MB")
    with ExitStack() as stack:
        connections = [stack.enter_context(duck.connect(tmp_path / "duckdb_extensions")) for _ in range(2)]
        for number, con in enumerate(connections):
            con.execute("set threads = 1")
            con.execute(
                f"create table t as select range as i, repeat('{number}' || range, 20) as s from range(400000)"
            )
        assert len(list((tmp_path / duck.SPILL).iterdir())) == 2
        for number, con in enumerate(connections):
            wrong = f"select count(*) from t where s <> repeat('{number}' || i, 20)"
            assert con.execute(wrong).fetchone() == (0,)
    assert not list((tmp_path / duck.SPILL).iterdir())


def test_a_file_that_is_opened_twice_in_a_process_is_one_instance(tmp_path: Path) -> None:
    with (
        duck.connect(tmp_path / "duckdb_extensions", tmp_path / "x.duckdb") as one,
        duck.connect(tmp_path / "duckdb_extensions", tmp_path / "x.duckdb") as other,
    ):
        one.execute("create table t as select 1 as n")
        assert other.execute("from t").fetchone() == (1,)
