"""A national release: the places' newest releases side by side, published in a lake of its own and chained like any.

It lies under `national/` of the data directory, which is a data directory in itself: `thongsuot verify` reads it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines.lake import catalogue as lake
from pipelines.lake import ledger
from pipelines.lake.code_version import code_version
from pipelines.lake.ledger import Release
from pipelines.lake.states import record_state
from pipelines.national.lakes import PlaceState, examine_place, mark_late
from pipelines.national.marts import PACKAGE, create_marts, read_figures
from pipelines.national.places import PlaceList, read_places
from pipelines.releases.checkpoints import check_signing_key, leave_checkpoint
from pipelines.releases.errors import PublishError
from pipelines.releases.publish import Publication, commit
from pipelines.settings import Settings
from pipelines.warehouse.build import hash_json


class NationalResult(NamedTuple):
    """What was published, and what was found of each place listed."""

    publication: Publication
    places: list[PlaceState]


def find_national(settings: Settings) -> Settings:
    """The national data directory of an installation."""
    return replace(settings, data=settings.data / "national", lake_servers=None)


def publish_national(
    settings: Settings,
    file: Path,
    *,
    moment: datetime | None = None,
    reason: str = "thongsuot national",
    progress: Callable[[str], None] = lambda _: None,
) -> NationalResult:
    """`moment`: local; by default the newest as_of of a place that can be read.

    WrongList for a list that cannot be used; PublishError where no place is present: nothing is published then.
    """
    listed = read_places(file)
    national = find_national(settings)
    national.data.mkdir(parents=True, exist_ok=True)
    check_signing_key(national)
    states = []
    for place in listed.places:
        progress(place.name)
        state = examine_place(national, place)
        states.append(read_figures(state) if state.is_present else state)
    newest = [state.release.as_of for state in states if state.release and state.is_present]
    if not newest:
        raise PublishError(
            "No place is present: " + "; ".join(f"{s.place.name}: {s.reason}, {s.detail}" for s in states)
            + ". Nothing was published."
        )  # fmt: skip
    as_of = moment or max(newest)
    states = mark_late(states, as_of, listed.late_after_days)
    if not any(state.is_present for state in states):
        raise PublishError(f"Every place is late at {as_of}. Nothing was published.")
    progress("publishing")
    with lake.open_lake(national, read_only=False) as con:
        lake.initialise_lake(con)
        con.execute("attach ':memory:' as warehouse")  # nothing was built, there is no bookkeeping of batches
        sources = create_marts(con, states, as_of, find_missing(con))
        draft = _draft(national, listed, states, as_of, reason)
        publication = commit(con, national, draft, sources, is_examined=False)
        record_state(con, ledger.list_releases(con))
        leave_checkpoint(national, con, origin="thongsuot/national")
    return NationalResult(publication, states)


def find_missing(con: duckdb.DuckDBPyConnection) -> dict[str, datetime]:
    """Place → since when the newest national release has missed it."""
    if not ledger.table_exists(con, "marts", "national_places"):
        return {}
    rows = con.execute(
        f"select place_code, missing_since from {lake.ALIAS}.marts.national_places where not is_present"
    ).fetchall()
    return dict(rows)


def _draft(
    settings: Settings, listed: PlaceList, states: Sequence[PlaceState], as_of: datetime, reason: str
) -> Release:
    """Made of the releases that it cites; its models are the queries of this room."""
    code = code_version(settings.project)
    cited = sorted((s.place.code, s.release.release_hash) for s in states if s.is_present and s.release)
    return Release(
        release_id=0,
        published_at=datetime.now(UTC).replace(tzinfo=None),
        as_of=as_of,
        snapshot_id=0,
        run_id="national",
        author="thongsuot",
        reason=reason,
        code_commit=code.commit,
        is_dirty=code.is_dirty,
        manifest_sha256=hash_queries(),
        rules_sha256=hash_json(listed.model_dump(mode="json", exclude={"places": {"__all__": {"lake"}}})),
        reference_sha256=hash_json([]),
        input_batches=len(cited),
        input_sha256=hash_json(cited),
        previous_hash=ledger.GENESIS,
    )


def hash_queries() -> str:
    digest = hashlib.sha256()
    for query in sorted((files(PACKAGE) / "sql").iterdir(), key=lambda path: path.name):
        if query.name.endswith(".sql"):
            digest.update(query.name.encode() + b"\0" + query.read_bytes())
    return digest.hexdigest()
