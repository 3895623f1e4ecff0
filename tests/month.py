"""A tiny province and a month of its nights in accelerated time: the clock of this process is moved, nothing else.

Each hour the watch looks, as cron calls it; nights, backups and the Sunday's verification come at their hours. What
goes wrong is planted by test_month.
"""

from __future__ import annotations

import json
import os
import shutil
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

import time_machine
from click.testing import CliRunner

from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.warehouse.data_tests import build_models
from tests import week
from tests.nights import run_night

# The first night pulls the history; the demo's last day with every source is pulled in the last one.
FIRST_DAY, FIRST, LAST = date(2025, 6, 1), date(2025, 7, 8), date(2025, 8, 7)
START = datetime.combine(FIRST, time())
EVERY_DAY = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
SUNDAY = 6
# Lists come once a week here, and are pulled again once they were mended.
WEEKLY_HOURS = 200


def bring_up(settings: Settings, compiled: Settings) -> None:
    """The sources of the month, nothing pulled yet; a place that is no demo, and goes on after its last day."""
    week.bring_up(settings)
    text = settings.sources_file.read_text(encoding="utf-8")
    text = text.replace("is_demo: true\n", "").replace("last_day: 2025-08-06\n", "")
    weekly = "partitioning: snapshot_day\n"
    assert text.count(weekly) == 5
    text = text.replace(weekly, f"{weekly}    freshness_hours: {WEEKLY_HOURS}\n")
    settings.sources_file.write_text(text, encoding="utf-8")
    shutil.copytree(compiled.dbt_target, settings.dbt_target)


def travel(moment: datetime) -> time_machine.travel:
    return time_machine.travel(moment.replace(tzinfo=LOCAL_ZONE), tick=True)


def hash_marts(settings: Settings) -> dict[str, dict[str, str]]:
    """as_of → mart → content hash, of the last release of each; audit tables name batches, and are left out."""
    with open_lake(settings) as con:
        releases = list_releases(con)
    return {
        str(release.as_of.date()): {
            name: mart.sha256 for name, mart in release.marts.items() if name.startswith("marts.")
        }
        for release in releases
    }


def run_quiet_night(settings: Settings, moment: datetime, word: str) -> None:
    """The stages in this process, without data tests: what a night without an event costs least by."""
    with keep_environment(), travel(moment):
        run_night(settings, word, build=build_models, exports=())


@contextmanager
def keep_environment() -> Iterator[None]:
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class Answer(NamedTuple):
    """`answer`: what a program reads; `output`: all that was printed, and the stack of what was raised."""

    code: int
    answer: str
    output: str


def call_command(environment: Mapping[str, str], moment: datetime, words: str) -> Answer:
    """The operator's command at that moment."""
    from pipelines.cli import main

    with keep_environment(), travel(moment):
        os.environ.update(environment)
        result = CliRunner().invoke(main, words.split())
    output = result.output
    if result.exception and not isinstance(result.exception, SystemExit):
        output += "".join(traceback.format_exception(result.exception))
    return Answer(result.exit_code, result.stdout, output)


@dataclass
class Month:
    """`events`: what happens instead of, or beside, the ordinary course, by moment.

    `days`: that have a night; one after a gap does what the nights between would have done. `next_day`: to pull next.
    `opened`, `over`: (key of the incident, day and hour of the look that told it); `failing`: channels, likewise.
    """

    settings: Settings
    backups: Path
    environment: dict[str, str]
    events: dict[datetime, Callable[[Month], None]] = field(default_factory=dict)
    days: list[date] = field(default_factory=lambda: EVERY_DAY)
    next_day: date = FIRST_DAY
    is_daemon_alive: bool = True
    opened: list[tuple[str, str]] = field(default_factory=list)
    over: list[tuple[str, str]] = field(default_factory=list)
    failing: list[tuple[str, str]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    now: datetime = START

    def call(self, words: str, expected: int = 0, at: datetime | None = None) -> str:
        """`at`: what the machine's clock says, where it is wrong."""
        code, answer, output = call_command(self.environment, at or self.now, words)
        self.outputs.append(f"{self.now:%m-%d %H:%M} {words}: {code}\n{output}")
        assert code == expected, "\n".join(self.outputs[-3:])
        return answer

    def live(self) -> None:
        """Hour by hour from the first night to the evening of the last."""
        agenda = self._list_ordinary() | self.events
        for moment in sorted(agenda):
            self.now = moment
            agenda[moment](self)

    def _list_ordinary(self) -> dict[datetime, Callable[[Month], None]]:
        agenda: dict[datetime, Callable[[Month], None]] = {}
        for day in self.days:
            is_after_gap = day - timedelta(days=1) not in self.days
            agenda[datetime.combine(day, time(0, 30))] = run_the_night
            agenda[datetime.combine(day, time(2, 0))] = make_the_backup
            if day.weekday() == SUNDAY or is_after_gap:
                agenda[datetime.combine(day, time(3, 0))] = verify_everything
            for hour in range(3 if is_after_gap else 0, 24):
                agenda[datetime.combine(day, time(hour, 10))] = look_once
        return agenda


def run_the_night(month: Month) -> None:
    """As the schedule does it: yesterday, and every day that was not asked for."""
    last = month.now.date() - timedelta(days=1)
    run_quiet_night(month.settings, month.now, f"{month.next_day}..{last}")
    month.next_day = month.now.date()


def make_the_backup(month: Month) -> None:
    month.call(f"backup {month.backups} --keep 2")


def verify_everything(month: Month) -> None:
    month.call("verify")


def look_once(month: Month) -> None:
    """As cron does; a daemon that lives was seen just now."""
    if month.is_daemon_alive:
        with keep_environment(), travel(month.now):
            os.environ.update(month.environment)
            beat()
    code, answer, output = call_command(month.environment, month.now, "watch --json")
    assert "Traceback" not in output, output
    result = json.loads(answer)
    hour = f"{month.now:%m-%d %H}"
    month.opened += [(key, hour) for key in result["opened"]]
    for key in result["over"]:
        started = [opened for opened, _ in month.opened].count(key)
        assert started == [over for over, _ in month.over].count(key) + 1
        month.over.append((key, hour))
    channels = [one["name"] for one in result["failing_channels"]]
    month.failing += [(name, hour) for name in channels]
    assert code == (2 if channels else 1 if result["incidents"] else 0)


def beat() -> None:
    from dagster import DagsterInstance
    from dagster._daemon.types import DaemonHeartbeat

    with DagsterInstance.get() as instance:
        heartbeat = DaemonHeartbeat(datetime.now(LOCAL_ZONE).timestamp(), "SCHEDULER", "the daemon", [])
        instance.add_daemon_heartbeat(heartbeat)
