"""Every headline mart beside its count: what differs, in words."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from types import ModuleType

import pandas as pd

from tests import oracle
from tests.oracle import (
    cuts,
    dossiers,
    handling,
    index_766,
    issues,
    national_index,
    rates,
    repeats,
    reporting,
    sources,
    tasks,
)
from tests.oracle.compare import differences
from tests.oracle.dossiers import Place

# (mart, its columns, which of its rows) → the rows
Marts = Callable[[str, str, str], pd.DataFrame]
# Mart → what the oracle counted, and the key of its rows.
Counted = dict[str, tuple[pd.DataFrame, list[str]]]
PERIOD = ["as_of_day", "period", "unit_code"]
# Rows of zeros that make a mart dense say nothing that could be counted.
WHERE = {"online_submission_rate": "denominator > 0"}


# Numbers of a mart that nobody counts a second time, each with the reason.
NOT_COUNTED = {
    (
        "online_submission_headline",
        "index_766_points",
    ): "the share, which is counted, × max_points of targets",
    ("online_submission_headline", "index_766_definition_version"): "a constant of the definition",
    ("service_quality_items", "item_order"): "the order of the code list",
    ("service_quality_items", "full_from"): "the code list's",
    ("service_quality_index", "component_order"): "the order of the code list",
    ("service_quality_national", "component_order"): "the order of the code list",
}
# Marts that hold no number to count: their rows are the reference's own, or text about numbers.
NO_COUNT = {
    "dim_unit": "the reference's rows; int_units has unit tests",
    "dim_procedure": "the reference's rows",
    "dim_date": "the calendar of the library; int_calendar has unit tests, the oracle a calendar of its own",
    "metrics_catalogue": "texts of the seed; tests/unit/test_dbt_layering.py",
}


def forgotten(marts: Marts, counted: Counted) -> list[str]:
    """Numeric columns that are neither counted nor exempt, and exemptions that are none; marts without rows aside."""
    lines = []
    for mart, (rows, key) in counted.items():
        if rows.empty:
            continue
        numbers = {c for c, kind in marts(mart, "*", "false").dtypes.items() if kind.kind in "iuf"} - {*key}
        exempt = {column for name, column in NOT_COUNTED if name == mart}
        lines += [f"{mart}.{c}: count it, or say in NOT_COUNTED why not" for c in numbers - {*rows} - exempt]
        lines += [f"{mart}.{c}: is counted, or no number" for c in exempt - (numbers - {*rows})]
    return sorted(lines)


def differing(marts: Marts, counted: Counted) -> list[str]:
    return [
        f"{mart} {line}"
        for mart, (rows, key) in counted.items()
        for line in differences(
            marts(mart, ", ".join(rows.columns) or "*", WHERE.get(mart, "true")), rows, key
        )
    ]


def all_marts(marts: Marts, tables: Mapping[str, pd.DataFrame], place: Place) -> list[str]:
    """What differs, and what nobody counted; `tables` as for `count_marts`."""
    counted = count_marts(tables, place)
    return forgotten(marts, counted) + differing(marts, counted)


def count_marts(tables: Mapping[str, pd.DataFrame], place: Place) -> Counted:
    """`tables`: the accepted rows per source, rejections, batches, assignments, targets."""
    states = dossiers.states(sources.typed(tables["dossier_log"], "dossier_log"), place)
    tracker = tasks.Tracker(
        sources.typed(tables["task_tracker"], "task_tracker"), tables["rejections"], place
    )
    register = issues.issues(
        sources.typed(tables["issue_register"], "issue_register"), tables["rejections"], place
    )
    counts = reporting.counted(
        states, tracker, register, sources.typed(tables["national_ranking"], "national_ranking")
    )
    counted = {
        **of_dossiers(states, tables, place),
        **of_tasks(tracker),
        **of_issues(register, tables),
    }
    for module in find_source_modules():
        things = module.read_things(
            sources.typed(tables[module.SOURCE], module.SOURCE), tables["rejections"], place
        )
        counted |= module.count_marts(things, tables, place)
        counts.update(module.count_reports(things))
    counted |= index_766.count_index(states, tables, counted["feedback_backlog"][0], place)
    index, portal = counted["service_quality_index"][0], counted["service_quality_national"]
    counted["service_quality_national"] = national_index.beside_own(portal[0], index, place), portal[1]
    reports = reporting.completeness(tables["batches"], counts, place)
    counted["reporting_completeness"] = reports, ["as_of_day", "source", "unit_level", "unit_code"]
    rate, key = counted["online_submission_rate"]
    rate = reporting.reporter_days(rate, counted["reporting_completeness"][0])
    counted["online_submission_rate"] = rate, key
    return counted


def find_source_modules() -> list[ModuleType]:
    """Modules of this folder that count one source of their own: SOURCE, read_things, count_reports and
    count_marts."""
    names = [info.name for info in pkgutil.iter_modules(oracle.__path__)]
    modules = [importlib.import_module(f"{oracle.__name__}.{name}") for name in sorted(names)]
    return [module for module in modules if hasattr(module, "SOURCE")]


def of_dossiers(states: pd.DataFrame, tables: Mapping[str, pd.DataFrame], place: Place) -> Counted:
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
    table = dossiers.register(states, place)
    return {
        "dossier_register": (table, ["dossier_code"]),
        "dossier_alerts": (dossiers.alerts(states, table), ["dossier_code"]),
        "submission_by_channel_daily": (dossiers.channel_daily(states, place), channel),
        "online_submission_rate": (rates.submission_rate(states, place, cutoffs, targets), PERIOD),
        "online_submission_headline": (rates.headline(states, ranking, cutoffs, targets, place), ["cutoff_at"]),
        "online_submission_breakdown": (
            cuts.breakdown(states, place), ["as_of_day", "period", "dimension", "member"]
        ),
        "digital_service_rate": (cuts.digital_rates(states, place, targets), [*PERIOD, "metric"]),
        "dossier_timeliness": (handling.dossier_timeliness(states, place), [*PERIOD, "sector_code"]),
        "online_resolution_rate": (handling.resolution(states, place), [*PERIOD, "sector_code"]),
        "report_ii06a": (handling.form_ii06a(states, place), ["month", "unit_code", "sector_code"]),
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


def of_issues(register: list[issues.Issue], tables: Mapping[str, pd.DataFrame]) -> Counted:
    assigned = issues.assigned(tables["assignments"])
    daily = ["as_of_day", "unit_code", "category", "addressed_to_level"]
    return {
        "issue_backlog": (issues.backlog(register, assigned), ["issue_code"]),
        "issue_backlog_daily": (issues.backlog_daily(register), daily),
        "issue_escalation": (issues.escalation(register), ["issue_code", "step"]),
        "issue_repeats": (repeats.repeats(register), ["unit_code", "category"]),
    }
