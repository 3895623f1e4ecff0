"""Rebuild: release N again from its batches alone, in a scratch directory, and its hashes compared.

The proof of promise 2: a release is a function of landed batches, code and as_of.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pipelines import duck
from pipelines.explain.trace_rule import read_trace_rule
from pipelines.lake import catalogue as lake
from pipelines.lake import inputs, ledger
from pipelines.lake.content_hash import Content, hash_content
from pipelines.lake.ledger import Release
from pipelines.lake.manifest import read_models
from pipelines.landing.batches import LandingError, list_batches
from pipelines.landing.withdrawals import list_withdrawals, write_events
from pipelines.quality.validate import validate_batches
from pipelines.releases.findings import Finding
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.build import BuiltState, finish_build, prepare_warehouse
from pipelines.warehouse.counting import NothingLanded
from pipelines.warehouse.data_tests import build_and_test
from pipelines.warehouse.dbt import DbtError, ensure_manifest
from pipelines.warehouse.failures import describe_failures
from pipelines.warehouse.spark.extra import check_spark

# Every withdrawal that a release knew, oldest first.
WITHDRAWALS = "audit.withdrawals"


class Rebuilt(NamedTuple):
    """`notes`: what differs and may; `findings`: what must not."""

    release: Release
    findings: list[Finding]
    notes: list[str]


def rebuild(
    settings: Settings,
    release_id: int,
    progress: Callable[[str], None] = lambda _: None,
    *,
    engine: str | None = None,
) -> Rebuilt:
    """LookupError where there is no such release, SparkMissing where the engine is not here; other faults are findings.

    `engine`: duckdb or spark, by default the one of the settings; another than the release's own is a second proof.
    """
    settings = replace(settings, engine=engine or settings.engine)
    check_spark(settings)
    with lake.open_lake(settings) as con:
        release = ledger.find_release(ledger.list_releases(con), release_id)
        origin = release.restores or release.release_id
        batches_of_release = inputs.list_inputs(con, origin)
        own = inputs.find_engine(con, origin)
    with _scratch(settings) as scratch:
        lost = _lay_out(settings, scratch, batches_of_release)
        # Events are numbered without a gap, so that their count says which ones the release knew.
        events = release.marts.get(WITHDRAWALS, Content(0, "")).rows
        write_events(scratch.landing, list_withdrawals(settings.landing)[:events])
        if lost:
            text = (
                f"release {release_id} cannot be rebuilt: {len(lost)} of its batches are gone, e.g. {lost[0]}"
            )
            return Rebuilt(release, [Finding("not_rebuilt", text)], [])
        try:
            state = _build(scratch, release, progress)
        except (LandingError, NothingLanded, DbtError) as error:
            return Rebuilt(release, [Finding("not_rebuilt", f"release {release_id}: {error}")], [])
        progress("comparing")
        with duck.connect(scratch.extensions, scratch.warehouse, read_only=True) as con:
            contents = {
                name: hash_content(con, duck.identifier(*name.split(".")))
                for name in release.marts
                if con.execute(
                    "select 1 from duckdb_tables() where schema_name || '.' || table_name = ?", [name]
                ).fetchone()
            }
        bookkeeping = _list_bookkeeping(scratch)
    rebuilt = _compare(release, state, contents, bookkeeping)
    before = f", built on {own.engine} {own.version}" if own else ""
    if rebuilt.findings or (own is None and engine is None) or (own and own.engine == settings.engine):
        return rebuilt
    note = f"release {release_id}{before}, came out the same on {settings.engine}"
    return rebuilt._replace(notes=[*rebuilt.notes, note])


def _build(scratch: Settings, release: Release, progress: Callable[[str], None]) -> BuiltState:
    """LandingError, NothingLanded or DbtError in the words of the stage that failed."""
    contracts = load_contracts(scratch.sources_file)
    for source in contracts.sources.values():
        progress(f"validating {source.name}")
        validate_batches(source, list(list_batches(scratch.landing, source.name)), scratch)
    progress("building")
    ensure_manifest(scratch)
    as_of = prepare_warehouse(scratch, contracts, release.as_of)
    results = build_and_test(scratch)
    if any(r.failed for r in results):
        raise DbtError(describe_failures(scratch, results))
    return finish_build(scratch, as_of)


def _list_bookkeeping(settings: Settings) -> set[str]:
    """Tables of audit that count no items (their meta.trace): they list superseded batches with the verdicts
    of that day, which later rules do not reproduce."""
    models = read_models(settings.dbt_target / "manifest.json")
    return {
        name
        for name, node in models.items()
        if node["schema"] == "audit" and read_trace_rule(name, node["config"]["meta"]) is None
    }


def _compare(
    release: Release, state: BuiltState, contents: dict[str, Content], bookkeeping: set[str]
) -> Rebuilt:
    """Another code is said first: then a difference proves nothing."""
    notes = [
        f"{what} changed since release {release.release_id}; check out {release.code_commit[:12]} to "
        "compare like with like"
        for what, now, then in (
            ("the models", state.manifest_sha256, release.manifest_sha256),
            ("the rules or the sources' contract", state.rules_sha256, release.rules_sha256),
        )
        if now != then
    ]
    differing = [name for name, mart in sorted(release.marts.items()) if contents.get(name) != mart]
    books = [name for name in differing if name in bookkeeping]
    wrong = [name for name in differing if name not in bookkeeping]
    if books:
        notes.append(f"{', '.join(books)}: superseded batches are validated by today's rules")
    if not wrong:
        return Rebuilt(release, [], notes)
    text = f"release {release.release_id} does not reproduce from its batches: {', '.join(wrong)}"
    return Rebuilt(release, [Finding("other_code" if notes[: len(notes) - bool(books)] else
                                     "not_reproduced", text)], notes)  # fmt: skip


@contextmanager
def _scratch(settings: Settings) -> Iterator[Settings]:
    """An empty data directory beside the real one, gone afterwards, like the environment dbt reads."""
    settings.data.mkdir(parents=True, exist_ok=True)
    before = dict(os.environ)
    folder = Path(tempfile.mkdtemp(prefix=".rebuild.", dir=settings.data))
    try:
        yield replace(settings, data=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.environ.clear()
        os.environ.update(before)


def _lay_out(
    settings: Settings, scratch: Settings, batches_of_release: list[inputs.ReleasedBatch]
) -> list[str]:
    """Link the batches known to the release, and no others; returns the paths that are gone."""
    lost = []
    for batch in batches_of_release:
        folder = Path(batch.source) / batch.partition
        (scratch.landing / folder).mkdir(parents=True, exist_ok=True)
        for name in (f"{batch.batch_id}.parquet", f"{batch.batch_id}.json"):
            try:
                (scratch.landing / folder / name).symlink_to(settings.landing / folder / name)
                (settings.landing / folder / name).stat()
            except OSError:
                lost.append((folder / name).as_posix())
    return lost
