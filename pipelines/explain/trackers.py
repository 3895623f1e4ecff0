"""What counts in the rates of tasks and issues of two releases, and why that changed.

Trackers are read as whole snapshots and the newest one speaks, so the cause is the snapshot's: a later
day, a day pulled again, another judgement of its rows, or time alone, which makes an open task overdue.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from pipelines.lake.ledger import Release
from pipelines.settings import Settings

NEEDED = ("marts.task_ledger", "marts.issue_backlog", "audit.batches", "audit.rejections")
DONE = "bucket in ('done_on_time', 'done_late', 'done_no_due')"
# A tally is a period's stand-in: the tasks of one level of owners, or the register of issues.
TALLIES = f"""
    select 'task_tracker' as source, 'task_completion_rate' as metric, owner_level || '_tasks' as period,
        {{task}} as item_code, {{unit}} as unit_code, {DONE} as counts, {{said}} as said
    from {{tasks}} where bucket <> 'withdrawn'
    union all
    select 'task_tracker', 'task_on_time_rate', owner_level || '_tasks', {{task}}, {{unit}},
        bucket = 'done_on_time', {{said}}
    from {{tasks}} where {DONE} or bucket = 'open_overdue'
    union all
    select 'issue_register', 'issues_open', 'register', issue_code, unit_code, is_open, null
    from {{issues}}
"""
RATES = """
    select metric, period, case when grouping(unit_code) = 1 then 'province' else unit_code end as unit_code,
        count(*) filter (counts) as numerator, count(*) as denominator
    from tallies_after group by grouping sets ((metric, period, unit_code), (metric, period))
"""


def count(con: duckdb.DuckDBPyConnection, side: str, release: Release, relations: Mapping[str, str]) -> None:
    """Temp table `tallies_<side>`: metric × tally × task or issue; `said`: its due date."""
    tallies = TALLIES.format(
        tasks=relations["marts.task_ledger"],
        issues=relations["marts.issue_backlog"],
        # The same task is a case of its own in each commune; a provincial one belongs to its lead agency.
        task="case when owner_level = 'province' then task_code else task_code || '|' || unit_code end",
        unit="case when owner_level = 'province' then coalesce(lead_agency_code, 'unknown') else unit_code end",
        said="due_date::varchar",
    )
    con.execute(f"create or replace temp table tallies_{side} as {tallies}")


def judge(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    previous: Release,
    release: Release,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    """Into `judged`: every task and issue whose unit or numerator differs, with its cause."""
    other = "unexplained" if previous.same_code(release) else "code_or_reference"
    con.execute(
        f"""
        insert into judged by name
        with batches as (
            select source, partition_key, a.batch_id as batch_before, b.batch_id as batch_after
            from (from {before["audit.batches"]} where is_current) as a
            full join (from {after["audit.batches"]} where is_current) as b using (source, partition_key)
        ),
        rejected_before as (select distinct source, batch_id, _row from {before["audit.rejections"]}),
        rejected_after as (select distinct source, batch_id, _row from {after["audit.rejections"]}),
        judged_otherwise as (
            select distinct source from (
                (from rejected_before except from rejected_after) union all
                (from rejected_after except from rejected_before)
            ) semi join batches on batch_id = batch_before and batch_id = batch_after
        ),
        arrived as (
            select source,
                max(partition_key) filter (batch_before is not null) as newest_before,
                max(partition_key) filter (batch_after is not null) as newest_after,
                max_by(batch_after, partition_key) as batch_id,
                bool_or(batch_before <> batch_after or batch_after is null) as has_other,
                bool_or(batch_before is null) as has_more
            from batches group by source
        ),
        moved as (
            select source, metric, period, item_code, a.unit_code as unit_before, a.counts as counts_before,
                b.unit_code as unit_after, b.counts as counts_after,
                case when a.said is distinct from b.said then 'due_date' else 'status' end as flip
            from tallies_before as a full join tallies_after as b using (source, metric, period, item_code)
            where a.unit_code is distinct from b.unit_code or a.counts is distinct from b.counts
        )
        select metric, period, item_code, unit_before, counts_before, unit_after, counts_after, flip,
            case
                when {bool(release.restores)} then 'restored'
                when newest_after > newest_before and newest_after > date '{previous.as_of.date()}'
                    then 'new_in_period'
                when newest_after > newest_before then 'late_arrival'
                when has_other then 'pulled_again'
                when has_more then 'late_arrival'
                when source in (from judged_otherwise)
                    then case when unit_after is null then 'rejection_in' else 'rejection_out' end
                when {previous.as_of != release.as_of} then 'new_in_period'
                else '{other}'
            end as cause,
            case when has_other or has_more then batch_id end as batch_id
        from moved left join arrived using (source)
        """
    )
