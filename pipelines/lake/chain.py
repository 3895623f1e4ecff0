"""The chain's links: releases, and the prunings made between them, in the order they were made.

Each link's hash covers the one before. A pruning is a link too: it takes contents away, so it must
be as hard to forge or to hide as a release.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from pipelines.lake.catalogue import ALIAS
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
    def holds(self) -> bool:
        return self.chain_hash() == self.prune_hash


Link = Release | Prune


def link_hash(link: Link) -> str:
    return link.release_hash if isinstance(link, Release) else link.prune_hash


def describe_link(link: Link) -> str:
    return f"{'release' if isinstance(link, Release) else 'the pruning of release'} {link.release_id}"


def list_prunes(con: duckdb.DuckDBPyConnection) -> list[Prune]:
    """All prunings, oldest first; empty where none was made."""
    if not table_exists(con, "audit", "release_prunes"):
        return []
    cursor = con.execute(f"from {ALIAS}.audit.release_prunes order by prune_id")
    names = [d[0] for d in cursor.description or []]
    return [Prune(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def order_links(chain: Sequence[Release], pruned: Sequence[Prune]) -> list[Link]:
    links: list[Link] = [*chain, *pruned]
    return sorted(
        links,
        key=lambda link: (
            (link.release_id, 0) if isinstance(link, Release) else (link.after_release, link.prune_id)
        ),
    )


def find_head(chain: Sequence[Release], pruned: Sequence[Prune]) -> str:
    """The hash of the newest link, which the next one continues."""
    links = order_links(chain, pruned)
    return link_hash(links[-1]) if links else GENESIS


def append_prune(con: duckdb.DuckDBPyConnection, chain: Sequence[Release], prune: Prune) -> Prune:
    """Seal a pruning behind the newest link and write it, inside the caller's transaction."""
    before = list_prunes(con)
    link = replace(prune, prune_id=len(before) + 1, previous_hash=find_head(chain, before))
    link = replace(link, prune_hash=link.chain_hash())
    values = vars(link)
    con.execute(
        f"insert into {ALIAS}.audit.release_prunes ({', '.join(values)}) "
        f"values ({', '.join('?' for _ in values)})",
        list(values.values()),
    )
    return link


def find_breaks(chain: Sequence[Release], pruned: Sequence[Prune]) -> list[str]:
    """What is wrong with the chain, one sentence each; empty when it holds."""
    problems, previous = [], GENESIS
    numbers = {"release": 0, "pruning": 0}
    for link in order_links(chain, pruned):
        kind, number = (
            ("release", link.release_id) if isinstance(link, Release) else ("pruning", link.prune_id)
        )
        numbers[kind] += 1
        if number != numbers[kind]:
            problems.append(f"{kind} {numbers[kind]} is missing from the ledger (the next one is {number})")
            return problems
        if link.previous_hash != previous:
            problems.append(f"{describe_link(link)} does not continue the one before it")
        if not link.holds:
            problems.append(f"the ledger row of {describe_link(link)} was edited")
        previous = link_hash(link)
    return problems
