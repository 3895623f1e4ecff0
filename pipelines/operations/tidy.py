"""What an installation lets go by itself, a setting per part; nothing that `verify` or `trace` of a kept release needs.

Ages are counted back from the newest data, not from the machine's clock: one that runs ahead lets nothing go. Batches,
reports, the ledger, the chain and what was set aside are never let go; contents of releases only where a person set how
long they are kept. Nothing goes without a whole backup of the last day.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pipelines.exports.open_data.export import open_data_folder
from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import Release, list_releases
from pipelines.lake.location import has_lake
from pipelines.masking import mask_secrets
from pipelines.operations.future import is_future
from pipelines.operations.records import LastTidy, read_last_backup, record_tidy
from pipelines.operations.thresholds import Thresholds, read_count
from pipelines.releases.errors import ForeignHead
from pipelines.releases.retention import outdated, prune
from pipelines.releases.spared import find_spared
from pipelines.releases.verify_head import check_foreign
from pipelines.runs.lock import Busy
from pipelines.runs.retention import prune_runs
from pipelines.settings import LOCAL_ZONE, Settings, SettingsError

FOREVER = "forever"
# A year and a month: last year's figures of this season are there to compare with.
KEEP_DAYS = 400


class TidyRefused(RuntimeError):
    """Nothing may go now; the text says what to do."""


class Tidied(NamedTuple):
    """Of one part. `keep_days`: None for ever; `names`: what went, or would go, also before an `error` stopped it."""

    part: str
    keep_days: int | None
    names: list[str]
    error: str = ""


class Request(NamedTuple):
    """`keep_days`: counted from the machine's clock, so much more than the setting as the data are older than it."""

    settings: Settings
    chain: Sequence[Release]
    spared: Collection[int]
    now: datetime
    keep_days: int
    is_dry: bool


def tidy(settings: Settings, now: datetime | None = None, *, dry_run: bool = False) -> list[Tidied]:
    """The caller holds the writer's lock. `now`: local time.

    SettingsError for a setting that cannot be used; TidyRefused where the last whole backup is too old.
    """
    now = now or datetime.now(LOCAL_ZONE).replace(tzinfo=None)
    limits = {part: read_keep_days(part) for part in PARTS}
    if not dry_run:
        _check_backup(settings, now)
    chain: list[Release] = []
    spared: set[int] = set()
    if has_lake(settings):
        with open_lake(settings) as con:
            chain = list_releases(con)
            spared = find_spared(con, settings, chain)
    age = max((now - chain[-1].as_of).days + 1 if chain else 0, 0)
    results: dict[str, Tidied] = {}
    for part, days in limits.items():
        needed = NEEDED.get(part)
        if days is None:
            results[part] = Tidied(part, None, [])
        elif needed and results[needed].error:
            results[part] = Tidied(part, days, [], f"left as they are: {needed} could not be looked after")
        else:
            request = Request(settings, chain, spared, now, days + age, dry_run)
            results[part] = _tidy_part(part, request, days)
    return list(results.values())


@contextmanager
def recording(settings: Settings, *, dry_run: bool = False) -> Iterator[Callable[[Sequence[Tidied]], None]]:
    """Around `tidy`; what is yielded takes its results. Leaves the record that the watch reads, unless it was dry.

    What stopped it as a whole is in the record too; but not that there is no backup, which has an alert of its own, nor
    that a run was at work for long: the next one tidies.
    """
    errors: list[str] = []

    def take(parts: Sequence[Tidied]) -> None:
        errors.extend(f"{part.part}: {part.error}" for part in parts if part.error)

    try:
        yield take
    except (TidyRefused, Busy):
        raise
    except Exception as error:
        errors.append(_spell_error(error))
        with suppress(OSError):  # a full disk: the error itself is what is told here
            _record(settings, errors, dry_run)
        raise
    _record(settings, errors, dry_run)


def _record(settings: Settings, errors: list[str], dry_run: bool) -> None:
    """Nothing where there is no installation: a wrong THONGSUOT_DATA makes none."""
    if not dry_run and settings.data.is_dir():
        record_tidy(settings, LastTidy(datetime.now(LOCAL_ZONE).replace(tzinfo=None).isoformat(), errors))


