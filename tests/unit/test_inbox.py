"""Files dropped in an inbox: counted once, archived and never lost, whoever looks first."""

from __future__ import annotations

import os
import time
from datetime import date, datetime
from pathlib import Path

import pytest

from pipelines.landing.arrivals import archive_counted_files, find_new_days, find_waiting_files
from pipelines.landing.batches import find_newest_batches, hash_file
from pipelines.quality.missing_days import find_missing_days
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.errors import (
    DeliveryRefused,
    FileRefused,
    NotProvided,
    PermanentSourceError,
    SourceError,
)
from pipelines.sources.files import inbox
from pipelines.sources.files.file_set import read_hashes
from tests.unit.files_support import DAY, source
from tests.unit.inbox_support import NEXT, NOON, drop, inbox_source, land, lying


def test_a_landed_file_is_archived_by_its_day_and_hash(settings: Settings) -> None:
    drop(settings, "so tay.csv", "1")
    assert land(settings, inbox_source()) == ["1"]
    sha = read_hashes(find_newest_batches(settings.landing, "register")[str(DAY)].origin)[0]
    assert lying(settings, "inbox") == []
    assert lying(settings, "archive") == [f"archive/register/2025-08-06/{sha[:12]}-so tay.csv"]


def test_the_archive_lies_where_the_contract_says(settings: Settings) -> None:
    drop(settings, "a.csv", "1")
    land(settings, inbox_source(archive="{data}/elsewhere"))
    assert len(lying(settings, "elsewhere/register/2025-08-06")) == 1


