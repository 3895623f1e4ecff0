"""What the gate holds: nothing is published, the hold is a link of the chain, accepted by name or mended."""

from __future__ import annotations

import json

import duckdb
import pytest

from pipelines.gate.record import list_release_findings
from pipelines.lake import chain as links
from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.releases.errors import ReleaseOnHold
from pipelines.releases.holds import list_holds
from pipelines.releases.publish import Publication, publish
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from tests.unit.sample_marts import SampleMart, released

NO_CHECKS = (
    "select '' as source, '' as batch_id, '' as rule, 'row' as scope, 'info' as severity, 0::bigint as evaluated, "
    "0::bigint as unexpected, '' as column_name, 0.0 as observed, '' as reason_en, '' as reason_vi where false"
)


def deliver(settings: Settings, day: str, issues: int, *, accepted: bool = True) -> Publication:
    """A register of so many issues as the newest accepted batch, and what a build makes of it, published.

    `accepted`: false where its accepted rows lie there already.
    """
    batch, columns = (
        f"batch-{day}",
        f"select 'VM-' || lpad(n::varchar, 3, '0') as issue_code from range({issues}) as t (n)",
    )
    kinds = [(settings.landing, "parquet"), (settings.quality, "accepted.parquet")]
    for root, kind in kinds if accepted else kinds[:1]:
        folder = root / "issue_register" / day
        folder.mkdir(parents=True, exist_ok=True)
        duckdb.sql(f"copy ({columns}) to '{folder / f'{batch}.{kind}'}'")
    batches = (
        f"select 'issue_register' as source, date '{day}' as partition_key, '{batch}' as batch_id, "
        f"true as is_current, true as is_accepted, {issues}::bigint as rows_read, {issues}::bigint as rows_accepted, "
        f"0::bigint as rows_rejected, '{batch}' as sha256, '' as origin, 'current' as standing"
    )
    return released(
        settings,
        {
            "audit.batches": SampleMart(batches, ("source", "batch_id")),
            "audit.checks": SampleMart(NO_CHECKS, ("source", "batch_id", "rule")),
            "marts.issues": SampleMart(columns, ("issue_code",)),
        },
    )


def count_issues(settings: Settings) -> int:
    with open_lake(settings) as con:
        row = con.execute("select count(*) from lake.marts.issues").fetchone()
    assert row
    return int(row[0])


def statuses(settings: Settings) -> list[tuple[int, str]]:
    with open_lake(settings) as con:
        chain = ledger.list_releases(con)
        assert links.find_breaks(chain, links.list_events(con)) == []
        return [(hold.opened.hold_id, hold.status) for hold in list_holds(con)]


def test_a_hold_tells_what_warns_too_for_it_may_name_the_cause(settings: Settings) -> None:
    """Half of thirty issues are gone, and the times of the others are an hour later."""
    for number, (day, count) in enumerate((("2025-08-05", 30), ("2025-08-06", 15))):
        folder = settings.quality / "issue_register" / day
        folder.mkdir(parents=True)
        duckdb.sql(
            "copy (select 'VM-' || lpad(n::varchar, 3, '0') as issue_code, "
            f"timestamp '2025-08-01 08:00' + interval ({number}) hour as reported_at from range({count}) as t (n)) "
            f"to '{folder / f'batch-{day}.accepted.parquet'}'"
        )
        if number == 0:
            deliver(settings, day, count, accepted=False)
            continue
        with pytest.raises(
            ReleaseOnHold,
            match=r"(?s)!!! .*15 keys.*\n! .*reported_at 15: 15 × \+1 h.*, also 3 more warnings;",
        ):
            deliver(settings, day, count, accepted=False)


def test_a_held_build_is_not_published_until_somebody_accepts_it_by_name(settings: Settings) -> None:
    deliver(settings, "2025-08-05", 30)
    with pytest.raises(
        ReleaseOnHold, match=r"(?s)Hold 1: nothing was published.*27 keys.*releases accept 1 --by"
    ):
        deliver(settings, "2025-08-06", 3)
    assert count_issues(settings) == 30 and statuses(settings) == [(1, "open")]
    with pytest.raises(ReleaseOnHold, match="Hold 1"):  # the same build is the same hold
        deliver(settings, "2025-08-06", 3)
    with open_lake(settings) as con:
        [hold] = list_holds(con)
    finding, *_ = hold.findings  # the heaviest first
    assert (finding["rule"], finding["scope"]) == ("delivery_lost_keys", "issue_register")
    assert finding["details"][:2] == ["VM-003", "VM-004"] and "27 mã" in finding["text_vi"]

    with pytest.raises(LookupError, match=r"no open hold 2; holds: 1 \(open\)"):
        publish(settings, run_id="r", author="A", reason="cleared up", accept=2)
    release = publish(settings, run_id="r", author="Nguyễn A", reason="cleared up", accept=1).release
    assert count_issues(settings) == 3 and statuses(settings) == [(1, "accepted")]
    with open_lake(settings) as con:
        findings = list_release_findings(con, release.release_id)
        [hold] = list_holds(con)
    assert ("delivery_lost_keys", "accepted") in [(f.rule, f.outcome) for f in findings]
    assert hold.closed and (hold.closed.author, hold.closed.reason) == ("Nguyễn A", "cleared up")
    # What was accepted is what the next night is compared with.
    assert deliver(settings, "2025-08-07", 3).is_new


def test_a_mended_delivery_closes_the_hold_and_another_build_cannot_be_accepted(settings: Settings) -> None:
    deliver(settings, "2025-08-05", 30)
    with pytest.raises(ReleaseOnHold):
        deliver(settings, "2025-08-06", 3)
    with pytest.raises(ReleaseOnHold, match="Hold 2"):
        deliver(settings, "2025-08-06", 4)
    assert statuses(settings) == [(1, "replaced"), (2, "open")]
    assert deliver(settings, "2025-08-06", 29).is_new
    assert statuses(settings) == [(1, "replaced"), (2, "mended")]
    with pytest.raises(LookupError, match="no open hold 2"):
        publish(settings, run_id="r", author="A", reason="late", accept=2)


def test_an_edited_or_struck_out_hold_breaks_the_chain(settings: Settings) -> None:
    deliver(settings, "2025-08-05", 30)
    with pytest.raises(ReleaseOnHold):
        deliver(settings, "2025-08-06", 3)
    publish(settings, run_id="r", author="A", reason="cleared up", accept=1)
    with open_lake(settings, read_only=False) as con:
        con.execute("begin; call lake.set_commit_message('x', 'y')")
        con.execute("update lake.audit.release_holds set author = 'B' where event = 'accepted'; commit")
    kinds = {finding.kind for finding in verify_releases(settings).findings}
    assert "edited_ledger" in kinds
    with open_lake(settings, read_only=False) as con:
        con.execute("begin; call lake.set_commit_message('x', 'y')")
        con.execute("delete from lake.audit.release_holds where event = 'held'; commit")
        breaks = links.find_breaks(ledger.list_releases(con), links.list_events(con))
    assert any("event of a hold 1 is missing" in text or "does not continue" in text for text in breaks)


def test_what_the_gate_measured_is_part_of_the_sealed_release(settings: Settings) -> None:
    deliver(settings, "2025-08-05", 30)
    with open_lake(settings, read_only=False) as con:
        con.execute("begin; call lake.set_commit_message('x', 'y')")
        con.execute("update lake.audit.release_facts set value = 3 where fact = 'keys'; commit")
    assert any("details of release 1" in finding.text for finding in verify_releases(settings).findings)
    assert json.dumps(statuses(settings)) == "[]"
