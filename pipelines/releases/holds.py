"""Builds that the gate held: recorded in the chain, looked at, accepted by name and reason, or mended.

Only the newest hold is open, and only until it is accepted or a build passes the gate: what was held is a state
of the warehouse, and the next build takes its place.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import duckdb

from pipelines.gate.evaluate import Verdict, list_findings
from pipelines.lake import catalogue as lake
from pipelines.lake import chain as links
from pipelines.lake import ledger
from pipelines.lake.chain import HoldEvent
from pipelines.lake.ledger import Release
from pipelines.warehouse.build import hash_json

OPENED, ACCEPTED, MENDED = "held", "accepted", "mended"


class Hold(NamedTuple):
    """One held build. `status`: open, accepted, mended, or replaced by a later hold.

    `closed`: the event that did it.
    """

    opened: HoldEvent
    status: str
    closed: HoldEvent | None

    @property
    def findings(self) -> list[dict[str, Any]]:
        findings: list[dict[str, Any]] = json.loads(self.opened.findings)
        return findings


def list_holds(con: duckdb.DuckDBPyConnection) -> list[Hold]:
    """Every hold, oldest first."""
    events = links.list_hold_events(con)
    opened = [event for event in events if event.event == OPENED]
    closing = {event.hold_id: event for event in events if event.event != OPENED}
    return [
        Hold(
            event,
            closing[event.hold_id].event if event.hold_id in closing
            else "open" if event is opened[-1] else "replaced",
            closing.get(event.hold_id),
        )
        for event in opened
    ]  # fmt: skip


def find_open_hold(con: duckdb.DuckDBPyConnection) -> Hold | None:
    return next((hold for hold in reversed(list_holds(con)) if hold.status == "open"), None)


def hash_state(release: Release) -> str:
    """Fingerprint of all tables of a release or its draft."""
    return hash_json({name: [mart.rows, mart.sha256] for name, mart in sorted(release.marts.items())})


def record_hold(
    con: duckdb.DuckDBPyConnection, chain: Sequence[Release], draft: Release, verdicts: Sequence[Verdict]
) -> int:
    """The number of the hold: a new one, or that of the open one where the same build is held again."""
    open_hold = find_open_hold(con)
    if open_hold and open_hold.opened.content_sha256 == hash_state(draft):
        return open_hold.opened.hold_id
    reason = "; ".join(f"{v.rule}: {v.text_en}" for v in verdicts if v.outcome == OPENED)
    findings = json.dumps([v._asdict() for v in list_findings(verdicts)], ensure_ascii=False)
    con.execute("begin")
    try:
        ledger.create_tables(con)
        event = links.append_hold_event(
            con, chain, _draft_event(0, OPENED, draft, draft.author, reason, findings)
        )
        lake.label_transaction(con, draft.author, f"hold {event.hold_id}: {reason}")
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return event.hold_id


def close_hold(
    con: duckdb.DuckDBPyConnection, chain: Sequence[Release], hold: Hold, event: str, release: Release
) -> None:
    """Write down, inside the caller's transaction, that a hold was accepted or mended by `release`."""
    links.append_hold_event(
        con, chain, _draft_event(hold.opened.hold_id, event, release, release.author, release.reason, "[]")
    )


def mend_hold(con: duckdb.DuckDBPyConnection, chain: Sequence[Release], hold: Hold, release: Release) -> None:
    """A build that is what the last release says closes the hold, without a release of its own."""
    con.execute("begin")
    try:
        close_hold(con, chain, hold, MENDED, release)
        lake.label_transaction(con, release.author, f"hold {hold.opened.hold_id} is mended")
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise


def _draft_event(
    hold_id: int, event: str, release: Release, author: str, reason: str, findings: str
) -> HoldEvent:
    return HoldEvent(
        event_id=0, hold_id=hold_id, event=event, after_release=0, after_prune=0,
        happened_at=datetime.now(UTC).replace(tzinfo=None), author=author, reason=reason,
        run_id=release.run_id, as_of=release.as_of, content_sha256=hash_state(release), findings=findings,
        previous_hash="",
    )  # fmt: skip
