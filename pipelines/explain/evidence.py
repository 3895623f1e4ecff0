"""What landed, or was rejected, between two releases, for the dossiers whose count changed.

Read from the accepted Parquet of the batches that count now, from that of the batches they replaced,
and from both releases' lists of rejections.
"""

from __future__ import annotations

import duckdb

from pipelines import duck
from pipelines.settings import Settings

LOG = "dossier_log"
# What a delivery says that can move a count.
SAID = "dossier_code, recorded_at, status_code, channel, receiving_unit_code, received_at, has_e_result"


def gather(
    con: duckdb.DuckDBPyConnection, settings: Settings, before: dict[str, str], after: dict[str, str]
) -> None:
    """Temp tables `deliveries` (row × how it arrived), `sent_away` and `pulled_again` (item_code).

    `before`, `after`: table name → relation of the two releases; temp table `changed` names the items.
    How a row arrived: `old` (its batch counted before), `released` (counted, but rejected there),
    `pulled_again` (its batch replaced another one of its day), `new` (its day had no batch).
    """
    con.execute(
        f"""
        create or replace temp table batches_before as
            select batch_id, partition_key from {before["audit.batches"]}
            where source = '{LOG}' and is_current;
        create or replace temp table deliveries as
        select
            {SAID}, log.synced_at, log.batch_id,
            statuses.is_received or log.received_at is not null as is_received,
            case
                when rejected.batch_id is not null then 'released'
                when same.batch_id is not null then 'old'
                when day.partition_key is not null then 'pulled_again'
                else 'new'
            end as arrival
        from warehouse.staging.stg_dossier_log as log
        left join warehouse.seeds.dossier_statuses as statuses using (status_code)
        left join batches_before as same on log.batch_id = same.batch_id
        left join (select distinct partition_key from batches_before) as day
            on log.partition_key = day.partition_key
        left join (select distinct batch_id, _row from {before["audit.rejections"]}) as rejected
            on log.batch_id = rejected.batch_id and log.batch_row = rejected._row
        where log.dossier_code in (select item_code from changed)
        """
    )
    # The business key of a rejected row is spelled in the order of the contract: the code comes first.
    con.execute(
        f"""
        create or replace temp table sent_away as
        select distinct split_part(row_key, '|', 1) as item_code from {after["audit.rejections"]} as now
        where source = '{LOG}' and is_current
            and batch_id in (select batch_id from batches_before)
            and not exists (
                select 1 from {before["audit.rejections"]} as was
                where was.batch_id = now.batch_id and was._row = now._row
            )
        """
    )
    _pulled_again(con, settings, after)


def _pulled_again(con: duckdb.DuckDBPyConnection, settings: Settings, after: dict[str, str]) -> None:
    """Dossiers whose day was pulled again and then said something else of them."""
    replaced = con.execute(
        f"select partition_key::varchar, batch_id from batches_before where batch_id not in "
        f"(select batch_id from {after['audit.batches']} where is_current)"
    ).fetchall()
    files = [settings.quality / LOG / day / f"{batch}.accepted.parquet" for day, batch in replaced]
    listed = ", ".join(duck.literal(f) for f in files if f.exists())
    if not listed:
        con.execute(
            "create or replace temp table pulled_again as "
            "select distinct dossier_code as item_code from deliveries where arrival = 'pulled_again'"
        )
        return
    con.execute(
        f"""
        create or replace temp table replaced as
            select dossier_code, recorded_at, status_code, coalesce(channel, 'in_person') as channel,
                receiving_unit_code, received_at, has_e_result
            from read_parquet([{listed}], union_by_name = true)
            where dossier_code in (select item_code from changed);
        create or replace temp table pulled_again as
        with fresh as (select {SAID} from deliveries where arrival = 'pulled_again')
        select distinct dossier_code as item_code
        from (
            (from fresh except from replaced) union all (from replaced except from fresh)
        )
        """
    )
