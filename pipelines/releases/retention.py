"""Retention: every release for some days, then the last of each month and what is spared; the chain stays whole.

Hashes, batches and explanations of a pruned release remain in the ledger, its contents go: the lake
forgets the snapshot and deletes the files that no other one needs. The pruning is a link of the chain.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import duckdb

from pipelines.lake import catalogue as lake
from pipelines.lake import chain as links
from pipelines.lake import files, ledger
from pipelines.lake.catalogue_lock import confirm_lock
from pipelines.lake.ledger import Release
from pipelines.releases.errors import ForeignHead
from pipelines.releases.spared import find_spared
from pipelines.releases.verify_head import check_foreign
from pipelines.settings import LOCAL_ZONE, Settings

KEEP_DAYS = 90


class Pruned(NamedTuple):
    releases: list[int]
    files: int
    bytes: int


def outdated(
    chain: Sequence[Release], now: datetime, keep_days: int = KEEP_DAYS, spared: Collection[int] = ()
) -> list[Release]:
    """Releases to prune at `now` (UTC): never the newest, a month's last, one of the last days, or a spared one."""
    last_of_month = {_month(release): release.release_id for release in chain}
    return [
        release
        for release in chain[:-1]
        if release.published_at < now - timedelta(days=keep_days)
        and last_of_month[_month(release)] != release.release_id
        and release.release_id not in spared
    ]


def _month(release: Release) -> str:
    return f"{release.published_at.replace(tzinfo=UTC).astimezone(LOCAL_ZONE):%Y-%m}"


def prune(
    settings: Settings, *, author: str, reason: str, keep_days: int = KEEP_DAYS, now: datetime | None = None,
    dry_run: bool = False,
) -> Pruned:  # fmt: skip
    """Drop the contents of outdated releases and reclaim their files. Harmless when repeated.

    The caller holds the writer's lock. FileNotFoundError where there is no lake; ForeignHead where somebody else wrote
    to its catalogue: what is deleted goes by that. SettingsError where the list of what to spare cannot be read.
    """
    now = now or datetime.now(UTC).replace(tzinfo=None)
    with lake.open_lake(settings) as con:
        chain = ledger.list_releases(con)
        kept = ledger.list_kept(con, chain)
        before = files.list_sizes(con, settings)
        if findings := list(check_foreign(con, chain)):
            raise ForeignHead(findings, "nothing was pruned")
        # A pruning that was stopped after the lake forgot its snapshots leaves their files.
        has_scheduled = bool(files.list_scheduled(con))
        spared = find_spared(con, settings, chain)
    old = [release for release in outdated(chain, now, keep_days, spared) if release in kept]
    numbers = [release.release_id for release in old]
    if dry_run or not (numbers or has_scheduled):
        return Pruned(numbers, 0, 0)
    with lake.open_lake(settings, read_only=False) as con:
        forget_releases(con, chain, old, now, author, reason)
        after = files.list_sizes(con, settings)
    return Pruned(numbers, len(before) - len(after), sum(before.values()) - sum(after.values()))


def forget_releases(
    con: duckdb.DuckDBPyConnection, chain: list[Release], old: Sequence[Release], now: datetime,
    author: str, reason: str,
) -> None:  # fmt: skip
    """Their contents leave the lake, on record first: a stop after that leaves what is merely not needed any more."""
    _record(con, chain, [release.release_id for release in old], now, author, reason)
    # Snapshots without a release (the empty lake, earlier prunings) hold nothing that is served.
    released = {release.snapshot_id for release in chain}
    present = lake.list_snapshots(con)
    unnamed = {n for n in present - released if n < chain[-1].snapshot_id}
    if versions := sorted(({release.snapshot_id for release in old} & present) | unnamed):
        listed = ", ".join(map(str, versions))
        confirm_lock()
        con.execute(f"call ducklake_expire_snapshots('{lake.ALIAS}', versions => [{listed}])")
    if files.list_scheduled(con):
        con.execute(f"call ducklake_cleanup_old_files('{lake.ALIAS}', cleanup_all => true)")


def _record(
    con: duckdb.DuckDBPyConnection, chain: list[Release], numbers: list[int], now: datetime, author: str,
    reason: str,
) -> None:  # fmt: skip
    """A link of the chain for each release; one that a stopped pruning recorded already is not told twice."""
    recorded = {prune.release_id for prune in links.list_prunes(con)}
    fresh = [release_id for release_id in numbers if release_id not in recorded]
    if not fresh:
        return
    con.execute("begin")
    for release_id in fresh:
        links.append_prune(
            con, chain, links.Prune(0, release_id, chain[-1].release_id, now, author, reason, "")
        )
    lake.label_transaction(con, author, f"pruned releases {', '.join(map(str, fresh))}: {reason}")
    con.execute("commit")