def _spell_error(error: Exception) -> str:
    return mask_secrets(f"{type(error).__name__}: {error}")[:600]


def _check_backup(settings: Settings, now: datetime) -> None:
    hours = Thresholds.from_env().backup_hours
    backup = read_last_backup(settings)
    moment = datetime.fromisoformat(backup.at) if backup else None
    if moment is None or is_future(moment, now) or moment < now - timedelta(hours=hours):
        raise TidyRefused(
            f"Nothing went: there is no whole backup of the last {hours} hours. Run `thongsuot backup DEST` first."
        )


def read_keep_days(part: str, env: Mapping[str, str] | None = None) -> int | None:
    """None where it is kept for ever."""
    variable = VARIABLES[part]
    text = ((os.environ if env is None else env).get(variable) or DEFAULTS[part]).strip()
    if text == FOREVER:
        return None
    try:
        days = read_count(text)
    except ValueError:
        days = 0
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise SettingsError(
            f"{variable} is {text!r}: write a number of days from {LEAST_DAYS} to {MOST_DAYS}, or `{FOREVER}`."
        )
    return days


def _tidy_part(part: str, request: Request, days: int) -> Tidied:
    names: list[str] = []
    try:
        names.extend(PARTS[part](request))  # each as it comes: what went before an error is told
    except Exception as error:  # whatever it is: the other parts are looked after, and this one is told
        return Tidied(part, days, names, _spell_error(error))
    return Tidied(part, days, names)


def _tidy_releases(request: Request) -> Iterator[str]:
    if not request.chain:
        return
    pruned = prune(request.settings, author="thongsuot", reason="retention", keep_days=request.keep_days,
                   now=_to_utc(request.now), dry_run=request.is_dry)  # fmt: skip
    yield from map(str, pruned.releases)


def _tidy_packages(request: Request) -> Iterator[str]:
    """Open data of releases of before, but each month's last, spared ones and the one that `latest` shows."""
    _refuse_doubt(request)
    place = open_data_folder(request.settings)
    latest = (place / "latest").resolve()
    for release in outdated(request.chain, _to_utc(request.now), request.keep_days, request.spared):
        folder = place / str(release.release_id)
        if not folder.is_dir() or folder.is_symlink() or folder.resolve() == latest:
            continue
        name = f"open_data/{release.release_id}"
        if request.is_dry:
            yield name
        else:
            trash = _hide_folder(folder)
            yield name
            shutil.rmtree(trash)


def _refuse_doubt(request: Request) -> None:
    """ForeignHead as pruning says it, which is not asked where contents are kept for ever."""
    if request.chain:
        with open_lake(request.settings) as con:
            findings = list(check_foreign(con, request.chain))
        if findings:
            raise ForeignHead(findings, "no package was removed")


def _hide_folder(folder: Path) -> Path:
    """Out of readers' sight in one step; what a stop leaves of it goes with the next export."""
    trash = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(trash, ignore_errors=True)
    return folder.replace(trash)


def _tidy_runs(request: Request) -> Iterator[str]:
    if request.settings.has_history:
        yield from prune_runs(request.settings, request.keep_days, dry_run=request.is_dry)


def _to_utc(local: datetime) -> datetime:
    return local.replace(tzinfo=LOCAL_ZONE).astimezone(UTC).replace(tzinfo=None)


PARTS: dict[str, Callable[[Request], Iterator[str]]] = {
    "releases": _tidy_releases,
    "packages": _tidy_packages,
    "runs": _tidy_runs,
}
VARIABLES = {part: f"THONGSUOT_KEEP_{part.upper()}" for part in PARTS}
# Pruning first asks whether the lake is as it was left: on one in doubt no package goes either.
NEEDED = {"packages": "releases"}
# Official figures are not deleted because nobody set anything; the rest can be made again, or is a history.
DEFAULTS = {"releases": FOREVER, "packages": str(KEEP_DAYS), "runs": str(KEEP_DAYS)}
# A month is what people ask back for, and what the watch looks back at.
LEAST_DAYS = 30
MOST_DAYS = 36_500
