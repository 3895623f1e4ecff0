"""What the head of the place must see to, first of all: what is late, how much of it, and with whom most."""

from __future__ import annotations

from typing import Any

from pipelines.exports.brief.figures import Row
from pipelines.exports.brief.sections import Section, cut_between_ties

# So many are named as the latest; where more are equally late, nobody is.
MOST_WORST = 3


def list_actions(
    tasks: Section, backlog: Section, resolved: Section, completeness: list[dict[str, Any]]
) -> dict[str, Any]:
    """`tasks`: levels with something late; `issues`, `handling`: the total, or None; `reports`: who owes some."""
    late_levels = [row for row in tasks["levels"] if row["open_overdue"]] if tasks else []
    issues = backlog if backlog and backlog["total"]["overdue"] else None
    late = resolved if resolved and resolved["whole"]["open_overdue"] else None
    return {
        "tasks": [
            {
                **row,
                "worst": _name_worst(
                    [one for one in tasks["behind"] if one["owner_level"].value == row["owner_level"].value]
                    if tasks
                    else [],
                    "open_overdue",
                ),
            }
            for row in late_levels
        ],
        "issues": issues and {**issues["total"], "worst": _name_worst(issues["by_role"], "overdue")},
        "handling": late and {**late["whole"], "worst": _name_worst(late["units"], "open_overdue")},
        "reports": [row for row in completeness if row["missing"]],
    }


def _name_worst(rows: list[Row], column: str) -> list[Row]:
    """The first rows of a list whose worst come first: all that are equally late, none where those are many."""
    worst, _ = cut_between_ties(rows, (column,), usual=1, most=MOST_WORST)
    return worst if len(worst) <= MOST_WORST else []
