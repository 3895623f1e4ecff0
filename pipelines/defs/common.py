"""What every defs module shares: settings, contracts, partitions, owners, the warehouse pool."""

from datetime import date

import dagster as dg

from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contracts.contract import Contracts, load_contracts

SETTINGS = Settings.from_env()
CONTRACTS: Contracts = load_contracts(SETTINGS.sources_file)

DAYS = dg.DailyPartitionsDefinition(start_date=CONTRACTS.first_day.isoformat(), timezone=str(LOCAL_ZONE))
# One run for a whole range: 67 days of history are one pull, one validation, one build.
SINGLE_RUN = dg.BackfillPolicy.single_run()
OWNERS = ["team:data-engineering"]
# One writer for the private warehouse and the lake.
WAREHOUSE_POOL = "warehouse"


def days(context: dg.AssetExecutionContext) -> list[date]:
    """The partition days of this run, oldest first."""
    return sorted(date.fromisoformat(key) for key in context.partition_keys)
