"""Files of more bytes than anybody delivers: told by name before a byte is read, and no other source waits."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.landing.arrivals import find_new_days, find_waiting_files
from pipelines.landing.reference import land_reference
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Contracts, ReferenceTable
from pipelines.sources.errors import DeliveryRefused, PermanentSourceError, SourceError
from pipelines.sources.files import connector, file_set, inbox
from pipelines.sources.files.file_set import inspect_file
from tests.unit.files_support import DAY, landed, put, source
from tests.unit.inbox_support import NOON, drop, inbox_source, land, lying

HUGE = 20 * 2**30


def make_sparse(path: Path, size: int = HUGE, start: bytes = b"", at: float = NOON) -> Path:
    """A file of so many bytes that takes none of the disk; reading it takes a minute."""
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(start)
    os.truncate(path, size)
    os.utime(path, (at, at))
    return path


@pytest.mark.parametrize(
    ("file_format", "start"),
    [
        ("csv", b"M\xc3\xa3;N\xe1\xbb\x99i dung\n"),
        ("csv", b"\x1f\x8b\x08\x00"),
        ("csv", b"PK\x03\x04"),
        ("parquet", b"PAR1"),
        ("xlsx", b"PK\x03\x04"),
        ("xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("json", b"["),
        ("ndjson", b"{}\n"),
    ],
)
def test_a_file_of_twenty_gigabytes_is_refused_by_name_before_it_is_read(
    settings: Settings, file_format: str, start: bytes
) -> None:
    one = inbox_source(format=file_format, delimiter=";" if file_format == "csv" else None)
    make_sparse(settings.data / "inbox" / f"to.{file_format}", start=start)
    began = time.process_time()
    assert find_new_days(one, settings, [DAY]) == {DAY}
    with pytest.raises(
        DeliveryRefused, match=r"'to\.\w+' \(20,480 MiB\)\. .*raise `limits\.file_mb` of register"
    ):
        land(settings, one)
    assert time.process_time() - began < 5
    assert [path.rpartition("/")[2] for path in lying(settings, "inbox/.refused")] == [
        "reason.txt",
        f"to.{file_format}",
    ]
    # Back again under two names, the other a link to the same bytes: each is set aside, neither read.
    [aside] = (settings.data / "inbox/.refused").glob(f"*/to.{file_format}")
    os.link(aside, settings.data / "inbox" / f"again.{file_format}")
    os.link(aside, settings.data / "inbox" / f"to.{file_format}")
    with pytest.raises(DeliveryRefused, match=r"again.*to\."):
        land(settings, one)
    assert time.process_time() - began < 5
    assert inbox.list_ready(one, settings) == []


def test_what_lies_with_it_is_landed_by_the_next_look(settings: Settings) -> None:
    drop(settings, "a.csv", "1")
    make_sparse(settings.data / "inbox/b.csv")
    make_sparse(settings.data / "inbox/c.csv")
    with pytest.raises(DeliveryRefused, match=r"'b\.csv'.*'c\.csv'"):
        land(settings, inbox_source())
    assert land(settings, inbox_source()) == ["1"]


def test_the_setting_that_is_named_lets_a_larger_file_in_and_a_smaller_one_out(settings: Settings) -> None:
    rows = "Mã;Nội dung\n" + "".join(f"{n};{'x' * 90}\n" for n in range(12_000))
    put(settings, "2025-08-06.csv", rows.encode())
    assert landed(settings, source(limits={"file_mb": 2})).rows == 12_000
    with pytest.raises(PermanentSourceError, match=r"2025-08-06\.csv.*limits\.file_mb"):
        landed(settings, source(limits={"file_mb": 1}), DAY)


def test_a_day_s_path_and_a_reference_table_have_the_same_limit(settings: Settings) -> None:
    make_sparse(settings.data / "in/2025-08-06.csv")
    units = ReferenceTable(name="units", path="{data}/in/2025-08-06.csv", columns=source().columns)
    began = time.process_time()
    with pytest.raises(DeliveryRefused, match=r"limits\.file_mb"):
        landed(settings, source())
    with pytest.raises(DeliveryRefused, match=r"limits\.file_mb"):
        land_reference(Contracts.model_construct(reference={"units": units}), settings, run_id="t")
    assert time.process_time() - began < 5
    (settings.data / "in/2025-08-06.csv").unlink()
    os.mkfifo(settings.data / "in/2025-08-06.csv")
    with pytest.raises(PermanentSourceError, match="no regular file"):
        land_reference(Contracts.model_construct(reference={"units": units}), settings, run_id="t")


def test_of_more_than_is_read_at_once_the_rest_waits_and_is_landed_next(settings: Settings) -> None:
    one = inbox_source(limits={"inbox_mb": 1})
    for name, at in (("a.csv", NOON), ("b.csv", NOON - 86_400)):
        path = drop(settings, name, *(f"{name}-{n:060}" for n in range(10_000)), at=at)
        assert 2**19 < path.stat().st_size < 2**20
    days = [DAY, DAY - timedelta(days=1)]
    assert [file.why_not for file in inbox.list_inbox(one, settings)] == ["", inbox.TOO_MUCH]
    assert find_new_days(one, settings, days) == {DAY}
    assert len(land(settings, one)) == 10_000
    assert find_new_days(one, settings, days) == {DAY - timedelta(days=1)}


def test_a_file_that_grows_has_an_end(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody adds to it, as quickly as it is read, and gives it its old time back."""
    path = drop(settings, "a.csv", "1")
    size = path.stat().st_size
    # It is as long again after each piece that is read.
    real = file_set.needs_cleaning

    def read_and_grow(*words: bytes) -> bool:
        os.truncate(path, path.stat().st_size + 2**18)
        os.utime(path, (NOON, NOON))
        return real(*words)

    monkeypatch.setattr(file_set, "needs_cleaning", read_and_grow)
    with pytest.raises(SourceError, match="changed while it was read"):
        inspect_file(inbox_source(), path, "a.csv")
    assert path.stat().st_size < size + 2**20


