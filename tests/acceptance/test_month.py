"""A month of nights with what goes wrong in a year: each incident is told once, and once when it is over.

And no release is a wrong one: on each day whose data were right it is that of a place where nothing happened.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.releases.errors import ForeignHead
from pipelines.releases.holds import list_holds
from pipelines.settings import Settings
from tests import crashing
from tests.month import (
    EVERY_DAY,
    FIRST_DAY,
    Month,
    bring_up,
    call_command,
    hash_marts,
    make_the_backup,
    run_quiet_night,
    run_the_night,
)
from tests.support.mail import PASSWORD, Webhook, serve_mail, serve_webhook

pytestmark = [pytest.mark.slow, pytest.mark.full]
LOG, ISSUES = "one_stop.sqlite", "issue_register/2025-07-29.csv"


def at(text: str) -> datetime:
    """`07-11 00:30` of the month's year."""
    return datetime.fromisoformat(f"2025-{text}")


def do_nothing(month: Month) -> None:
    """Whoever should have acted did not."""


def lose_the_source(month: Month) -> None:
    database = month.settings.data / "demo" / LOG
    database.rename(database.with_suffix(".away"))
    month.call("run", expected=1)


def find_the_source(month: Month) -> None:
    database = month.settings.data / "demo" / LOG
    database.with_suffix(".away").rename(database)
    month.call("run")
    month.next_day = month.now.date()


def run_on_a_full_disk(month: Month) -> None:
    month.environment["THONGSUOT_DISK_FREE"] = "99.999%"
    crashing.on_a_full_disk(call_command, month.environment, month.now, "run")


def make_room(month: Month) -> None:
    month.environment["THONGSUOT_DISK_FREE"] = "0.001%"
    run_the_night(month)


def kill_the_run(month: Month) -> None:
    crashing.killed_at(20, call_command, month.environment, month.now, "run")


def kill_the_daemon(month: Month) -> None:
    month.is_daemon_alive = False


def start_the_daemon(month: Month) -> None:
    month.is_daemon_alive = True
    run_the_night(month)


def run_a_year_ahead(month: Month) -> None:
    yesterday = month.now.date() - timedelta(days=1)
    run_quiet_night(month.settings, month.now + timedelta(days=365), str(yesterday))


def run_a_year_behind(month: Month) -> None:
    """By such a clock not even the first day is over: the command refuses, and nothing is pulled."""
    month.call("run", expected=2, at=month.now - timedelta(days=365))


def back_up_in_vain(month: Month) -> None:
    """The copy is verified as the lake is: what is wrong there is a finding, and no whole backup."""
    month.call(f"backup {month.backups} --keep 2", expected=1)


def pull_and_back_up_again(month: Month) -> None:
    run_the_night(month)
    make_the_backup(month)


def shrink_the_list(month: Month) -> None:
    path = month.settings.data / "demo" / ISSUES
    whole = path.read_bytes()
    path.with_suffix(".whole").write_bytes(whole)
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:300]))
    month.call("run", expected=1)


def mend_the_list(month: Month) -> None:
    path = month.settings.data / "demo" / ISSUES
    path.with_suffix(".whole").replace(path)
    month.call("run --again --partition 2025-07-29")
    month.next_day = month.now.date()


def flip_a_byte(month: Month) -> None:
    """In the middle of the one file of a mart that is written anew each night."""
    (path,) = list_mart_files(month.settings, "online_submission_breakdown")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def list_mart_files(settings: Settings, mart: str) -> list[Path]:
    with open_lake(settings) as con:
        query = "select data_file from ducklake_list_files('lake', ?, schema => 'marts')"
        return [Path(path) for (path,) in con.execute(query, [mart]).fetchall()]


def publish_nothing_upon_it(month: Month) -> None:
    """The night lands its day, and refuses to put a release upon a lake that is not as the last one left it."""
    with pytest.raises(ForeignHead, match="online_submission_breakdown"):
        run_the_night(month)


def find_the_byte(month: Month) -> None:
    month.call("verify", expected=1)


def heal_the_lake(month: Month) -> None:
    month.call("releases heal --reason flipped --yes")
    month.next_day = month.now.date()
    month.call("verify")
    month.call(f"backup {month.backups} --keep 2")


def plan_faults(hook: Webhook) -> dict[datetime, Callable[[Month], None]]:
    def answer(status: int) -> Callable[[Month], None]:
        return lambda _: setattr(hook, "status", status)

    return {
        at("07-11 00:30"): lose_the_source, at("07-11 09:00"): find_the_source,
        at("07-14 00:30"): run_on_a_full_disk, at("07-14 08:00"): make_room,
        at("07-16 00:30"): kill_the_run, at("07-16 07:00"): run_the_night,
        at("07-18 19:30"): kill_the_daemon, at("07-19 00:30"): do_nothing, at("07-19 08:00"): start_the_daemon,
        at("07-25 00:30"): run_a_year_ahead, at("07-25 02:00"): back_up_in_vain,
        at("07-25 09:00"): pull_and_back_up_again,
        at("07-27 00:30"): run_a_year_behind, at("07-27 07:00"): run_the_night,
        at("07-30 00:30"): shrink_the_list, at("07-30 09:00"): mend_the_list,
        at("07-31 23:50"): answer(500), at("08-01 02:00"): do_nothing, at("08-01 12:00"): answer(200),
        at("08-02 20:00"): flip_a_byte, at("08-03 00:30"): publish_nothing_upon_it, at("08-03 02:00"): back_up_in_vain,
        at("08-03 03:00"): find_the_byte, at("08-03 09:00"): heal_the_lake,
    }  # fmt: skip


