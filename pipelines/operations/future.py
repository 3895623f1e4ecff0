"""What says that it was written after now: the machine's clock ran ahead for a time, or is behind now.

Such a record is of no use as a sign of life. For a year it would keep the watch silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.lake.location import has_lake
from pipelines.landing.clock import TOLERANCE, describe_future_batch, list_future_batches
from pipelines.operations.records import read_last_backup, read_verification
from pipelines.operations.state import WatchState
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contracts.contract import load_contracts


def is_future(moment: datetime, now: datetime) -> bool:
    """Both local times; what has a zone is taken as the local time that it says."""
    return moment.replace(tzinfo=None) > now.replace(tzinfo=None) + TOLERANCE


def describe_future_records(settings: Settings, now: datetime, state: WatchState) -> Iterator[str]:
    """Batches that count, the newest release, the last backup, verification and look, the first day of all; `now`:
    local time.

    What cannot be read is left to the condition, or the question of the doctor, that is about it.
    """
    utc = now.replace(tzinfo=LOCAL_ZONE).astimezone(UTC)
    yield from map(describe_future_batch, list_future_batches(settings.landing, utc))
    for name, read in MOMENTS.items():
        try:
            at = read(settings, state)
        except Exception:
            continue
        if at and is_future(at, now):
            yield f"{name} says {at:%Y-%m-%d %H:%M}"


def _read_release(settings: Settings, _: WatchState) -> datetime | None:
    if not has_lake(settings):
        return None
    with open_lake(settings) as con:
        newest = list_releases(con)[-1:]
    return newest[0].published_at.replace(tzinfo=UTC).astimezone(LOCAL_ZONE) if newest else None


def _read_backup(settings: Settings, _: WatchState) -> datetime | None:
    backup = read_last_backup(settings)
    return datetime.fromisoformat(backup.at) if backup else None


def _read_verification(settings: Settings, _: WatchState) -> datetime | None:
    verified = read_verification(settings)
    return datetime.fromisoformat(verified.at) if verified else None


def _read_look(_: Settings, state: WatchState) -> datetime | None:
    return datetime.fromisoformat(state.looked_at) if state.looked_at else None


def _read_first_day(settings: Settings, _: WatchState) -> datetime | None:
    """None where there are no data: an installation may be made ready before its first day, by a sound clock."""
    if not any(settings.landing.glob("*/*/*.json")) and not has_lake(settings):
        return None
    return datetime.combine(load_contracts(settings.sources_file).first_day, datetime.min.time())


# Local times.
MOMENTS: dict[str, Callable[[Settings, WatchState], datetime | None]] = {
    "the newest release": _read_release,
    "the last backup": _read_backup,
    "the last verification": _read_verification,
    "the last look of the watch": _read_look,
    "`first_day` of sources.yaml": _read_first_day,
}
