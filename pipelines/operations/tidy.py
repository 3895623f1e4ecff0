"""What an installation lets go by itself, a setting per part; nothing that `verify` or `trace` of a kept release needs.

Ages are counted back from the newest data, not from the machine's clock: one that runs ahead lets nothing go. Batches,
reports, the ledger, the chain and what was set aside are never let go.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pipelines.exports.open_data.export import open_data_folder
from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import Release, list_releases
from pipelines.lake.location import has_lake
from pipelines.masking import mask_secrets
from pipelines.operations.thresholds import A_COUNT, read_count
from pipelines.releases.retention import outdated, prune
from pipelines.runs.retention import prune_runs
from pipelines.settings import LOCAL_ZONE, Settings, SettingsError

# A year and a month: last year's figures of this season are there to compare with.
KEEP_DAYS = 400


class Tidied(NamedTuple):
    """Of one part. `names`: what went, or would go; `error`: why it could not be looked after."""

    part: str
    keep_days: int
    names: list[str]
    error: str = ""


class Request(NamedTuple):
    """`keep_days`: counted from the machine's clock, so much more than the setting as the data are older than it."""

    settings: Settings
    chain: Sequence[Release]
    now: datetime
    keep_days: int
    is_dry: bool


def tidy(settings: Settings, now: datetime | None = None, *, dry_run: bool = False) -> list[Tidied]:
    """The caller holds the writer's lock. SettingsError for a setting that cannot be used. `now`: local time."""
    now = now or datetime.now(LOCAL_ZONE).replace(tzinfo=None)
    limits = {part: read_keep_days(part) for part in PARTS}
    chain: list[Release] = []
    if has_lake(settings):
        with open_lake(settings) as con:
            chain = list_releases(con)
    age = (now - chain[-1].as_of).days + 1 if chain else 0
    return [_tidy_part(part, settings, chain, now, max(age, 0), limits[part], dry_run) for part in PARTS]


def read_keep_days(part: str, env: Mapping[str, str] | None = None) -> int:
    variable = VARIABLES[part]
    text = (os.environ if env is None else env).get(variable) or str(KEEP_DAYS)
    try:
        days = read_count(text.strip())
    except ValueError:
        raise SettingsError(f"{variable} is {text!r}: write {A_COUNT}.") from None
    if days < LEAST_DAYS:
        raise SettingsError(f"{variable} is {days}: no less than {LEAST_DAYS} days can be kept.")
    return days


def _tidy_part(
    part: str, settings: Settings, chain: Sequence[Release], now: datetime, age: int, days: int, is_dry: bool
) -> Tidied:
    try:
        names = list(PARTS[part](Request(settings, chain, now, days + age, is_dry)))
    except Exception as error:  # whatever it is: the other parts are looked after, and this one is told
        return Tidied(part, days, [], mask_secrets(f"{type(error).__name__}: {error}")[:600])
    return Tidied(part, days, names)


def _tidy_releases(request: Request) -> Iterator[str]:
    if not request.chain:
        return
    done = prune(request.settings, author="thongsuot", reason="retention", keep_days=request.keep_days,
                 now=_to_utc(request.now), dry_run=request.is_dry)  # fmt: skip
    yield from map(str, done.releases)


def _tidy_packages(request: Request) -> Iterator[str]:
    """Open data of releases of before, but each month's last and the one that `latest` shows."""
    place = open_data_folder(request.settings)
    latest = (place / "latest").resolve()
    for release in outdated(request.chain, _to_utc(request.now), request.keep_days):
        folder = place / str(release.release_id)
        if folder.is_dir() and not folder.is_symlink() and folder.resolve() != latest:
            if not request.is_dry:
                _remove_folder(folder)
            yield f"open_data/{release.release_id}"


def _remove_folder(folder: Path) -> None:
    """Out of readers' sight in one step; what a stop leaves of it goes with the next export."""
    gone = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    folder.replace(gone)
    shutil.rmtree(gone)


def _tidy_runs(request: Request) -> Iterator[str]:
    if request.settings.dagster.is_dir():
        yield from prune_runs(request.settings, request.keep_days, dry_run=request.is_dry)


def _to_utc(local: datetime) -> datetime:
    return local.replace(tzinfo=LOCAL_ZONE).astimezone(UTC).replace(tzinfo=None)


PARTS: dict[str, Callable[[Request], Iterator[str]]] = {
    "packages": _tidy_packages,
    "releases": _tidy_releases,
    "runs": _tidy_runs,
}
VARIABLES = {part: f"THONGSUOT_KEEP_{part.upper()}" for part in PARTS}
# A month is what people ask back for, and what the watch looks back at.
LEAST_DAYS = 30
