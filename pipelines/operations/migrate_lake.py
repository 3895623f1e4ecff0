"""`thongsuot migrate lake`: the lake of the data directory goes to servers, with its history and its chain.

Files first, then the catalogue in one transaction, then `verify` on what arrived; only then the old catalogue is set
aside. A migration that was stopped is begun again: what has arrived is not copied twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from pipelines.lake.catalogue import open_lake
from pipelines.lake.chain import find_head, list_events
from pipelines.lake.copy_lake import connect_both, copy_catalogue, copy_files
from pipelines.lake.ledger import GENESIS, list_releases
from pipelines.lake.location import has_lake, locate_lake, moved_catalogue
from pipelines.releases.findings import Finding
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings


class MigrationRefused(RuntimeError):
    """Nothing was moved; the text says why and what to do."""


class Migration(NamedTuple):
    """`copied`: files, without those of a migration that was stopped; `head`: of the chain, before and after."""

    releases: int
    files: int
    copied: int
    head: str


def migrate_lake(settings: Settings, progress: Callable[[str], None] = lambda _: None) -> Migration:
    """`settings` name the servers. The caller holds the writer's lock. MigrationRefused where nothing was moved."""
    if settings.lake_servers is None:
        raise MigrationRefused(
            "No server is named: set THONGSUOT_LAKE_CATALOGUE, and THONGSUOT_LAKE_FILES for a bucket "
            "(docs/operations.md)."
        )
    local = replace(settings, lake_servers=None)
    origin, target = locate_lake(local), locate_lake(settings)
    if not has_lake(local):
        raise MigrationRefused(f"There is no lake at {origin.describe()} to move.")
    arrived = _find_head(settings) if has_lake(settings) else GENESIS
    # One that was stopped after its catalogue had arrived is begun again.
    if arrived not in (GENESIS, _find_head(local)):
        raise MigrationRefused(f"{target.describe()} holds other releases already: name an empty database.")
    progress("verify")
    before = verify_releases(local)
    _refuse_findings(before.findings, "the lake here is not whole")
    with open_lake(local) as con:
        names = origin.files.list_sizes(con)
    with connect_both(settings, origin, target) as con:
        if strange := sorted(target.files.list_sizes(con).keys() - names):
            raise MigrationRefused(
                f"{target.files.root} holds files of others ({', '.join(strange[:3])}): name an empty folder."
            )
        progress(f"{len(names)} files")
        copied = copy_files(con, origin, target, names) if origin.files != target.files else 0
        progress("catalogue")
        copy_catalogue(con, origin, target)
    progress("verify what arrived")
    after = verify_releases(settings, expected_head=before.head)
    _refuse_findings(after.findings, f"what arrived at {target.describe()} is not whole")
    catalogue = settings.lake / "catalog.sqlite"
    catalogue.replace(moved_catalogue(settings))
    return Migration(after.releases, len(names), copied, after.head)


def _find_head(settings: Settings) -> str:
    """Of the chain, without looking at what it vouches for."""
    with open_lake(settings) as con:
        return find_head(list_releases(con), list_events(con))


def _refuse_findings(findings: list[Finding], what: str) -> None:
    if findings:
        listed = "\n".join(f"  {finding.kind}: {finding.text}" for finding in findings[:5])
        raise MigrationRefused(f"Nothing was moved: {what}:\n{listed}")