def test_only_this_source_is_told_of(settings: Settings) -> None:
    make_sparse(settings.data / "inbox/to.csv")
    other = inbox_source(name="other", inbox="{data}/elsewhere")
    (settings.data / "elsewhere").mkdir()
    (settings.data / "elsewhere/x.csv").write_text("Mã;Nội dung\n7;x\n", encoding="utf-8")
    os.utime(settings.data / "elsewhere/x.csv", (NOON, NOON))
    days = [find_new_days(one, settings, [DAY]) for one in (inbox_source(), other)]
    assert days == [{DAY}, {DAY}]
    assert [*find_waiting_files(inbox_source(), settings)[DAY].values()] == [""]
    with pytest.raises(DeliveryRefused):
        land(settings, inbox_source())
    assert land(settings, other) == ["7"]


@pytest.mark.parametrize("moment", [2**55, -(2**50)])
def test_a_time_that_no_calendar_has_is_told_and_stops_no_plan(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """A file system may keep it, as that in memory does; another cuts it to what it can say."""
    drop(settings, "a.csv", "1")
    strange = drop(settings, "b.csv", "2")
    real = Path.stat

    def stat(path: Path, **options: bool) -> os.stat_result:
        about = real(path, **options)
        if path != strange:
            return about
        values = {name: getattr(about, name) for name in ("st_atime_ns", "st_ctime_ns", "st_blocks")}
        return os.stat_result((*about[:8], moment, about[9]), {"st_mtime": float(moment), **values})

    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(Path, "lstat", lambda path: stat(path, follow_symlinks=False))
    assert find_new_days(inbox_source(), settings, [DAY]) == {DAY}
    assert [bool(file.why_not) for file in inbox.list_inbox(inbox_source(), settings)] == [False, True]
    assert land(settings, inbox_source()) == ["1"]


def test_a_file_rewritten_while_it_is_read_is_seen_though_its_time_was_put_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop(settings, "a.csv", "1")
    real = connector._build_relation

    def rewrite(*words: Any) -> Any:
        with path.open("r+b") as stream:
            stream.seek(-4, os.SEEK_END)
            stream.write(b"9")
        os.utime(path, (NOON, NOON))
        return real(*words)

    with monkeypatch.context() as attack:
        attack.setattr(connector, "_build_relation", rewrite)
        with pytest.raises(SourceError, match="changed while it was read"):
            land(settings, inbox_source())
    assert land(settings, inbox_source()) == ["9"]


def test_an_inbox_of_more_files_than_a_batch_has_is_told(settings: Settings) -> None:
    one = inbox_source(limits={"files": 3})
    for name in "abcd":
        drop(settings, f"{name}.csv", name)
    with pytest.raises(PermanentSourceError, match=r"4 files lie in the inbox .*`limits\.files` \(3\)"):
        land(settings, one)
    (settings.data / "inbox/d.csv").unlink()
    assert land(settings, one) == ["a", "b", "c"]


def test_folders_a_thousand_deep_are_told(settings: Settings) -> None:
    """Below a pattern that looks into all of them; whoever delivers made them."""
    put(settings, "2025-08-06.csv", "Mã;Nội dung\n1;x\n".encode())
    home, depth = Path.cwd(), 1_100
    try:
        os.chdir(settings.data / "in")
        for _ in range(depth):
            Path("d").mkdir()
            os.chdir("d")
        with pytest.raises(PermanentSourceError, match="lie in one another a thousand deep"):
            landed(settings, source(path="{data}/in/**/{partition}.csv"))
    finally:
        for _ in range(depth):
            os.chdir("..")
            Path("d").rmdir()
        os.chdir(home)
    assert landed(settings, source(path="{data}/in/**/{partition}.csv")).rows == 1
