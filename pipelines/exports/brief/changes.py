"""Why the rate moved since the release before, as the release itself explains it (`audit.release_changes`)."""

from __future__ import annotations

from pipelines.explain.words import CAUSES, FIELDS
from pipelines.exports.brief.figures import Figure, Marts, Row
from pipelines.exports.brief.sections import SINCE, Section
from pipelines.sources.contracts.canon import read_canon

CHANGES, RATES = "audit.release_changes", "audit.release_rates"
METRIC = "online_submission_rate"
MOST_CAUSES = 3


def changes(marts: Marts, release_id: int) -> Section:
    """The rate then and now, and its main causes; None where there is no release before to compare with."""
    whole = f"metric = '{METRIC}' and {SINCE} and unit_code = '{read_canon().whole.code}'"
    key = ("release_id", "metric", "period", "unit_code")
    both = [
        marts.rows(RATES, f"release_id = {number} and {whole}", key=key)
        for number in (release_id - 1, release_id)
    ]
    if not all(both):
        return None
    before, now = (rows[0] for rows in both)
    causes = marts.rows(
        CHANGES,
        f"release_id = {release_id} and {whole} and compared_with = {release_id - 1}",
        order="abs(rate_change) desc nulls last, abs(denominator_change) desc, cause, field nulls first",
        key=(*key, "cause", "field"),
    )
    return {
        "number": release_id - 1,
        "before": _quotient(before),
        "now": _quotient(now),
        "causes": [
            {**row, "words": CAUSES[row["cause"].value], "field_words": FIELDS.get(row["field"].value)}
            for row in causes[:MOST_CAUSES]
        ],
        "left": max(len(causes) - MOST_CAUSES, 0),
    }


def _quotient(counts: Row) -> Figure:
    """The rate of a row of counts, a figure like any other."""
    numerator, denominator = counts["numerator"].value, counts["denominator"].value
    rate = numerator / denominator if denominator else None
    return Figure(rate, RATES, "numerator / nullif(denominator, 0)", counts["numerator"].where)
