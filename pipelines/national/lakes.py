"""One place's lake, looked at from outside: is its newest release whole, signed, recent and not held?

The catalogue is copied once, so that every question is put to one state of it, the place's writer is never delayed, and
nothing is written where the lake lies. Its files are read where they are.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipelines.lake import chain as links
from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import Release
from pipelines.national.places import ListedPlace
from pipelines.releases.before_publishing import check_before_publishing
from pipelines.releases.checkpoints import check_checkpoints, checkpoints_folder, open_checkpoint
from pipelines.releases.findings import Finding, first_line
from pipelines.releases.holds import OPENED, Hold, find_open_hold
from pipelines.releases.signed_note import WrongKey, WrongNote, read_public_key
from pipelines.releases.verify_chain import check_chain, check_labels
from pipelines.settings import Settings

CATALOGUE = "catalog.sqlite"
# Read where they lie.
LINKS = ("files", "checkpoints")


@dataclass(frozen=True)
class PlaceState:
    """What was found of a place. `reason` is empty where it counts; else broken, held, late, unreachable, unsigned or
    no_release, and `detail` says what was seen. `copy`: its settings here, from which its newest release is read;
    `figures`: table → what that release says of the place as a whole.
    """

    place: ListedPlace
    reason: str = ""
    detail: str = ""
    release: Release | None = None
    head: str = ""
    is_signed: bool = False
    copy: Settings | None = None
    figures: Mapping[str, Sequence[tuple[Any, ...]]] = field(default_factory=dict)

    @property
    def is_present(self) -> bool:
        return not self.reason


def examine_place(settings: Settings, place: ListedPlace) -> PlaceState:
    """`settings`: of the national data directory. Whatever is wrong with a lake is a reason, never an error."""
    copy = replace(settings, data=settings.data / "places" / place.code, lake_servers=None)
    try:
        copy_catalogue(place.lake, copy.lake)
    except (OSError, sqlite3.Error) as error:
        return PlaceState(place, "unreachable", f"{place.lake} cannot be read: {first_line(error)}")
    try:
        with open_lake(copy) as con:
            return _examine(con, copy, place)
    except (duckdb.Error, sqlite3.Error, OSError, UnicodeDecodeError, ValueError) as error:
        return PlaceState(place, "broken", f"the catalogue cannot be read: {first_line(error)}")


def copy_catalogue(lake: Path, target: Path) -> None:
    """`lake`'s catalogue as of now, and links to its files; OSError or sqlite3.Error where there is none."""
    origin = lake / CATALOGUE
    origin.stat()
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with (
        closing(sqlite3.connect(f"{origin.resolve().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target / CATALOGUE)) as copy,
    ):
        source.backup(copy)
    for name in LINKS:
        if (lake / name).exists():
            (target / name).symlink_to((lake / name).resolve())


def _examine(con: duckdb.DuckDBPyConnection, copy: Settings, place: ListedPlace) -> PlaceState:
    chain, events = ledger.list_releases(con), links.list_events(con)
    if not chain:
        return PlaceState(place, "no_release", "its lake holds no release")
    newest, head = chain[-1], links.find_head(chain, events)
    state = PlaceState(place, release=newest, head=head, copy=copy)
    if findings := list(list_findings(con, copy, chain, events)):
        return replace(state, reason="broken", detail=findings[0].text)
    if place.public_key is not None:
        if reason := find_unsigned(copy, place, chain, events):
            return replace(state, reason="unsigned", detail=reason)
        state = replace(state, is_signed=True)
    if hold := find_open_hold(con):
        return replace(state, reason="held", detail=describe_hold(hold))
    return state


def describe_hold(hold: Hold) -> str:
    """The rules alone: what they found names dossiers and units, which are nobody else's."""
    rules = dict.fromkeys(finding["rule"] for finding in hold.findings if finding["outcome"] == OPENED)
    return f"hold {hold.opened.hold_id}: {', '.join(rules)}"


def list_findings(
    con: duckdb.DuckDBPyConnection, copy: Settings, chain: list[Release], events: Sequence[links.Event]
) -> Iterator[Finding]:
    """The chain, what the snapshots say of it, the newest state by its catalogue and the bytes of its files."""
    con.execute("begin")
    try:
        yield from check_chain(con, chain, list(events))
        pruned = {event.release_id for event in events if isinstance(event, links.Prune)}
        yield from check_labels(con, chain, pruned)
        yield from check_before_publishing(con, copy, chain)
    finally:
        con.execute("rollback")


def find_unsigned(
    copy: Settings, place: ListedPlace, chain: list[Release], events: Sequence[links.Event]
) -> str:
    """Why the newest release is not vouched for by the place's key; empty where it is."""
    assert place.public_key is not None
    note = checkpoints_folder(copy) / f"release-{chain[-1].release_id:06d}.note"
    try:
        signed = open_checkpoint(note, place.public_key)
        faults = list(check_checkpoints(copy, chain, events, read_public_key(place.public_key)))
    except (WrongNote, WrongKey, OSError) as error:
        return f"{note.name}: {error}"
    if signed.origin != f"thongsuot/{place.code}":
        return f"{note.name} is signed for {signed.origin}, not for place {place.code}"
    return faults[0].text if faults else ""


def mark_late(states: list[PlaceState], moment: datetime, late_after_days: float) -> list[PlaceState]:
    """Those whose newest release lies too far behind the national moment are late, if nothing worse."""
    oldest = moment - timedelta(days=late_after_days)
    return [
        replace(state, reason="late", detail=f"its newest release is as of {state.release.as_of}")
        if state.is_present and state.release and state.release.as_of < oldest
        else state
        for state in states
    ]