# What each is told as, at the first look after it began, and at the first after it was over.
LOG_STALE = "source_stale:dossier_log"
INCIDENTS = [
    ("run_failed:nightly", "07-11 01", "07-11 09"),
    ("release_late", "07-11 06", "07-11 09"),
    (LOG_STALE, "07-11 07", "07-11 09"),
    ("disk_filling", "07-14 01", "07-14 08"),
    ("release_late", "07-14 06", "07-14 08"),
    (LOG_STALE, "07-14 07", "07-14 08"),
    ("release_late", "07-16 06", "07-16 07"),
    ("daemon_gone", "07-18 20", "07-19 08"),
    ("release_late", "07-19 06", "07-19 08"),
    (LOG_STALE, "07-19 07", "07-19 08"),
    ("clock_wrong", "07-25 01", "07-25 09"),
    ("backup_old", "07-25 04", "07-25 09"),
    ("release_late", "07-25 06", "07-25 09"),
    (LOG_STALE, "07-25 07", "07-25 09"),
    ("release_late", "07-27 06", "07-27 07"),
    ("run_failed:nightly", "07-30 01", "07-30 09"),
    ("release_held:1", "07-30 01", "07-30 09"),
    ("release_late", "07-30 06", "07-30 09"),
    ("backup_old", "08-01 04", "08-02 02"),
    ("verify_finding", "08-03 03", "08-03 09"),
    ("backup_old", "08-03 04", "08-03 09"),
    ("release_late", "08-03 06", "08-03 09"),
]
CHECKED_DAYS = ["07-10", "07-13", "07-15", "07-18", "07-24", "07-26", "07-29", "08-02", "08-06"]


class MonthRecord(NamedTuple):
    """As in Month; the titles that each channel took."""

    opened: list[tuple[str, str]]
    over: list[tuple[str, str]]
    failing: list[tuple[str, str]]
    mails: list[str]
    posts: list[str]


def live_the_month(settings: Settings, compiled: Settings, backups: Path) -> MonthRecord:
    """In a process of its own: Dagster's definitions are of the installation that loads them first."""
    bring_up(settings, compiled)
    with serve_mail() as (mailbox, port), serve_webhook() as hook:
        login = f"ops:{quote(PASSWORD, safe='')}"
        mail = f"mailto://{login}@127.0.0.1:{port}?from=ops@example.vn&to=truc@example.vn&mode=insecure"
        environment = settings.child_environment() | {
            "THONGSUOT_ALERTS": f"{mail} json://127.0.0.1:{hook.server_address[1]}/alerts",
            "THONGSUOT_SCHEDULES": "on", "THONGSUOT_DISK_FREE": "0.001%", "THONGSUOT_EXPORTS": "marts_duckdb",
        }  # fmt: skip
        month = Month(settings, backups, environment, plan_faults(hook))
        month.live()
        month.call("verify")
        mails = [title.replace("\n", "") for title in mailbox.list_titles()]
        return MonthRecord(month.opened, month.over, month.failing, mails, hook.list_titles())


class Aftermath(NamedTuple):
    settings: Settings
    record: MonthRecord


@pytest.fixture(scope="module")
def month(compiled: Settings, tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    folder = tmp_path_factory.mktemp("month")
    settings = Settings(data=folder / "data", sources_file=folder / "data" / "sources.yaml")
    return Aftermath(settings, crashing.ask_in_child(live_the_month, settings, compiled, folder / "backups"))


def test_every_incident_is_told_once_and_once_when_it_is_over(month: Aftermath) -> None:
    def in_order(entries: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return sorted(entries, key=lambda entry: (entry[1], entry[0]))

    assert in_order(month.record.opened) == in_order([(key, began) for key, began, _ in INCIDENTS])
    assert in_order(month.record.over) == in_order([(key, over) for key, _, over in INCIDENTS])


def test_both_channels_took_every_message_also_the_one_that_had_failed(month: Aftermath) -> None:
    mails, posts = month.record.mails, month.record.posts
    # The mail was told of the webhook that failed, and that it works again; the webhook is told that itself.
    assert len(mails) == 2 * len(INCIDENTS) + 2
    assert len([title for title in mails if "over:" in title]) == len(INCIDENTS) + 1
    assert len([title for title in posts if "works again" in title]) == 1
    assert sorted(title for title in mails if "hannel" not in title) == sorted(
        title for title in posts if "hannel" not in title
    )
    assert {hour[:5] for _, hour in month.record.failing} == {"08-01"}


def test_every_release_of_a_day_with_right_data_is_that_of_a_month_without_events(
    month: Aftermath, compiled: Settings, tmp_path: Path
) -> None:
    quiet = Settings(data=tmp_path / "data", sources_file=tmp_path / "data" / "sources.yaml")
    bring_up(quiet, compiled)
    first = FIRST_DAY
    for day in CHECKED_DAYS:
        last = at(f"{day} 00:00").date()
        run_quiet_night(quiet, at(f"{day} 00:30") + timedelta(days=1), f"{first}..{last}")
        first = last + timedelta(days=1)
    expected = hash_marts(quiet)
    current = hash_marts(month.settings)
    assert len(current) == len(EVERY_DAY)
    assert {day: current[day] for day in expected} == expected


def test_what_was_held_was_never_served(month: Aftermath) -> None:
    with open_lake(month.settings) as con:
        releases, holds = list_releases(con), list_holds(con)
    assert [hold.status for hold in holds] == ["mended"]
    of_that_day = [release for release in releases if str(release.as_of.date()) == "2025-07-29"]
    assert [f"{release.published_at:%m-%d %H}" for release in of_that_day] == ["07-30 02"]  # UTC