def test_a_crash_between_landing_and_archiving_is_healed_by_the_next_look(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(settings, "a.csv", "1")
    with monkeypatch.context() as broken:
        broken.setattr(os, "rename", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            land(settings, inbox_source())
    assert lying(settings, "inbox") == ["inbox/a.csv"]
    assert find_waiting_files(inbox_source(), settings) == {}
    assert len(archive_counted_files(inbox_source(), settings)) == 1
    assert lying(settings, "inbox") == [] and len(lying(settings, "archive")) == 1


def test_the_same_content_under_another_name_counts_once(settings: Settings) -> None:
    drop(settings, "a.csv", "1")
    land(settings, inbox_source())
    drop(settings, "a (1).csv", "1", at=NOON + 86_400)
    assert find_new_days(inbox_source(), settings, [DAY, NEXT]) == set()
    assert lying(settings, "inbox") == [] and len(lying(settings, "archive")) == 2
    with pytest.raises(NotProvided):
        land(settings, inbox_source(), NEXT)


def test_where_the_name_tells_the_day_an_unchanged_export_counts_for_each_day(settings: Settings) -> None:
    one = inbox_source(date_in_name="%Y%m%d")
    drop(settings, "so-20250806.csv", "1")
    drop(settings, "so-20250807.csv", "1")
    assert land(settings, one) == land(settings, one, NEXT) == ["1"]
    assert len(lying(settings, "archive/register")) == 2


def test_a_second_file_of_the_day_joins_the_first_which_is_read_from_the_archive(settings: Settings) -> None:
    drop(settings, "xa-a.csv", "1")
    land(settings, inbox_source())
    drop(settings, "xa-b.csv", "2")
    assert find_new_days(inbox_source(), settings, [DAY, NEXT]) == {DAY}
    assert land(settings, inbox_source()) == ["1", "2"]
    assert lying(settings, "inbox") == [] and len(lying(settings, "archive")) == 2


def test_a_file_of_the_same_name_replaces_the_first_and_both_are_archived(settings: Settings) -> None:
    drop(settings, "a.csv", "wrong")
    land(settings, inbox_source())
    drop(settings, "a.csv", "right")
    assert land(settings, inbox_source()) == ["right"]
    assert len(lying(settings, "archive")) == 2
    assert land(settings, inbox_source()) == ["right"]


def test_where_each_file_is_a_whole_export_the_newest_counts(settings: Settings) -> None:
    drop(settings, "morning.csv", "old")
    drop(settings, "evening.csv", "new", at=NOON + 3600)
    assert land(settings, inbox_source(several_files="newest")) == ["new"]
    assert lying(settings, "inbox") == [] and len(lying(settings, "archive")) == 2
    assert find_missing_days(inbox_source(several_files="newest"), [DAY], settings) == []


def test_a_correction_of_a_whole_table_replaces_it_whatever_its_name(settings: Settings) -> None:
    whole = inbox_source(partitioning="whole_table")
    drop(settings, "export.csv", "1", "2")
    assert land(settings, whole) == ["1", "2"]
    drop(settings, "export corrected.csv", "1", at=NOON + 60)
    assert land(settings, whole) == ["1"]


@pytest.mark.parametrize(
    ("name", "pattern", "day"),
    [
        ("tracker_2025-08-05.csv", "%Y-%m-%d", date(2025, 8, 5)),
        ("báo cáo 05.08.2025 (2).csv", "%d.%m.%Y", date(2025, 8, 5)),
        ("r20250805.csv", "%Y%m%d", date(2025, 8, 5)),
        ("9920250805.csv", "%Y%m%d", DAY),
        ("2025-99-99.csv", "%Y-%m-%d", DAY),
        ("no date.csv", "%Y-%m-%d", DAY),
        ("2025-08-05.csv", None, DAY),
    ],
)
def test_the_day_is_the_one_in_the_name_else_that_of_the_last_change(
    settings: Settings, name: str, pattern: str | None, day: date
) -> None:
    assert inbox.read_day(inbox_source(date_in_name=pattern), drop(settings, name)) == day


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_the_day_of_the_last_change_is_local_whatever_the_machine_believes(
    settings: Settings, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop(settings, "a.csv", at=datetime(2025, 8, 6, 0, 30, tzinfo=LOCAL_ZONE).timestamp())
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert inbox.read_day(inbox_source(), path) == DAY
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_is_not_finished_or_no_file_is_left_alone_and_said(settings: Settings) -> None:
    drop(settings, "now.csv", at=time.time())
    drop(settings, "half.csv.part")
    drop(settings, "~$open.xlsx")
    drop(settings, ".hidden")
    drop(settings, "tomorrow.csv", at=time.time() + 9_000)
    (settings.data / "inbox" / "link.csv").symlink_to("/etc/passwd")
    reasons = {d.path.name: d.why_not for d in inbox.list_inbox(inbox_source(), settings)}
    assert sorted(reasons) == ["half.csv.part", "link.csv", "now.csv", "tomorrow.csv"]
    assert "never followed" in reasons["link.csv"] and "still being transferred" in reasons["half.csv.part"]
    assert "still being written" in reasons["now.csv"] and "future" in reasons["tomorrow.csv"]
    with pytest.raises(NotProvided):
        land(settings, inbox_source())


def test_one_inbox_serves_several_sources_by_their_names(settings: Settings) -> None:
    drop(settings, "tasks-1.csv", "t")
    drop(settings, "issues-1.csv", "i")
    assert land(settings, inbox_source(name="tasks", inbox="{data}/inbox/tasks*.csv")) == ["t"]
    assert lying(settings, "inbox") == ["inbox/issues-1.csv"]


def test_a_bad_file_is_set_aside_with_its_reason_and_the_others_are_landed(settings: Settings) -> None:
    drop(settings, "good.csv", "1")
    bad = drop(settings, "bad.csv")
    bad.write_bytes(b"\x00\x01garbage")
    os.utime(bad, (NOON, NOON))
    with pytest.raises(PermanentSourceError, match=r"bad.csv.*set aside in .refused/\w{12}/ with the reason"):
        land(settings, inbox_source())
    assert [Path(p).name for p in lying(settings, "inbox/.refused")] == ["bad.csv", "reason.txt"]
    (path, reason), *_ = inbox.list_refused(inbox_source(), settings)
    assert path.read_bytes() == b"\x00\x01garbage" and "register 2025-08-06: bad.csv cannot be read" in reason
    assert land(settings, inbox_source()) == ["1"]


def test_a_bad_file_at_a_configured_path_stays_where_it_is(settings: Settings) -> None:
    path = drop(settings, "2025-08-06.csv")
    path.write_bytes(b"")
    with pytest.raises(PermanentSourceError) as error:
        land(settings, source(path="{data}/inbox/{partition}.csv"))
    assert path.exists() and "set aside" not in str(error.value)


def test_a_run_from_the_command_line_owes_a_day_when_something_new_waits_for_it(settings: Settings) -> None:
    one = inbox_source()
    assert find_missing_days(one, [DAY, NEXT], settings) == []
    drop(settings, "a.csv", "1")
    assert find_missing_days(one, [DAY, NEXT], settings) == [DAY]
    land(settings, one)
    assert find_missing_days(one, [DAY, NEXT], settings) == []
    drop(settings, "b.csv", "2")
    assert find_missing_days(one, [DAY, NEXT], settings) == [DAY]


def test_a_name_cannot_pass_another_file_off_as_counted(settings: Settings) -> None:
    other = drop(settings, "b.csv", "2")
    sha = hash_file(other)
    other.rename(settings.data / "b.csv")
    drop(settings, f"a sha256:{sha}; .csv", "1")
    land(settings, inbox_source())
    (settings.data / "b.csv").rename(other)
    assert find_waiting_files(inbox_source(), settings) == {DAY: {other: sha}}


def test_one_inbox_that_cannot_be_moved_from_stops_no_other_source(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(settings, "a.csv", "1")

    def refuse(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(inbox, "_move", refuse)
    assert land(settings, inbox_source()) == ["1"]  # landed; only its file could not be put away
    assert find_missing_days(inbox_source(), [DAY], settings) == []
    assert find_waiting_files(inbox_source(), settings) == {}


def test_an_inbox_that_cannot_be_read_is_its_sources_own_finding(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> list[Path]:
        raise PermissionError(13, "Permission denied")

    drop(settings, "a.csv", "1")
    monkeypatch.setattr(inbox, "hash_original", refuse)
    with pytest.raises(SourceError, match=r"register: its inbox cannot be read \(Permission denied"):
        find_missing_days(inbox_source(), [DAY], settings)


def test_a_pipe_where_a_reason_or_an_original_would_lie_is_not_waited_for(settings: Settings) -> None:
    """Folders beside an inbox may be anybody's."""
    folder = settings.data / "inbox" / ".refused" / "abc"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "reason.txt")
    (folder / "x.csv").write_text("x")
    listed = [(path.name, reason) for path, reason in inbox.list_refused(inbox_source(), settings)]
    assert listed == [("x.csv", "")]
    os.mkfifo(settings.data / "pipe")
    assert inbox.hash_original(settings.data / "pipe") == ""


def test_what_needs_more_memory_is_named_and_no_fault_of_its_file(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB reads a CSV file through a buffer of 32 MiB."""
    file = drop(settings, "issues_2025-08-06.csv", "A")
    monkeypatch.setenv("THONGSUOT_DUCKDB_MEMORY", "30MB")
    with pytest.raises(DeliveryRefused) as refused:
        land(settings, inbox_source())
    assert not isinstance(refused.value, FileRefused) and lying(settings, "inbox") == [f"inbox/{file.name}"]
    for word in (
        "register 2025-08-06: ",
        "THONGSUOT_DUCKDB_MEMORY=30MB",
        "32.0 MiB",
        "`thongsuot run` again",
    ):
        assert word in str(refused.value)
    monkeypatch.delenv("THONGSUOT_DUCKDB_MEMORY")
    assert land(settings, inbox_source()) == ["A"]
