"""Every headline mart beside its count: what differs, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from tests.oracle import cuts, dossiers, handling, issues, rates, repeats, reporting, sources, tasks
from tests.oracle.compare import differences
from tests.oracle.dossiers import Place

# (mart, its columns, which of its rows) → the rows
Marts = Callable[[str, str, str], pd.DataFrame]
# Mart → what the oracle counted, and the key of its rows.
Counted = dict[str, tuple[pd.DataFrame, list[str]]]
PERIOD = ["as_of_day", "period", "unit_code"]
# Rows of zeros that make a mart dense say nothing that could be counted.
WHERE = {"online_submission_rate": "denominator > 0"}


def differing(marts: Marts, counted: Counted) -> list[str]:
    return [
        f"{mart} {line}"
        for mart, (rows, key) in counted.items()
        for line in differences(
            marts(mart, ", ".join(rows.columns) or "*", WHERE.get(mart, "true")), rows, key
        )
    ]


def all_marts(marts: Marts, tables: Mapping[str, pd.DataFrame], place: Place) -> list[str]:
    """`tables`: the accepted rows per source, rejections, batches, assignments, targets."""
    known = dossiers.states(sources.typed(tables["dossier_log"], "dossier_log"), place)
    tracker = tasks.Tracker(
        sources.typed(tables["task_tracker"], "task_tracker"), tables["rejections"], place
    )
    every = issues.issues(
        sources.typed(tables["issue_register"], "issue_register"), tables["rejections"], place
    )
    counted = {
        **of_dossiers(known, tables, place),
        **of_tasks(tracker),
        **of_issues(every, tables),
        **of_reports(known, tracker, every, tables, place),
    }
    rate, key = counted["online_submission_rate"]
    rate = reporting.reporter_days(rate, counted["reporting_completeness"][0])
    counted["online_submission_rate"] = rate, key
    return differing(marts, counted)


def of_dossiers(known: pd.DataFrame, tables: Mapping[str, pd.DataFrame], place: Place) -> Counted:
    channel = [
        "received_day",
        "receiving_unit_code",
        "processing_unit_code",
        "sector_code",
        "service_level",
        "channel",
    ]
    ranking = sources.typed(tables["national_ranking"], "national_ranking")
    targets, cutoffs = sources.targets(tables["targets"]), sources.cutoffs()
    register = dossiers.register(known, place)
    return {
        "dossier_register": (register, ["dossier_code"]),
        "dossier_alerts": (dossiers.alerts(known, register), ["dossier_code"]),
        "submission_by_channel_daily": (dossiers.channel_daily(known, place), channel),
        "online_submission_rate": (rates.submission_rate(known, place, cutoffs, targets), PERIOD),
        "online_submission_headline": (rates.headline(known, ranking, cutoffs, targets, place), ["cutoff_at"]),
        "online_submission_breakdown": (
            cuts.breakdown(known, place), ["as_of_day", "period", "dimension", "member"]
        ),
        "digital_service_rate": (cuts.digital_rates(known, place, targets), [*PERIOD, "metric"]),
        "dossier_timeliness": (handling.dossier_timeliness(known, place), [*PERIOD, "sector_code"]),
        "online_resolution_rate": (handling.resolution(known, place), [*PERIOD, "sector_code"]),
        "report_ii06a": (handling.form_ii06a(known, place), ["month", "unit_code", "sector_code"]),
    }  # fmt: skip


def of_tasks(tracker: tasks.Tracker) -> Counted:
    ledger, by_unit = tasks.ledger(tracker), tasks.completion_by_unit(tracker)
    return {
        "task_ledger": (ledger, tasks.KEY),
        "task_ledger_history": (tasks.history(tracker), [*tasks.KEY, "seen_on", "field"]),
        "task_completion": (tasks.completion(tracker), ["as_of_day", "owner_level", "lead_agency_code"]),
        "task_completion_by_unit": (by_unit, ["as_of_day", "unit_code"]),
        "task_commune_matrix": (tasks.matrix(ledger, by_unit, tracker.today), ["task_code", "unit_code"]),
    }


def of_issues(every: list[issues.Issue], tables: Mapping[str, pd.DataFrame]) -> Counted:
    assigned = issues.assigned(tables["assignments"])
    daily = ["as_of_day", "unit_code", "category", "addressed_to_level"]
    return {
        "issue_backlog": (issues.backlog(every, assigned), ["issue_code"]),
        "issue_backlog_daily": (issues.backlog_daily(every), daily),
        "issue_escalation": (issues.escalation(every), ["issue_code", "step"]),
        "issue_repeats": (repeats.repeats(every), ["unit_code", "category"]),
    }


def of_reports(
    known: pd.DataFrame,
    tracker: tasks.Tracker,
    every: list[issues.Issue],
    tables: Mapping[str, pd.DataFrame],
    place: Place,
) -> Counted:
    ranking = sources.typed(tables["national_ranking"], "national_ranking")
    counts = reporting.counted(known, tracker, every, ranking)
    key = ["as_of_day", "source", "unit_level", "unit_code"]
    return {"reporting_completeness": (reporting.completeness(tables["batches"], counts, place), key)}
