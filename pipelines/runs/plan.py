"""What a run has to do: which days are missing, which were landed and never validated."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import NamedTuple

from pipelines.landing.withdrawals import list_remaining
from pipelines.log import get_logger
from pipelines.quality.missing_days import find_missing_days
from pipelines.quality.validate import find_pending
from pipelines.releases.verify_quality import find_suspect_batches
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contracts.contract import Contracts, Source, load_contracts
from pipelines.sources.errors import SourceError

LOG = get_logger(__name__)


class Plan(NamedTuple):
    """Which job runs, over which days (none: only build and publish), and why, in words."""

    job: str
    days: list[date]
    why: str


class DaysRefused(ValueError):
    """The range cannot be pulled; the text says which days can be."""


def find_last_day(settings: Settings, contracts: Contracts) -> date | None:
    """A demo's last day, and the one after it, on which nothing comes; None where days go on."""
    manifest = settings.data / "demo" / "manifest.json"
    if not contracts.is_demo or not manifest.exists():
        return None
    return date.fromisoformat(json.loads(manifest.read_text(encoding="utf-8"))["until"]) + timedelta(days=1)


def check_days(
    contracts: Contracts, first: date, last: date, today: date | None = None, end: date | None = None
) -> None:
    """DaysRefused for a day that is not over yet, before the place's first, or after its end: nobody delivered it;
    and where by the machine's clock not even the first is over.

    `today`: local, of the place's own clock. `end`: of a demo (find_last_day).
    """
    today = today or datetime.now(LOCAL_ZONE).date()
    yesterday = today - timedelta(days=1)
    if yesterday < contracts.first_day:
        raise DaysRefused(
            f"Nothing can be pulled: by this machine's clock today is {today}, and the first day, "
            f"{contracts.first_day} (`first_day` in sources.yaml), is not over. Set the clock "
            "(`timedatectl set-ntp true`), or wait for that day."
        )
    if end and end < min(last, yesterday):
        text = f"{last} is after the demo's last day; `thongsuot demo --until {last - timedelta(days=1)}` makes it"
        yesterday = end
    elif last > yesterday:
        text = f"{last} is not over yet: the newest day to pull is {yesterday}, yesterday"
    elif first < contracts.first_day:
        text = f"{first} is before the first day, {contracts.first_day} (`first_day` in sources.yaml)"
    else:
        return
    raise DaysRefused(f"{text}. Days from {contracts.first_day} to {yesterday} can be pulled.")


def plan_run(settings: Settings, first: date, last: date, *, again: bool, revalidate: bool) -> Plan:
    """What brings the range up to date: pull what is missing, validate what was left, then publish.

    A run that was stopped between landing and validation left batches without a report, and a
    corrected map or suite leaves reports by other rules: the next run heals both. DaysRefused for days
    that nobody delivered.
    """
    contracts = load_contracts(settings.sources_file)
    check_days(contracts, first, last, end=find_last_day(settings, contracts))
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if revalidate:
        return Plan("revalidate", every, f"{first}..{last} validated again")
    offered = {day for source in contracts.sources.values() for day in _list_offered(source, every, settings)}
    missing = every if again else [day for day in every if day in offered]
    unvalidated = [
        date.fromisoformat(batch.partition)
        for batch in find_suspect_batches(settings)
        if batch.source in contracts.sources
    ]
    unvalidated += [
        date.fromisoformat(batch.partition)
        for source in contracts.sources.values()
        for batch in find_pending(source, list_remaining(settings.landing, source.name), settings.quality)
    ]
    left = sorted({day for day in unvalidated if first <= day <= last})
    if missing:
        days = [day for day in every if min([*missing, *left]) <= day <= max([*missing, *left])]
        return Plan("nightly", days, f"{days[0]}..{days[-1]} pulled")
    if left:
        days = [day for day in every if left[0] <= day <= left[-1]]
        return Plan("revalidate", days, f"{first}..{last} already landed, {len(left)} days validated")
    return Plan("publish_only", [], f"{first}..{last} already landed, nothing to pull")


def _list_offered(source: Source, days: list[date], settings: Settings) -> list[date]:
    """The days that the source owes; all of them where it cannot even be looked at: its own step says why."""
    try:
        return find_missing_days(source, days, settings)
    # Whatever it is: the others are pulled, and the step of this one shows it whole.
    except Exception as error:
        text = str(error) if isinstance(error, SourceError | OSError) else type(error).__name__
        LOG.warning(f"what it owes cannot be told: {text}", source=source.name)
        return days
