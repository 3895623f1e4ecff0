"""The chain's links: releases, and the states, prunings and holds between them, in the order they were made.

Each link's hash covers the one before. A pruning takes contents away, a hold or its acceptance says what was
not published or was against a rule: they must be as hard to forge or to hide as a release.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import duckdb

from pipelines.lake.catalogue import ALIAS, plan_without_statistics
from pipelines.lake.ledger import GENESIS, Release, seal, table_exists


@dataclass(frozen=True)
class Prune:
    """The contents of one release taken away. `pruned_at` UTC; `after_release`: the newest one then."""

    prune_id: int
    release_id: int
    after_release: int
    pruned_at: datetime
    author: str
    reason: str
    previous_hash: str
    prune_hash: str = ""

    def chain_hash(self) -> str:
        """SHA-256 over every field but `prune_hash` itself."""
        return seal({k: str(v) for k, v in vars(self).items() if k != "prune_hash"})

    @property
    def is_intact(self) -> bool:
        return self.chain_hash() == self.prune_hash


@dataclass(frozen=True)
class HoldEvent:
    """What became of a build that the gate held: `event` is held, accepted or mended. `happened_at` UTC.

    `content_sha256`: of the tables that were held; `findings`: why, as JSON; `after_release`, `after_prune`: the
    newest of each then, 0 where there was none.
    """

    event_id: int
    hold_id: int
    event: str
    after_release: int
    after_prune: int
    happened_at: datetime
    author: str
    reason: str
    run_id: str
    as_of: datetime
    content_sha256: str
    findings: str
    previous_hash: str
    event_hash: str = ""

    def chain_hash(self) -> str:
        """SHA-256 over every field but `event_hash` itself."""
        return seal({k: str(v) for k, v in vars(self).items() if k != "event_hash"})

    @property
    def is_intact(self) -> bool:
        return self.chain_hash() == self.event_hash


@dataclass(frozen=True)
class LakeState:
    """What the catalogue was once a release was committed, statistics included. `recorded_at` UTC.

    `visible_rows`, `statistics`: JSON, table of the catalogue → SHA-256 of its rows (`states.py`); `version`: of the
    catalogue's tables. `after_prune`, `after_event`: the newest of each then, 0 where there was none.
    """

    state_id: int
    release_id: int
    after_prune: int
    after_event: int
    recorded_at: datetime
    version: str
    visible_rows: str
    statistics: str
    previous_hash: str = ""
    state_hash: str = ""

    def chain_hash(self) -> str:
        """SHA-256 over every field but `state_hash` itself."""
        return seal({k: str(v) for k, v in vars(self).items() if k != "state_hash"})

    @property
    def is_intact(self) -> bool:
        return self.chain_hash() == self.state_hash


Event = Prune | HoldEvent | LakeState
SomeLink = TypeVar("SomeLink", Prune, HoldEvent, LakeState)
Link = Release | Event


def link_hash(link: Link) -> str:
    if isinstance(link, Release):
        return link.release_hash
    if isinstance(link, Prune):
        return link.prune_hash
    return link.event_hash if isinstance(link, HoldEvent) else link.state_hash


def describe_link(link: Link) -> str:
    if isinstance(link, HoldEvent):
        return f"hold {link.hold_id} ({link.event})"
    if isinstance(link, LakeState):
        return f"the state of release {link.release_id}"
    return f"{'release' if isinstance(link, Release) else 'the pruning of release'} {link.release_id}"


def list_events(con: duckdb.DuckDBPyConnection) -> list[Event]:
    """All links that are no releases, each kind oldest first."""
    return [*list_prunes(con), *list_hold_events(con), *list_states(con)]


def list_states(con: duckdb.DuckDBPyConnection) -> list[LakeState]:
    """All of them, oldest first; empty in a lake from before they were recorded."""
    return _list_links(con, LakeState, "release_states", "state_id")


def list_hold_events(con: duckdb.DuckDBPyConnection) -> list[HoldEvent]:
    """All of them, oldest first; empty where nothing was ever held."""
    return _list_links(con, HoldEvent, "release_holds", "event_id")


def list_prunes(con: duckdb.DuckDBPyConnection) -> list[Prune]:
    """All prunings, oldest first; empty where none was made."""
    return _list_links(con, Prune, "release_prunes", "prune_id")


def _list_links(
    con: duckdb.DuckDBPyConnection, kind: type[SomeLink], table: str, number: str
) -> list[SomeLink]:
    if not table_exists(con, "audit", table):
        return []
    with plan_without_statistics(con):
        cursor = con.execute(f"from {ALIAS}.audit.{table} order by {number}")
        names = [d[0] for d in cursor.description or []]
        rows = cursor.fetchall()
    return [kind(**dict(zip(names, row, strict=True))) for row in rows]


def order_links(chain: Sequence[Release], events: Sequence[Event]) -> list[Link]:
    links: list[Link] = [*chain, *events]
    return sorted(links, key=_place_link)


def _place_link(link: Link) -> tuple[int, int, int, int, int]:
    """Where a link stands: after its release, then after the prunings and the events of holds that it names."""
    if isinstance(link, Release):
        return link.release_id, -1, 0, 0, 0
    if isinstance(link, Prune):
        return link.after_release, link.prune_id, 0, 0, 0
    if isinstance(link, LakeState):
        return link.release_id, link.after_prune, 1, link.after_event, 1
    return link.after_release, link.after_prune, 1, link.event_id, 0


def find_head(chain: Sequence[Release], events: Sequence[Event]) -> str:
    """The hash of the newest link, which the next one continues."""
    links = order_links(chain, events)
    return link_hash(links[-1]) if links else GENESIS


def append_prune(con: duckdb.DuckDBPyConnection, chain: Sequence[Release], prune: Prune) -> Prune:
    """Seal a pruning behind the newest link and write it, inside the caller's transaction."""
    before = list_events(con)
    number = 1 + sum(isinstance(event, Prune) for event in before)
    link = replace(prune, prune_id=number, previous_hash=find_head(chain, before))
    link = replace(link, prune_hash=link.chain_hash())
    _append(con, "release_prunes", link)
    return link


