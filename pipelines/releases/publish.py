"""Publish: the built and tested warehouse becomes release n, in one labelled lake transaction.

Write–audit–publish: what was applied is read back inside the transaction and must equal the
source, or nothing is committed; after a build in part the rows that it replaced, and how many rows there are. Only
tables whose content changed are touched.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.explain.rates import explain_rates
from pipelines.gate.examine import GateResult, examine_build
from pipelines.gate.record import record_examination
from pipelines.lake import catalogue as lake
from pipelines.lake import chain as links
from pipelines.lake import files, inputs, ledger
from pipelines.lake.apply import TableChange, apply_change, find_change, is_applied, list_parts
from pipelines.lake.clean import drop_foreign_objects
from pipelines.lake.code_version import code_version
from pipelines.lake.exported import seal_exports
from pipelines.lake.exported_copy import copy_ledger
from pipelines.lake.head import find_differing_tables, table_at
from pipelines.lake.ledger import Release
from pipelines.lake.manifest import Mart, read_marts
from pipelines.lake.states import record_state
from pipelines.log import get_logger
from pipelines.releases import holds
from pipelines.releases.before_publishing import refuse_foreign_head
from pipelines.releases.checkpoints import check_signing_key, leave_checkpoint
from pipelines.releases.errors import PublishError as PublishError
from pipelines.releases.examination import check_acceptance, hold_release
from pipelines.settings import Settings
from pipelines.warehouse.build import BuiltState, count_largest_source, read_built_state
from pipelines.warehouse.replaced_rows import ReplacedRows, find_replaced
from pipelines.warehouse.sealed_build import find_broken_seal, find_open_log, note_release

LOG = get_logger(__name__)
NOT_AS_BUILT = (
    "So it is not what was built from the received data. Nothing was published; the last release is still served. "
    "Copy it as evidence, then run again (`thongsuot run`): the warehouse is built anew."
)


class Publication(NamedTuple):
    """`release` is the newest one; `is_new` tells whether this call made it, `why` says so in words."""

    release: Release
    is_new: bool
    why: str
    changed: tuple[str, ...] = ()


def publish(
    settings: Settings, *, run_id: str, author: str, reason: str, accept: int | None = None,
    healing: bool = False,
) -> Publication:  # fmt: skip
    """Copy every mart of the finished warehouse into the lake as one new snapshot.

    ForeignHead where the lake is not as the newest release left it; `healing`: then every table is made anew,
    and what others wrote leaves the newest state.

    `accept`: the number of the open hold that `author` publishes for `reason`. ReleaseOnHold where the gate holds
    the build; LookupError where there is no such hold or the build is another one by now; PublishError where
    the warehouse is not a whole, tested build, or where the applied tables do not hash to the warehouse's; in
    all cases nothing is published.
    """
    state = finished(settings)
    check_signing_key(settings)
    marts = read_marts(settings.dbt_target / "manifest.json")
    with lake.open_lake(settings, read_only=False) as con:
        lake.initialise_lake(con)
        con.execute(f"attach {duck.literal(settings.warehouse)} as warehouse (read_only)")
        duck.fit_threads(con, count_largest_source(con, "warehouse"))
        sources = {mart: duck.identifier("warehouse", mart.schema, mart.name) for mart in marts}
        code = code_version(settings.project)
        draft = Release(
            release_id=0,
            published_at=datetime.now(UTC).replace(tzinfo=None),
            snapshot_id=0,
            run_id=run_id,
            author=author,
            reason=reason,
            code_commit=code.commit,
            is_dirty=code.is_dirty,
            previous_hash=ledger.GENESIS,
            **vars(state),
        )
        replaced = find_replaced(con, "warehouse")
        publication = commit(con, settings, draft, sources, accept, healing=healing, replaced=replaced)
        if not healing:  # more is taken away then
            record_state(con, ledger.list_releases(con))
            leave_checkpoint(settings, con)
            try:
                note_release(settings, publication.release.release_hash)
            except OSError as error:  # the release is out; the next one compares everything
                LOG.warning("the release of this build could not be noted", error=error.strerror)
        return publication


def finished(settings: Settings) -> BuiltState:
    """PublishError where the warehouse holds no whole, tested build, or was written to since."""
    if reason := find_open_log(settings):
        raise PublishError(f"{reason}. {NOT_AS_BUILT}")
    state = read_built_state(settings)
    if state is None:
        raise PublishError(
            f"{settings.warehouse} holds no finished build (dbt failed, or was stopped half way). "
            "The last release is still served. Mend what dbt reported, then run again."
        )
    if reason := find_broken_seal(settings):
        raise PublishError(f"{reason}. {NOT_AS_BUILT}")
    return state


def commit(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    draft: Release,
    sources: Mapping[Mart, str],
    accept: int | None = None,
    *,
    healing: bool = False,
    is_examined: bool = True,
    replaced: ReplacedRows | None = None,
) -> Publication:
    """Make `draft` the next release, its tables read from `sources`; nothing where nothing changed.

    A state that is restored was published before: the gate is not asked again, nor where what is published has no
    deliveries of its own (`is_examined`). Where the draft names its
    contents (a restored state), the sources must hash to them. `replaced`: which rows of the sources alone can be
    others than those of a release; it is of use where that is the newest.
    """
    chain = ledger.list_releases(con)
    previous = chain[-1] if chain else None
    head = lake.find_newest_snapshot(con)
    if not healing:
        refuse_foreign_head(con, settings, chain)
    changes = _changes(con, None if healing else previous, sources, replaced)
    marts = {change.mart.qualified: change.content for change in changes}
    if draft.marts and draft.marts != marts:
        wrong = sorted(name for name in marts if draft.marts.get(name) != marts[name])
        raise PublishError(f"{', '.join(wrong)} is not what was published. `thongsuot verify` tells why.")
    draft = replace(draft, marts=marts)
    before = previous.marts if previous else {}
    hold = holds.find_open_hold(con) if not draft.restores else None
    if accept is not None:
        check_acceptance(con, draft, hold, accept)
    if previous and before == draft.marts and not healing:
        why = f"nothing new: every table has the same content as in release {previous.release_id}"
        why += inputs.describe_second_engine(con, previous.release_id)
        if hold:
            holds.mend_hold(con, chain, hold, previous)
        return Publication(previous, False, why)
    changed = [change for change in changes if healing or before.get(change.mart.qualified) != change.content]
    examination = GateResult([], [])
    if is_examined and not draft.restores:
        relations = {mart.qualified: source for mart, source in sources.items()}
        examination = examine_build(con, settings, chain, draft.as_of, relations)
    if accept is not None:
        examination = examination.accepted()
    elif examination.reasons_to_hold:
        raise hold_release(con, chain, draft, examination)
    draft = replace(draft, previous_hash=links.find_head(chain, links.list_events(con)))
    con.execute("begin")
    try:
        # One writer at a time (the writer lock), so the next snapshot is this one.
        if lake.find_newest_snapshot(con) != head:
            raise PublishError(
                "Somebody else wrote to the lake meanwhile. Run `thongsuot verify`, then again."
            )
        ledger.create_tables(con)
        draft = replace(draft, release_id=len(chain) + 1, snapshot_id=head + 1)
        if healing:
            drop_foreign_objects(con, draft.marts)
        compared = previous if not healing or _is_sound(con, previous) else None
        release = _write(con, settings, draft, compared, sources, changed, examination)
        if hold:
            event = holds.ACCEPTED if accept is not None else holds.MENDED
            holds.close_hold(con, [*chain, release], hold, event, release)
        lake.label_transaction(con, release.author, release.reason, release.label())
        con.execute("commit")
    except BaseException:
        with suppress(duckdb.TransactionException):  # a commit that failed has rolled back, and says why
            con.execute("rollback")
        raise
    names = tuple(change.mart.qualified for change in changed)
    return Publication(release, True, f"{len(names)} of {len(sources)} tables changed", names)


def _is_sound(con: duckdb.DuckDBPyConnection, release: Release | None) -> bool:
    """Whether the lake still shows a release as it was published, so that another can be compared with it."""
    return release is not None and not find_differing_tables(con, release, [release.snapshot_id])


def _changes(
    con: duckdb.DuckDBPyConnection,
    previous: Release | None,
    sources: Mapping[Mart, str],
    replaced: ReplacedRows | None,
) -> list[TableChange]:
    """What each table needs; without a release before, to be made anew. What that one says of a table was checked."""
    marts_before = previous.marts if previous else {}
    is_next = previous and replaced and replaced.release_hash == previous.release_hash
    keys = replaced.keys if replaced and is_next else {}

    def find(number: int, mart: Mart) -> TableChange:
        before = marts_before.get(mart.qualified)
        with con.cursor() as own:
            return find_change(own, mart, sources[mart], before, number, keys.get(mart.qualified))

    # A transaction open all the while keeps the catalogue's file open: where one cursor closes it as the
    # last while another opens it, SQLite waits a whole second.
    con.execute("begin")
    try:
        # Side by side, since one table alone does not fill the cores.
        with lake.plan_without_statistics(con), ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(find, range(len(sources)), sources))
    finally:
        con.execute("rollback")


def _write(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    draft: Release,
    previous: Release | None,
    sources: Mapping[Mart, str],
    changed: list[TableChange],
    examination: GateResult,
) -> Release:
    """Tables, details and the ledger row, inside the open transaction; returns the sealed release."""
    relations = {mart.qualified: source for mart, source in sources.items()}
    marts_before = previous.marts if previous else {}
    release_id = draft.release_id
    # In brackets: an alias does not follow a version.
    old = (
        {name: f"(from {table_at(name, previous.snapshot_id)})" for name in marts_before} if previous else {}
    )
    parts = list_parts(changed, old, relations)
    explain_rates(con, settings, previous, draft, old, relations, parts)
    for name in ("rates", "movements", "changes"):
        extra = f", {previous.release_id:d} as compared_with" if previous and name == "changes" else ""
        con.execute(
            f"insert into {lake.ALIAS}.audit.release_{name} by name "
            f"select {release_id:d} as release_id{extra}, * from {name}"
        )
    if "audit.batches" in relations:
        inputs.record_inputs(con, release_id, relations["audit.batches"])
    if not draft.restores and ledger.table_exists(con, "raw", "batch_files", "warehouse"):
        inputs.record_quality(con, release_id, duck.identifier("warehouse", "raw", "batch_files"))
    if not draft.restores and ledger.table_exists(con, "raw", "build_engine", "warehouse"):
        inputs.record_engine(con, release_id, duck.identifier("warehouse", "raw", "build_engine"))
    seal_exports(con, settings, release_id)
    copy_ledger(con, settings)
    record_examination(con, release_id, examination)
    before = files.list_sizes(con, settings)
    for change in changed:
        with lake.plan_without_statistics(con):
            apply_change(con, change)
            is_equal = is_applied(con, change)
        if not is_equal:
            raise PublishError(
                f"{change.mart.qualified}: what was written to the lake does not equal its source. "
                "Rolled back; the last release is still served."
            )
    for name in sorted(set(marts_before) - set(draft.marts)):
        con.execute(f"drop table if exists {duck.identifier(lake.ALIAS, *name.split('.'))}")
    files.record_files(con, release_id, settings, before)
    release = replace(draft, details_sha256=ledger.hash_details(con, release_id))
    release = replace(release, release_hash=release.chain_hash())
    ledger.append_release(con, release)
    return release
