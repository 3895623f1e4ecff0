"""What every defs module shares: settings, contracts, partitions, owners, the night."""

from datetime import date, timedelta
from typing import Any

import dagster as dg

from pipelines.addresses import SettingsError
from pipelines.lake.location import check_place
from pipelines.night import Night
from pipelines.runs.plan import find_last_day
from pipelines.settings import LOCAL_ZONE, ONLY_MISSING_TAG, Settings
from pipelines.sources.contracts.contract import Contracts, load_contracts

SETTINGS = Settings.from_env()
CONTRACTS: Contracts = load_contracts(SETTINGS.sources_file)

LAST_DAY = find_last_day(SETTINGS, CONTRACTS)
DAYS = dg.DailyPartitionsDefinition(
    start_date=CONTRACTS.first_day.isoformat(),
    end_date=(LAST_DAY + timedelta(days=1)).isoformat() if LAST_DAY else None,  # excluding
    timezone=str(LOCAL_ZONE),
)
# One run for a whole range: 67 days of history are one pull, one validation, one build.
SINGLE_RUN = dg.BackfillPolicy.single_run()
OWNERS = ["team:data-engineering"]


def night_of(context: dg.AssetExecutionContext, **changes: Any) -> Night:
    """The night that this step is a part of: its partition days, oldest first; `changes`: other fields.

    Failure in the first step already where nothing could be published.
    """
    try:
        check_place(SETTINGS)
    except SettingsError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    is_partitioned = context.has_partition_key or context.has_partition_key_range
    days = sorted(date.fromisoformat(key) for key in context.partition_keys) if is_partitioned else []
    return Night(
        SETTINGS, CONTRACTS, run_id=context.run_id, days=days,
        only_missing=ONLY_MISSING_TAG in context.run.tags, **changes,
    )  # fmt: skip