def append_hold_event(
    con: duckdb.DuckDBPyConnection, chain: Sequence[Release], event: HoldEvent
) -> HoldEvent:
    """Seal it behind the newest link and write it, inside the caller's transaction; a new hold gets its number."""
    before = list_events(con)
    earlier = [other for other in before if isinstance(other, HoldEvent)]
    link = replace(
        event,
        event_id=len(earlier) + 1,
        hold_id=event.hold_id or 1 + max((other.hold_id for other in earlier), default=0),
        after_release=chain[-1].release_id if chain else 0,
        after_prune=sum(isinstance(other, Prune) for other in before),
        previous_hash=find_head(chain, before),
    )
    link = replace(link, event_hash=link.chain_hash())
    _append(con, "release_holds", link)
    return link


def append_state(con: duckdb.DuckDBPyConnection, chain: Sequence[Release], state: LakeState) -> LakeState:
    """Seal the newest release's state behind the newest link and write it, inside the caller's transaction."""
    before = list_events(con)
    link = replace(
        state,
        state_id=1 + sum(isinstance(other, LakeState) for other in before),
        after_prune=sum(isinstance(other, Prune) for other in before),
        after_event=sum(isinstance(other, HoldEvent) for other in before),
        previous_hash=find_head(chain, before),
    )
    link = replace(link, state_hash=link.chain_hash())
    _append(con, "release_states", link)
    return link


def _append(con: duckdb.DuckDBPyConnection, table: str, link: Event) -> None:
    values = vars(link)
    con.execute(
        f"insert into {ALIAS}.audit.{table} ({', '.join(values)}) values ({', '.join('?' for _ in values)})",
        list(values.values()),
    )


def find_breaks(chain: Sequence[Release], events: Sequence[Event]) -> list[str]:
    """What is wrong with the chain, one sentence each; empty when it holds."""
    problems, previous = [], GENESIS
    numbers: dict[str, int] = {}
    recorded: set[int] = set()
    for link in order_links(chain, events):
        kind, number = _number_link(link)
        numbers[kind] = numbers.get(kind, 0) + 1
        if number != numbers[kind]:
            problems.append(f"{kind} {numbers[kind]} is missing from the ledger (the next one is {number})")
            return problems
        if link.previous_hash != previous:
            problems.append(f"{describe_link(link)} does not continue the one before it")
        if not link.is_intact:
            problems.append(f"the ledger row of {describe_link(link)} was edited")
        if isinstance(link, LakeState):
            if link.release_id in recorded:
                problems.append(f"{describe_link(link)} was recorded twice")
            recorded.add(link.release_id)
        # No rule takes the newest release away: who reads no other one would find nothing.
        if isinstance(link, Prune) and link.release_id >= link.after_release:
            problems.append(
                f"{describe_link(link)} was recorded while it was the newest: nothing prunes that"
            )
        previous = link_hash(link)
    return problems


def _number_link(link: Link) -> tuple[str, int]:
    """What kind of link it is, and its number among those."""
    if isinstance(link, Release):
        return "release", link.release_id
    if isinstance(link, Prune):
        return "pruning", link.prune_id
    return ("state", link.state_id) if isinstance(link, LakeState) else ("event of a hold", link.event_id)
