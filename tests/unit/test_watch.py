"""Alerts arrive, once when something begins and once when it ends, at a real mail server and a real webhook."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import time_machine
from click.testing import CliRunner
from dagster import AssetMaterialization, DagsterInstance, DagsterRunStatus

from pipelines.cli import main
from pipelines.masking import mask_secrets
from pipelines.operations import check_machine
from pipelines.operations.channels import list_channels
from pipelines.operations.conditions import CONDITIONS, KINDS
from pipelines.operations.disk import DiskSample, DiskUse, add_sample, forecast_days
from pipelines.operations.incidents import Incident
from pipelines.operations.records import LastBackup, LastTidy, record_backup, record_tidy, record_verification
from pipelines.operations.state import read_state, state_file
from pipelines.operations.thresholds import READERS, VARIABLES, Thresholds
from pipelines.operations.view import View
from pipelines.operations.watch import BLIND, CHANNEL, look, watch
from pipelines.releases import publish as publishing
from pipelines.releases.errors import ReleaseOnHold
from pipelines.runs.execute import END_TAG, START_TAG
from pipelines.settings import LOCAL_ZONE, PROJECT, Settings, SettingsError
from tests.support.mail import PASSWORD, serve_mail, serve_webhook
from tests.support.servers import find_free_port
from tests.support.small_lake import (
    build,
    deliver,
)
from tests.unit.test_holds import deliver as deliver_issues
from tests.unit.test_running import create_run

HOUR = timedelta(hours=1)
# As the last line of a message has it: the section of the handbook.
PAGE_OF_KIND = re.compile(r"docs/operations\.md#(\w+)")
RUNS = [f"{number}1111111-1111-4111-8111-111111111111" for number in range(4)]


@pytest.fixture(scope="module")
def one_release(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data=tmp_path_factory.mktemp("watched"))
    build(settings, [("a", 1)])
    publishing.publish(settings, run_id="run", author="night", reason="night")
    return settings


@pytest.fixture
def installation(
    one_release: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """One release made now, verified and backed up now, with a fresh delivery: nothing is wrong."""
    settings = Settings(data=tmp_path / "data")
    shutil.copytree(one_release.data, settings.data, symlinks=True)
    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    record_verification(settings, [], "head")
    record_backup(settings, LastBackup(str(now()), "/backup", True, 1))
    deliver(settings)
    yield settings


def now() -> datetime:
    return datetime.now(LOCAL_ZONE).replace(tzinfo=None)


def quiet_limits() -> Thresholds:
    """Nothing about this machine's disk, and an hour of release that today's has kept."""
    return Thresholds(free_share=0.0001)


def look_at(
    settings: Settings, at: datetime | None = None, thresholds: Thresholds | None = None
) -> tuple[dict[str, Incident], set[str]]:
    return look(View(settings, thresholds or quiet_limits(), at or now(), read_state(settings)))


def see(settings: Settings, at: datetime | None = None, thresholds: Thresholds | None = None) -> set[str]:
    return set(look_at(settings, at, thresholds)[0])


def test_a_sound_installation_has_nothing_to_tell(installation: Settings) -> None:
    assert see(installation) == set()


def test_nothing_published_by_the_hour_is_told_whatever_the_reason(installation: Settings) -> None:
    tomorrow = now().date() + timedelta(days=1)
    early = datetime.combine(tomorrow, datetime.min.time()) + timedelta(hours=5, minutes=59)
    late = early + timedelta(minutes=2)
    assert "release_late" not in see(installation, early)
    assert "release_late" in see(installation, late)
    shutil.rmtree(installation.lake)
    assert "release_late" in see(installation)


def test_a_run_that_found_nothing_new_is_a_sign_of_life(installation: Settings) -> None:
    late = datetime.combine(now().date() + timedelta(days=1), datetime.min.time()) + timedelta(hours=7)
    assert "release_late" in see(installation, late)
    installation.dagster.mkdir()
    with DagsterInstance.get() as instance:
        instance.report_runless_asset_event(AssetMaterialization("release"))
    shutil.rmtree(installation.lake)  # so that only the run speaks
    assert "release_late" not in see(installation)
    assert "release_late" in see(installation, late)


def test_a_failed_run_is_told_until_a_night_succeeds(installation: Settings) -> None:
    installation.dagster.mkdir()
    with DagsterInstance.get() as instance:
        create_run(instance, RUNS[0], DagsterRunStatus.FAILURE, "nightly")
        create_run(instance, RUNS[1], DagsterRunStatus.FAILURE, "withdraw")
        assert see(installation) == {"run_failed:nightly", "run_failed:withdraw"}
        create_run(instance, RUNS[2], DagsterRunStatus.SUCCESS, "withdraw")
        assert see(installation) == {"run_failed:nightly"}
        create_run(instance, RUNS[3], DagsterRunStatus.SUCCESS, "publish_only")
        assert see(installation) == set()


def days(first: str, last: str) -> dict[str, str]:
    return {START_TAG: first, END_TAG: last}


def test_a_failed_night_is_told_until_its_day_is_there(installation: Settings) -> None:
    """No later success hides it: the schedule never asks for that day again."""
    installation.dagster.mkdir()
    failure, success = DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS
    with DagsterInstance.get() as instance:
        create_run(instance, RUNS[0], failure, "nightly", days("2025-11-29", "2025-11-29"))
        create_run(instance, RUNS[1], success, "backfill", days("2025-01-01", "2025-01-31"))
        create_run(instance, RUNS[2], success, "nightly", days("2025-11-30", "2025-11-30"))
        assert see(installation) == {"run_failed:nightly"}
        create_run(instance, RUNS[3], success, "backfill", days("2025-11-28", "2025-11-30"))
        assert see(installation) == set()


def test_a_failed_night_is_over_where_nothing_of_its_day_is_missing(installation: Settings) -> None:
    """As after a build that failed: the day had landed, and a run that pulls nothing publishes it."""
    installation.dagster.mkdir()
    with DagsterInstance.get() as instance:
        create_run(
            instance, RUNS[0], DagsterRunStatus.FAILURE, "nightly", {"dagster/partition": "2025-08-05"}
        )
        create_run(instance, RUNS[1], DagsterRunStatus.SUCCESS, "publish_only")
        assert see(installation) == {"run_failed:nightly"}
        deliver(installation, day="2025-08-05")
        assert see(installation) == set()


def test_a_source_is_stale_by_its_rows_not_by_its_runs(installation: Settings) -> None:
    soon, later = now() + 29 * HOUR, now() + 31 * HOUR
    assert "source_stale:dossier_log" not in see(installation, soon)
    assert "source_stale:dossier_log" in see(installation, later)
    deliver(installation, rows=0, day="2025-08-07")  # a run that brought nothing
    assert "source_stale:dossier_log" in see(installation, later)


def test_a_finding_of_verify_is_told_and_so_is_that_nobody_verified(installation: Settings) -> None:
    assert "verify_old" in see(installation, now() + timedelta(days=8, hours=1))
    record_verification(installation, ["edited_file: marts/task is not what it was"], "head")
    assert "verify_finding" in see(installation)


def test_a_backup_is_asked_for_each_night(installation: Settings) -> None:
    assert "backup_old" not in see(installation, now() + 25 * HOUR)
    assert "backup_old" in see(installation, now() + 27 * HOUR)
    (installation.data / "operations" / "backup.json").unlink()
    assert "backup_old" in see(installation)


def test_a_scheduler_that_is_not_seen_is_told_where_schedules_are_on(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.dagster.mkdir()
    assert see(installation) == set()
    monkeypatch.setenv("THONGSUOT_SCHEDULES", "on")
    assert see(installation) == {"daemon_gone"}


def test_a_clock_before_the_first_day_is_told_and_a_run_under_it_refuses(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine whose battery is empty begins in 1970 or in 2000: without data there is nothing that is newer."""
    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    with time_machine.travel(datetime(2020, 1, 1, 12, tzinfo=LOCAL_ZONE)):
        (incident,) = [one for key, one in look_at(settings)[0].items() if key == "clock_wrong"]
        assert "`first_day` of sources.yaml says 2025-06-01" in incident.what_en
        (clock,) = check_machine.check_clock(settings)
        assert clock.level == "fail" and "first_day" in clock.text
        result = CliRunner().invoke(main, ["run"])
    assert result.exit_code == 2
    for word in ("Nothing can be pulled", "today is 2020-01-01", "2025-06-01", "timedatectl set-ntp true"):
        assert word in result.output
    assert not (settings.data / "lake").exists()
    assert "clock_wrong" not in see(settings)


