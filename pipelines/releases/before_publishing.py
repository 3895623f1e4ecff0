"""What is looked at before anything is published upon the lake: quick, and as sure as what was recorded of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import duckdb

from pipelines.lake import chain as links
from pipelines.lake.ledger import Release, list_kept
from pipelines.lake.states import has_same_strikes, read_state
from pipelines.releases.errors import ForeignHead
from pipelines.releases.findings import Finding, first_line
from pipelines.releases.verify_contents import check_files
from pipelines.releases.verify_head import check_foreign, check_head, compare_state, is_head_of
from pipelines.settings import Settings


def refuse_foreign_head(con: duckdb.DuckDBPyConnection, settings: Settings, chain: list[Release]) -> None:
    """ForeignHead where the catalogue holds what no release made, or a table is not what was published."""
    con.execute("begin")  # as long as it is open, its cursors need not open the catalogue's file again
    try:
        findings = list(check_before_publishing(con, settings, chain))
    except (duckdb.CatalogException, sqlite3.Error, UnicodeDecodeError) as error:
        findings = [Finding("ledger_unreadable", f"the catalogue cannot be read: {first_line(error)}")]
    finally:
        con.execute("rollback")
    if findings:
        raise ForeignHead(findings)


def check_before_publishing(
    con: duckdb.DuckDBPyConnection, settings: Settings, chain: Sequence[Release]
) -> Iterator[Finding]:
    """Whether the newest state of the lake is the newest release: by the catalogue and by the bytes of its files.

    Both were recorded once what had been written was compared with its source (after a build in part: the rows that it
    replaced); where they are not as they were, or were
    not recorded, all rows are hashed. The connection holds a transaction.
    """
    yield from check_foreign(con, chain)
    if not chain:
        return
    newest = chain[-1]
    state = next((s for s in links.list_states(con) if s.release_id == newest.release_id), None)
    findings = check_files(con, settings, list_kept(con, [newest]))[1]
    is_recorded = False
    if state is not None:
        present = read_state(con, newest.snapshot_id)
        findings = [*compare_state(state, present, is_newest=True), *findings]
        is_recorded = has_same_strikes(state, present)
    yield from findings
    if not is_recorded or findings or not is_head_of(con, newest):
        yield from check_head(con, chain)
