"""Files dropped in an inbox: counted once, archived and never lost, whoever looks first."""

from __future__ import annotations

import errno
import os
import time
from datetime import date, datetime
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from pipelines.landing.arrivals import archive_counted_files, find_new_days, find_waiting_files
from pipelines.landing.batches import find_newest_batches, hash_file
from pipelines.landing.pull import land_partition
from pipelines.quality.missing_days import find_missing_days
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import NotProvided, PermanentSourceError, SourceError
from pipelines.sources.files import inbox
from pipelines.sources.files.file_set import read_hashes
from tests.unit.files_support import DAY, source

NEXT = date(2025, 8, 7)
NOON = datetime(2025, 8, 6, 12, tzinfo=LOCAL_ZONE).timestamp()


def inbox_source(**changes: object) -> Source:
    return source(**{"path": None, "inbox": "{data}/inbox"} | changes)  # type: ignore[arg-type]


def drop(settings: Settings, name: str, *codes: str, at: float = NOON) -> Path:
    path = settings.data / "inbox" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("Mã;Nội dung\n" + "".join(f"{code};x\n" for code in codes), encoding="utf-8")
    os.utime(path, (at, at))
    return path


def land(settings: Settings, one: Source, day: date = DAY) -> list[str]:
    batch = land_partition(one, day, settings, run_id="t")
    return pq.read_table(batch.path)["code"].to_pylist()


def lying(settings: Settings, folder: str) -> list[str]:
    paths = (settings.data / folder).rglob("*")
    return sorted(str(path.relative_to(settings.data)) for path in paths if path.is_file())


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


# --- the sensor -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def looking():
    """Definitions load once (it takes seconds); each test has a source and a data directory of its own."""
    from pipelines.defs.sensors import inbox_sensor

    job = dg.define_asset_job("any", selection="landing/issue_register")
    return lambda one, settings: inbox_sensor(one, job, settings)


def tick(sensor: dg.SensorDefinition, cursor: str | None = None) -> tuple[list[dg.RunRequest], str, str]:
    with dg.DagsterInstance.ephemeral() as instance:
        result = sensor(dg.build_sensor_context(instance=instance, cursor=cursor))
    assert isinstance(result, dg.SensorResult)
    skip = result.skip_reason
    return list(result.run_requests or []), str(result.cursor), str(skip.skip_message if skip else "")


def test_a_file_that_rested_between_two_looks_asks_for_its_day_once(settings: Settings, looking) -> None:
    sensor = looking(inbox_source(), settings)
    drop(settings, "a.csv", "1")
    requests, cursor, reason = tick(sensor)
    assert requests == [] and "taken when they rest" in reason
    requests, cursor, _ = tick(sensor, cursor)
    assert [r.partition_key for r in requests] == ["2025-08-06"]
    again, _, _ = tick(sensor, cursor)
    assert again[0].run_key == requests[0].run_key  # Dagster starts a run key once
    land(settings, inbox_source())
    assert tick(sensor, cursor)[0] == []


def test_a_file_that_grows_between_two_looks_waits_and_new_content_is_a_new_run(
    settings: Settings, looking
) -> None:
    sensor = looking(inbox_source(), settings)
    drop(settings, "a.csv", "1")
    _, cursor, _ = tick(sensor)
    drop(settings, "a.csv", "1", "2")
    requests, cursor, _ = tick(sensor, cursor)
    assert requests == []
    first, cursor, _ = tick(sensor, cursor)
    drop(settings, "b.csv", "3")
    _, cursor, _ = tick(sensor, cursor)
    second, _, _ = tick(sensor, cursor)
    assert len(first) == len(second) == 1 and first[0].run_key != second[0].run_key


def test_a_file_of_a_day_that_is_not_over_waits_for_the_night(settings: Settings, looking) -> None:
    sensor = looking(inbox_source(quiet_seconds=0), settings)
    drop(settings, "a.csv", "1", at=time.time() - 1)
    _, cursor, _ = tick(sensor)
    requests, _, reason = tick(sensor, cursor)
    assert requests == [] and "taken when that day is over" in reason


def test_what_was_set_aside_is_shown_at_every_look(settings: Settings, looking) -> None:
    bad = drop(settings, "bad.csv")
    bad.write_bytes(b"")
    os.utime(bad, (NOON, NOON))
    with pytest.raises(PermanentSourceError):
        land(settings, inbox_source())
    assert "set aside: bad.csv" in tick(looking(inbox_source(), settings))[2]


def test_what_was_set_aside_and_moved_back_is_tried_again(settings: Settings, looking) -> None:
    sensor = looking(inbox_source(), settings)
    bad = drop(settings, "bad.csv")
    bad.write_bytes(b"")
    os.utime(bad, (NOON, NOON))
    first, *_ = tick(sensor, tick(sensor)[1])
    with pytest.raises(PermanentSourceError):
        land(settings, inbox_source())
    ((aside, _),) = inbox.list_refused(inbox_source(), settings)
    aside.rename(bad)
    again, *_ = tick(sensor, tick(sensor)[1])
    assert [r.partition_key for r in first + again] == ["2025-08-06"] * 2
    assert first[0].run_key != again[0].run_key  # else Dagster would never start it


def test_a_name_cannot_pass_another_file_off_as_counted(settings: Settings) -> None:
    other = drop(settings, "b.csv", "2")
    sha = hash_file(other)
    other.rename(settings.data / "b.csv")
    drop(settings, f"a sha256:{sha}; .csv", "1")
    land(settings, inbox_source())
    (settings.data / "b.csv").rename(other)
    assert find_waiting_files(inbox_source(), settings) == {DAY: {other: sha}}