def test_what_says_a_time_to_come_is_told_and_keeps_nothing_silent(installation: Settings) -> None:
    """A clock that ran a year ahead for a night: what was written then would be fresh for a year."""
    with time_machine.travel(datetime.now(LOCAL_ZONE) + timedelta(days=365)):
        deliver(installation, day="2025-08-07")
        record_verification(installation, [], "head")
        record_backup(installation, LastBackup(str(now()), "/backup", True, 1))
    later = now() + timedelta(days=10)
    expected = {"clock_wrong", "release_late", "source_stale:dossier_log", "verify_old", "backup_old"}
    assert see(installation, later) == expected
    (incident,) = [one for key, one in look_at(installation, later)[0].items() if key == "clock_wrong"]
    assert "dossier_log 2025-08-07" in incident.what_en and "the last backup" in incident.what_en
    (clock,) = check_machine.check_clock(installation)
    assert clock.level == "fail" and "dossier_log 2025-08-07" in clock.text
    with time_machine.travel(later.replace(tzinfo=LOCAL_ZONE) - HOUR):
        deliver(installation, day="2025-08-07")
        record_verification(installation, [], "head")
        record_backup(installation, LastBackup(str(now()), "/backup", True, 1))
    assert see(installation, later) == {"release_late"}


def test_a_disk_is_told_by_its_limit_by_its_pace_and_until_it_is_relieved(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def use(free: int) -> None:
        monkeypatch.setattr(
            "pipelines.operations.conditions.measure_disk", lambda _: DiskUse(total=1000, free=free)
        )

    limits = Thresholds()
    use(101)
    assert "disk_filling" not in see(installation, thresholds=limits)
    use(99)
    assert "disk_filling" in see(installation, thresholds=limits)
    watch(installation, [], limits)
    use(105)  # above the limit, and not relieved
    assert "disk_filling" in see(installation, thresholds=limits)
    use(111)
    assert "disk_filling" not in see(installation, thresholds=limits)


def test_a_pace_needs_days_and_a_day_has_one_sample() -> None:
    samples: list[DiskSample] = []
    for day in range(1, 41):
        moment = datetime(2025, 8, 1) + timedelta(days=day)
        samples = add_sample(samples, DiskSample(f"{moment:%Y-%m-%d}T01:00:00", 10_000))
        samples = add_sample(samples, DiskSample(f"{moment:%Y-%m-%d}T23:00:00", 10_000 - 100 * day))
    assert len(samples) == 31
    # 100 a day, and 6000 are left.
    assert forecast_days(samples) == pytest.approx(60)
    assert forecast_days(samples[-3:]) is None and forecast_days([]) is None
    # A day that is still to come was measured under a wrong clock: it would stretch the pace.
    wrong = add_sample(samples[:-1], DiskSample("2026-08-01T01:00:00", 5_000))
    assert add_sample([*samples[:-1], *wrong], samples[-1]) == samples


def test_each_incident_is_told_once_by_mail_and_webhook_and_once_when_it_is_over(
    installation: Settings,
) -> None:
    with serve_mail() as (mailbox, port), serve_webhook() as webhook:
        login = f"ops:{quote(PASSWORD, safe='')}"
        mail = f"mailto://{login}@127.0.0.1:{port}?from=ops@example.vn&to=truc@example.vn&mode=insecure"
        hook = f"json://127.0.0.1:{webhook.server_address[1]}/alerts"
        channels = list_channels({"THONGSUOT_ALERTS": f"{mail}\n{hook}"})
        (installation.data / "operations" / "backup.json").unlink()
        for _ in range(3):
            result = watch(installation, channels, quiet_limits())
            assert result and [incident.key for incident in result.incidents] == ["backup_old"]
        record_backup(installation, LastBackup(str(now()), "/backup", True, 1))
        for _ in range(2):
            result = watch(installation, channels, quiet_limits())
            assert result and not result.incidents
        titles = webhook.list_titles()
        assert len(titles) == 2 and "No backup" in titles[0] and "over" in titles[1]
        assert "Không có bản sao lưu nào" in titles[0]
        assert [title.replace("\n", "") for title in mailbox.list_titles()] == titles
        body = webhook.messages[0]["message"]
        for word in ("Từ · since", "What to do: Run `thongsuot backup", "docs/operations.md#backup_old"):
            assert word in body
        assert "Không có bản sao lưu nào" in mailbox.read_bodies()[0]


@pytest.fixture
def all_wrong(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Each condition is met: nobody verified, backed up or delivered for ten days, and what was done failed."""
    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    with time_machine.travel(datetime.now(LOCAL_ZONE) - timedelta(days=10)):
        deliver_issues(settings, "2025-08-05", 100)
        with pytest.raises(ReleaseOnHold):
            deliver_issues(settings, "2025-08-06", 50)
        deliver(settings)
        record_verification(settings, ["edited_file: marts/task is not what it was"], "head")
        record_backup(settings, LastBackup(str(now()), "/backup", True, 1))
        record_tidy(settings, LastTidy(str(now()), ["runs: no database"]))
    with time_machine.travel(datetime.now(LOCAL_ZONE) + timedelta(days=10)):
        deliver(settings, day="2025-08-07")
    settings.dagster.mkdir()
    with DagsterInstance.get() as instance:
        create_run(instance, RUNS[0], DagsterRunStatus.FAILURE, "nightly")
    monkeypatch.setenv("THONGSUOT_SCHEDULES", "on")
    return settings


def test_every_kind_arrives_by_mail_and_webhook_with_what_since_when_what_to_do_and_where(
    all_wrong: Settings,
) -> None:
    with serve_mail() as (mailbox, port), serve_webhook() as hook:
        login = f"ops:{quote(PASSWORD, safe='')}"
        mail = f"mailto://{login}@127.0.0.1:{port}?from=ops@example.vn&to=truc@example.vn&mode=insecure"
        dead = f"json://127.0.0.1:{find_free_port()}/"
        addresses = f"{mail} json://127.0.0.1:{hook.server_address[1]}/alerts {dead}"
        channels = list_channels({"THONGSUOT_ALERTS": addresses})
        watch(all_wrong, channels, Thresholds(free_share=0.99999))
        (all_wrong.data / "operations" / "backup.json").write_text("spoilt")
        watch(all_wrong, channels, Thresholds(free_share=0.99999))
        mails = {title.replace("\n", ""): body for title, body in
                 zip(mailbox.list_titles(), mailbox.read_bodies(), strict=True)}  # fmt: skip
        posts = {message["title"]: message["message"] for message in hook.messages}
    kinds = {kind for names in KINDS.values() for kind in names} | {BLIND, CHANNEL}
    for messages in (mails, posts):
        arrived = [match[1] for body in messages.values() if (match := PAGE_OF_KIND.search(body))]
        assert sorted(arrived) == sorted(kinds)
        for body in messages.values():
            lines = [line for line in body.replace("\r", "").splitlines() if line]
            assert re.search(r"^Từ · since: 20\d\d-\d\d-\d\d \d\d:\d\d$", body.replace("\r", ""), re.M)
            for word in ("Việc cần làm: ", "What to do: ", "Xem ở · where to look: `"):
                assert any(line.startswith(word) for line in lines), body
    assert set(mails) == set(posts)


def test_a_channel_that_fails_is_told_by_the_others_and_gets_what_it_missed(installation: Settings) -> None:
    port = find_free_port()
    with serve_webhook() as good:
        urls = f"json://127.0.0.1:{port}/TOKEN12345678 json://127.0.0.1:{good.server_address[1]}/a"
        channels = list_channels({"THONGSUOT_ALERTS": urls})
        (installation.data / "operations" / "backup.json").unlink()
        result = watch(installation, channels, quiet_limits())
        assert result and len(result.failing) == 1
        assert [title.split("·")[-1].strip()[:9] for title in good.list_titles()] == [
            "No backup",
            "Alert cha",
        ]
        assert "TOKEN12345678" not in state_file(installation).read_text(encoding="utf-8")
        watch(installation, channels, quiet_limits())
        assert len(good.messages) == 2
        with serve_webhook(port) as mended:
            result = watch(installation, channels, quiet_limits())
            assert result and not result.failing
            titles = mended.list_titles()
        assert "works again" in titles[0] and "No backup" in titles[1] and "over: Alert channel" in titles[2]
        assert "over: Alert channel" in good.list_titles()[-1]


def test_what_cannot_be_looked_at_is_told_and_ends_no_incident(installation: Settings) -> None:
    record_verification(installation, ["edited_file: x"], "head")
    watch(installation, [], quiet_limits())
    (installation.data / "operations" / "verified.json").write_text("spoilt")
    result = watch(installation, [], quiet_limits())
    assert result and {incident.key for incident in result.incidents} == {"verify_finding", f"{BLIND}:verify"}
    record_verification(installation, [], "head")
    result = watch(installation, [], quiet_limits())
    assert result and not result.incidents


def test_a_spoilt_memory_tells_again_rather_than_never(installation: Settings) -> None:
    (installation.data / "operations" / "backup.json").unlink()
    watch(installation, [], quiet_limits())
    state_file(installation).write_text("{", encoding="utf-8")
    result = watch(installation, [], quiet_limits())
    assert result and [incident.key for incident in result.opened] == ["backup_old"]


def test_the_digest_comes_once_a_day_after_its_hour(installation: Settings) -> None:
    limits = Thresholds(free_share=0.0001, digest_at=datetime(2025, 1, 1, 7).time())
    tomorrow = datetime.combine(now().date() + timedelta(days=1), datetime.min.time())
    with serve_webhook() as hook:
        channels = list_channels({"THONGSUOT_ALERTS": f"json://127.0.0.1:{hook.server_address[1]}/"})
        for hours in (6.9, 7.1, 8, 9):
            watch(installation, channels, limits, tomorrow + hours * HOUR)
        digests = [message for message in hook.messages if "· release 1," in message["message"]]
    assert len(digests) == 1


def test_tokens_and_passwords_of_addresses_are_masked() -> None:
    urls = (
        "tgram://123456789:AAF-x1y2z3w4v5u6/-100200300 mailto://ops:S3cretWord@mail.example.vn "
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    )
    channels = list_channels({"THONGSUOT_ALERTS": urls})
    text = mask_secrets(urls)
    for secret in ("AAF-x1y2z3w4v5u6", "123456789", "S3cretWord", "TIiajkdnlazkcOXrIdevi7FQ", "A1BRTD4JD"):
        assert secret not in text
    assert "mail.example.vn" in text
    assert [channel.name for channel in channels] == ["1 (tgram)", "2 (mailto)", "3 (slack)"]
    assert "S3cret" not in repr(channels)


@pytest.mark.parametrize("field", sorted(VARIABLES))
def test_a_wrong_threshold_is_named_with_an_example(field: str) -> None:
    with pytest.raises(SettingsError, match=f"{VARIABLES[field]} is 'x'.*such as|above 0"):
        Thresholds.from_env({VARIABLES[field]: "x"})
    assert set(READERS) == set(VARIABLES)


def test_thresholds_are_read_as_people_write_them() -> None:
    env = {"THONGSUOT_DISK_FREE": "15%", "THONGSUOT_RELEASE_BY": "05:30", "THONGSUOT_BACKUP_HOURS": "50"}
    limits = Thresholds.from_env(env)
    assert (limits.free_share, str(limits.release_by), limits.backup_hours) == (0.15, "05:30:00", 50)


def call(words: str, settings: Settings, alerts: str = "") -> tuple[int, str]:
    env = {**os.environ, "THONGSUOT_DATA": str(settings.data), "THONGSUOT_ALERTS": alerts,
           "THONGSUOT_DISK_FREE": "0.0001"}  # fmt: skip
    result = CliRunner().invoke(main, words.split(), env=env)
    return result.exit_code, result.output


def test_exit_codes_of_watch_and_of_the_test_message(installation: Settings) -> None:
    assert call("watch", installation)[0] == 2  # nobody is told
    assert call("alerts test", installation)[0] == 2
    with serve_webhook() as hook:
        address = f"json://127.0.0.1:{hook.server_address[1]}/"
        assert call("watch", installation, address)[0] == 0
        assert call("alerts test", installation, address)[0] == 0 and len(hook.messages) == 1
        (installation.data / "operations" / "backup.json").unlink()
        assert call("watch", installation, address)[0] == 1
        assert call("alerts list", installation, address)[0] == 1
        hook.status = 500
        assert call("alerts test", installation, address)[0] == 1
        record_backup(installation, LastBackup(str(now()), "/backup", True, 1))
        code, output = call("watch", installation, address)
        assert code == 2 and "takes nothing" in output
        assert call("alerts list", installation, address)[0] == 2


def test_every_kind_of_alert_has_its_section_in_the_handbook() -> None:
    page = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    kinds = {kind for names in KINDS.values() for kind in names} | {BLIND, CHANNEL}
    assert set(KINDS) == set(CONDITIONS)
    assert [kind for kind in sorted(kinds) if f"### {kind}\n" not in page] == []
    assert [kind for kind in sorted(kinds) if f"\n| {kind} |" not in page] == [], "the part in Vietnamese"
