"""What the gate's answer does to a build: it is put on hold, or published by who accepts the hold."""

from __future__ import annotations

import duckdb

from pipelines.gate.evaluate import name_source
from pipelines.gate.examine import GateResult
from pipelines.gate.lines import list_lines, sort_by_weight
from pipelines.lake.ledger import Release
from pipelines.releases import holds
from pipelines.releases.errors import ReleaseOnHold

# Of what warns beside what holds, so many are told at once.
MOST_WARNINGS = 3


def hold_release(
    con: duckdb.DuckDBPyConnection, chain: list[Release], draft: Release, examination: GateResult
) -> ReleaseOnHold:
    """Puts the hold on record; returns what is to be raised: what, where, and what to do next."""
    number = holds.record_hold(con, chain, draft, examination.verdicts)
    reasons = sort_by_weight(examination.reasons_to_hold)
    sources = {name_source(reason.scope) for reason in reasons}
    # What warns of the same source often names the cause: a total fell, since its dates are read otherwise.
    warned = sorted(
        sort_by_weight(v for v in examination.verdicts if v.outcome == "warned"),
        key=lambda verdict: name_source(verdict.scope) not in sources,
    )
    findings = [*reasons, *warned[:MOST_WARNINGS]]
    lines = "\n".join(list_lines(findings))
    more = len(warned) - MOST_WARNINGS
    others = f", also {more} more warning{'s' * (more > 1)}" if more > 0 else ""
    return ReleaseOnHold(
        f"Hold {number}: nothing was published; the last release is still served.\n{lines}\n"
        f"`thongsuot releases held` shows all{others}; after mending run again; to publish it all the same: "
        f"`thongsuot releases accept {number} --by NAME --reason WHY`."
    )


def check_acceptance(
    con: duckdb.DuckDBPyConnection, draft: Release, hold: holds.Hold | None, number: int
) -> None:
    """LookupError where hold `number` is not open, or the warehouse holds another build by now."""
    if hold is None or hold.opened.hold_id != number:
        listed = ", ".join(f"{h.opened.hold_id} ({h.status})" for h in holds.list_holds(con)) or "none"
        raise LookupError(f"There is no open hold {number}; holds: {listed}.")
    if hold.opened.content_sha256 != holds.hash_state(draft):
        raise LookupError(
            f"The warehouse holds another build than hold {number}: run `thongsuot run` and look again."
        )
