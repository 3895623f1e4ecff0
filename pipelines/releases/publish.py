"""Publish: the built and tested warehouse becomes release n, in one labelled lake transaction.

Write–audit–publish: what was applied is hashed again inside the transaction and must equal the
warehouse, or nothing is committed. Only tables whose content changed are touched, in place, so that
`table_changes` between two releases is the true difference.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.releases import lake, ledger
from pipelines.releases.code_version import code_version
from pipelines.releases.ledger import Release
from pipelines.releases.marts import Mart, columns, content, read_manifest
from pipelines.settings import Settings
from pipelines.warehouse.build import built_state


class PublishError(RuntimeError):
    """Nothing was published; the last release is still served."""


class Outcome(NamedTuple):
    """`release` is the newest one; `is_new` tells whether this call made it, `why` says so in words."""

    release: Release
    is_new: bool
    why: str
    changed: tuple[str, ...] = ()


def publish(settings: Settings, *, run_id: str, author: str, reason: str) -> Outcome:
    """Copy every mart of the finished warehouse into the lake as one new snapshot.

    PublishError where the warehouse is not a whole, tested build, or where the applied tables do not
    hash to the warehouse's; in both cases the transaction is rolled back.
    """
    state = built_state(settings)
    if state is None:
        raise PublishError(
            f"{settings.warehouse} holds no finished build (dbt failed, or was stopped half way). "
            "The last release is still served. Mend what dbt reported, then run again."
        )
    marts = read_manifest(settings.dbt_target / "manifest.json")
    with lake.open_lake(settings, read_only=False) as con:
        lake.initialise(con)
        con.execute(f"attach {duck.literal(settings.warehouse)} as warehouse (read_only)")
        held = {mart.qualified: content(con, _source(mart)) for mart in marts}
        chain = ledger.releases(con)
        previous = chain[-1] if chain else None
        if previous and previous.marts == held:
            why = f"nothing new: every table has the same content as in release {previous.release_id}"
            return Outcome(previous, False, why)
        draft = Release(
            release_id=previous.release_id + 1 if previous else 1,
            published_at=datetime.now(UTC).replace(tzinfo=None),
            as_of=state.as_of,
            snapshot_id=0,
            run_id=run_id,
            author=author,
            reason=reason,
            code_version=code_version(settings.project),
            manifest_sha256=state.manifest_sha256,
            input_batches=state.input_batches,
            input_sha256=state.input_sha256,
            previous_hash=previous.release_hash if previous else ledger.GENESIS,
            marts=held,
        )
        before = previous.marts if previous else {}
        changed = [mart for mart in marts if before.get(mart.qualified) != held[mart.qualified]]
        release = _commit(con, draft, changed, set(before) - set(held))
    names = tuple(mart.qualified for mart in changed)
    return Outcome(release, True, f"{len(names)} of {len(marts)} tables changed", names)


def _commit(
    con: duckdb.DuckDBPyConnection, draft: Release, changed: list[Mart], dropped: set[str]
) -> Release:
    con.execute("begin")
    try:
        ledger.create(con)
        # One writer at a time (the pool and the writer lock), so the next snapshot is this one.
        release = replace(draft, snapshot_id=lake.newest_snapshot(con) + 1)
        release = replace(release, release_hash=release.chain_hash())
        for mart in changed:
            _apply(con, mart)
            applied = content(con, _target(mart))
            if applied != release.marts[mart.qualified]:
                raise PublishError(
                    f"{mart.qualified}: what was written to the lake does not equal the warehouse "
                    f"({applied} against {release.marts[mart.qualified]}). Rolled back."
                )
        for name in sorted(dropped):
            con.execute(f"drop table if exists {duck.identifier(lake.ALIAS, *name.split('.'))}")
        ledger.append(con, release)
        extra = {k: str(v) for k, v in vars(release).items() if k != "marts"}
        lake.label(con, release.author, release.reason, json.dumps(extra))
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return release


def _apply(con: duckdb.DuckDBPyConnection, mart: Mart) -> None:
    """Make the lake's table equal the warehouse's, touching only rows that differ."""
    source, target = _source(mart), _target(mart)
    described = columns(con, source)
    exists = con.execute(
        "select count(*) from information_schema.tables "
        "where table_catalog = ? and table_schema = ? and table_name = ?",
        [lake.ALIAS, mart.schema, mart.name],
    ).fetchone()
    if not exists or not exists[0]:
        con.execute(f"create table {target} as from {source}")
        return
    if columns(con, target) != described:
        # A changed contract is a new table: older releases keep the old one through time travel.
        con.execute(f"create or replace table {target} as from {source}")
        return
    names = [duck.identifier(c) for c in described]
    rest = [n for c, n in zip(described, names, strict=True) if c not in mart.key]
    same_key = " and ".join(
        f"t.{duck.identifier(c)} is not distinct from s.{duck.identifier(c)}" for c in mart.key
    )
    update = ""
    if rest:
        differs = " or ".join(f"t.{n} is distinct from s.{n}" for n in rest)
        sets = ", ".join(f"{n} = s.{n}" for n in rest)
        update = f"when matched and ({differs}) then update set {sets}"
    con.execute(
        f"merge into {target} t using {source} s on ({same_key}) {update} "
        f"when not matched then insert ({', '.join(names)}) values ({', '.join('s.' + n for n in names)})"
    )
    con.execute(f"delete from {target} t where not exists (select 1 from {source} s where {same_key})")


def _source(mart: Mart) -> str:
    return duck.identifier("warehouse", mart.schema, mart.name)


def _target(mart: Mart) -> str:
    return duck.identifier(lake.ALIAS, mart.schema, mart.name)
