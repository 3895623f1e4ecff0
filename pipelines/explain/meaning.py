"""What a row of a mart counts: which dossiers, tasks or issues of the same release stand behind it.

The one registry of `trace`. `$name` is a value of the row; a mart that is not here is traced to its
sources through dbt's manifest.
"""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """`items`: column of `relation` that names them, also in the landed rows of `source`."""

    source: str
    relation: str
    items: str
    condition: str
    counts: str | None = None
    """The column of the mart row that says how many there are."""


REGISTER = "marts.dossier_register"
OF_UNIT = "($unit_level = 'province' or {role}_unit_code = $unit_code)"
RECEIVED = "is_received and received_at <= $as_of and received_at::date between $period_start and $as_of_day"

MEANINGS: dict[str, Meaning] = {
    REGISTER: Meaning("dossier_log", REGISTER, "dossier_code", "dossier_code = $dossier_code"),
    "audit.headline_dossiers": Meaning(
        "dossier_log",
        "audit.headline_dossiers",
        "dossier_code",
        "cutoff_at = $cutoff_at and dossier_code = $dossier_code",
    ),
    "marts.online_submission_headline": Meaning(
        "dossier_log", "audit.headline_dossiers", "dossier_code", "cutoff_at = $cutoff_at", "received"
    ),
    "marts.online_submission_rate": Meaning(
        "dossier_log",
        REGISTER,
        "dossier_code",
        f"{RECEIVED} and case when $unit_role = 'processing' then {OF_UNIT.format(role='processing')} "
        f"else {OF_UNIT.format(role='receiving')} end",
        "denominator",
    ),
    "marts.submission_by_channel_daily": Meaning(
        "dossier_log",
        REGISTER,
        "dossier_code",
        "is_received and received_at::date = $received_day and receiving_unit_code = $receiving_unit_code "
        "and coalesce(processing_unit_code, 'unknown') = $processing_unit_code "
        "and coalesce(sector_code, 'unknown') = $sector_code "
        "and coalesce(service_level, 'unknown') = $service_level and channel = $channel",
        "received",
    ),
    "marts.task_ledger": Meaning("task_tracker", "marts.task_ledger", "task_code", "task_code = $task_code"),
    "marts.task_completion": Meaning(
        "task_tracker",
        "marts.task_ledger",
        "task_code",
        "owner_level = $owner_level and $lead_agency_code in ('all', lead_agency_code)",
    ),
    "marts.task_ledger_history": Meaning(
        "task_tracker", "marts.task_ledger", "task_code", "task_code = $task_code and unit_code = $unit_code"
    ),
    "marts.task_completion_by_unit": Meaning(
        "task_tracker",
        "marts.task_ledger",
        "task_code",
        "owner_level = 'commune' and unit_code = $unit_code",
    ),
    "marts.task_commune_matrix": Meaning(
        "task_tracker", "marts.task_ledger", "task_code", "task_code = $task_code and unit_code = $unit_code"
    ),
    "marts.issue_backlog": Meaning(
        "issue_register", "marts.issue_backlog", "issue_code", "issue_code = $issue_code"
    ),
    "marts.issue_escalation": Meaning(
        "issue_register", "marts.issue_backlog", "issue_code", "issue_code = $issue_code"
    ),
    "marts.issue_repeats": Meaning(
        "issue_register",
        "marts.issue_backlog",
        "issue_code",
        "unit_code = $unit_code and category = $category and status <> 'duplicate'",
        "issues",
    ),
    "marts.issue_backlog_daily": Meaning(
        "issue_register",
        "marts.issue_backlog",
        "issue_code",
        "unit_code = $unit_code and category = $category",
    ),
}