LONG = "báo cáo " + "ă" * 117 + ".csv"  # 247 bytes: a name that only an archive's prefix makes too long


def test_a_name_as_long_as_a_file_system_takes_is_landed_and_archived(settings: Settings) -> None:
    assert len(LONG.encode()) > 240
    drop(settings, LONG, "1")
    assert land(settings, inbox_source()) == ["1"]
    assert lying(settings, "inbox") == []
    (archived,) = lying(settings, "archive")
    assert archived.endswith(".csv") and len(Path(archived).name.encode()) <= 255 - len(".partial") - 1
    assert find_missing_days(inbox_source(), [DAY], settings) == []


def test_a_later_file_of_the_same_long_name_replaces_the_earlier_one(settings: Settings) -> None:
    drop(settings, LONG, "1")
    land(settings, inbox_source())
    drop(settings, LONG, "1", "2")
    assert land(settings, inbox_source()) == ["1", "2"]


@pytest.mark.parametrize("name", ["a\n\x1b[31mb.csv", "b\udcff\udcfe.csv", "c\u200b.csv", "d\u202ecsv.csv"])
def test_a_name_that_nobody_can_read_is_refused_and_set_aside_under_a_plain_one(
    settings: Settings, name: str
) -> None:
    drop(settings, name, "1")
    with pytest.raises(PermanentSourceError, match="a name with characters that are not printable") as error:
        land(settings, inbox_source())
    assert str(error.value).isprintable() and "set aside" in str(error.value)
    paths = lying(settings, "inbox")
    assert len(paths) == 2 and all(path.isprintable() for path in paths)
    assert next(reason[20:] for _, reason in inbox.list_refused(inbox_source(), settings)).startswith(
        "register: "
    )


def test_a_refused_file_called_like_the_reason_stays_what_it_is(settings: Settings) -> None:
    path = drop(settings, "reason.txt", "1")
    path.write_bytes(b"%PDF-1.7")
    os.utime(path, (NOON, NOON))
    with pytest.raises(PermanentSourceError, match="it is a PDF"):
        land(settings, inbox_source())
    (moved, reason), *others = inbox.list_refused(inbox_source(), settings)
    assert (moved.read_bytes(), others) == (b"%PDF-1.7", []) and "it is a PDF" in reason


@pytest.mark.parametrize("link", [".refused", ".refused/{sha}", "../archive", "../archive/register"])
def test_a_link_in_the_way_of_a_moved_file_is_not_followed(settings: Settings, link: str) -> None:
    path = drop(settings, "000001.json", "1")
    sha = hash_file(path)
    elsewhere = settings.data / "landing/_withdrawals"
    elsewhere.mkdir(parents=True)
    place = path.parent / link.format(sha=sha[:12])
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(elsewhere)
    with pytest.raises(OSError, match="is a link or no folder"):
        if "archive" in link:
            inbox.archive_file(inbox_source(), settings, path, sha, str(DAY))
        else:
            inbox.refuse_file(inbox_source(), settings, path, sha, "why")
    assert list(elsewhere.iterdir()) == [] and path.exists()
    (elsewhere / "x").mkdir()
    (elsewhere / "x/reason.txt").write_text("a secret")
    assert list(inbox.list_refused(inbox_source(), settings)) == []


def test_a_link_called_like_the_reason_is_replaced_and_what_it_led_to_stays(settings: Settings) -> None:
    path = drop(settings, "a.csv", "1")
    sha = hash_file(path)
    victim = settings.data / "victim"
    victim.write_text("as it was")
    folder = path.parent / ".refused" / sha[:12]
    folder.mkdir(parents=True)
    (folder / "reason.txt").symlink_to(victim)
    moved = inbox.refuse_file(inbox_source(), settings, path, sha, "why")
    assert victim.read_text() == "as it was"
    assert next(inbox.list_refused(inbox_source(), settings))[1].endswith("why") and moved.exists()


def test_between_file_systems_a_file_is_copied_whole(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    path = drop(settings, "a.csv", "1")
    content, sha = path.read_bytes(), hash_file(path)
    monkeypatch.setattr(os, "rename", refuse)
    moved = inbox.archive_file(inbox_source(), settings, path, sha, str(DAY))
    assert moved.read_bytes() == content and moved.stat().st_mtime == NOON and not path.exists()
    assert len(list(moved.parent.iterdir())) == 1


def test_nothing_in_the_archive_is_overwritten(settings: Settings) -> None:
    path = drop(settings, "a.csv", "1")
    sha = hash_file(path)
    other = settings.data / f"archive/register/2025-08-06/{sha[:12]}-a.csv"
    other.parent.mkdir(parents=True)
    other.write_text("Mã;Nội dung\nother;x\n", encoding="utf-8")
    inbox.archive_file(inbox_source(), settings, path, sha, str(DAY))
    assert "other" in other.read_text(encoding="utf-8")
    assert hash_file(settings.data / f"archive/register/2025-08-06/{sha[:24]}-a.csv") == sha


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
    monkeypatch.setattr("pipelines.landing.arrivals.hash_file", refuse)
    with pytest.raises(SourceError, match=r"register: its inbox cannot be read \(Permission denied"):
        find_missing_days(inbox_source(), [DAY], settings)
