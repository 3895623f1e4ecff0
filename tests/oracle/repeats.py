"""Difficulties that come back: the same category reported again by the same unit (docs/domain.md §5)."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import pairwise

import pandas as pd

from tests.oracle.issues import Issue

WINDOW = 90  # days within which a second issue of a kind makes it a repeating one


def repeats(every: list[Issue]) -> pd.DataFrame:
    """issue_repeats: the same category in the same unit; what the register calls a duplicate is none."""
    kinds: dict[tuple[str, str], list[Issue]] = defaultdict(list)
    for issue in sorted(every, key=lambda i: (i.row["reported_at"], i.code)):
        if issue.row["status"] != "duplicate":
            kinds[issue.unit, issue.row["category"] or "other"].append(issue)
    rows = []
    for (unit, category), alike in kinds.items():
        days = [issue.reported for issue in alike]
        recent = sum(day > alike[0].today - timedelta(days=WINDOW) for day in days)
        gaps = [(later - day).days for day, later in pairwise(days)]
        rows.append(
            {
                "unit_code": unit, "category": category, "issues": len(alike), "repeats": len(alike) - 1,
                "issues_in_window": recent, "is_repeating": recent > 1,
                "open_issues": sum(i.closed is None for i in alike),
                "reopened_issues": sum(any(s.is_again for s in i.spells) for i in alike),
                "first_reported_at": alike[0].row["reported_at"],
                "last_reported_at": alike[-1].row["reported_at"], "last_issue_code": alike[-1].code,
                "shortest_gap_days": min(gaps, default=None),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
