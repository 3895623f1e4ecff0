"""Alerts arrive, once when something begins and once when it ends, at a real mail server and a real webhook."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest
import time_machine
from click.testing import CliRunner
from dagster import DagsterInstance, DagsterRunStatus

from pipelines.cli import main
from pipelines.masking import mask_secrets
from pipelines.operations.channels import list_channels
from pipelines.operations.conditions import CONDITIONS, KINDS
from pipelines.operations.records import LastBackup, LastTidy, record_backup, record_tidy, record_verification
from pipelines.operations.state import state_file
from pipelines.operations.thresholds import READERS, VARIABLES, Thresholds
from pipelines.operations.watch import BLIND, CHANNEL, watch
from pipelines.releases.errors import ReleaseOnHold
from pipelines.settings import LOCAL_ZONE, PROJECT, Settings, SettingsError
from tests.support.mail import PASSWORD, serve_mail, serve_webhook
from tests.support.servers import find_free_port
from tests.support.small_lake import deliver
from tests.unit.test_holds import deliver as deliver_issues
from tests.unit.test_running import create_run
from tests.unit.watch_support import installation, now, one_release, quiet_limits

__all__ = ["installation", "one_release"]

HOUR = timedelta(hours=1)
# As the last line of a message has it: the section of the handbook.
PAGE_OF_KIND = re.compile(r"docs/operations\.md#(\w+)")
RUNS = [f"{number}1111111-1111-4111-8111-111111111111" for number in range(4)]


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
