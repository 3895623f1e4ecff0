"""Why items of an event log came, went or moved: what arrived of each between two releases.

What the earlier release could not have known is new in the period; what it could have known but had not
landed is a late arrival. A moment that both releases have passed has nothing new, only later knowledge.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from pipelines.explain.evidence import gather_evidence
from pipelines.lake.ledger import Release
from pipelines.settings import Settings
from pipelines.sources.contracts.canonical import Evidence
from pipelines.sources.contracts.contract import load_contracts
from pipelines.sql import read_sql


def explain_events(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    source: str,
    evidence: Evidence,
    previous: Release,
    release: Release,
    before: Mapping[str, str],
    after: Mapping[str, str],
    of_time: str,
) -> None:
    """Into `changed_items`: every item of the source whose unit or numerator differs, with its cause.

    `of_time`: that of what moved by time alone.
    """
    con.execute(read_sql("pipelines.explain", "event_changes"), {"source": source})
    if release.restores:
        con.execute(read_sql("pipelines.explain", "restored_causes"))
    else:
        contract = load_contracts(settings.sources_file).sources[source]
        gather_evidence(con, settings, contract, evidence, before, after)
        con.execute(
            read_sql("pipelines.explain", "event_causes", event=", ".join(contract.key)),
            {
                "previous_as_of": previous.as_of,
                "as_of": release.as_of,
                "of_time": of_time,
                "other": "unexplained" if previous.same_code(release) else "code_or_reference",
            },
        )
    con.execute(read_sql("pipelines.explain", "event_items"))
