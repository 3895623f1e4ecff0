"""Assets `landing/*`: one new batch per source and partition day. Retries live here and only here."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import dagster as dg

from pipelines.defs.common import CONTRACTS, DAYS, OWNERS, SETTINGS, SINGLE_RUN, night_of
from pipelines.landing.batches import Batch
from pipelines.landing.withdrawals import find_newest_remaining
from pipelines.night import LandedDays, land_source, land_tables
from pipelines.runs.undelivered import NOT_PROVIDED, PROVIDED
from pipelines.settings import RetryPolicy, Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import PermanentSourceError, SourceError

DEFAULT = RetryPolicy()
NOTHING_CAME = f"{NOT_PROVIDED}: the source has delivered nothing for this day"


class RetryConfig(dg.Config):
    """How often a pull that failed for now is tried again, and after how many seconds (see RetryPolicy)."""

    pulls: int = DEFAULT.pulls
    first_pause: float = DEFAULT.first_pause
    longest_pause: float = DEFAULT.longest_pause

    def policy(self) -> RetryPolicy:
        return RetryPolicy(self.pulls, self.first_pause, self.longest_pause)


def landing_asset(source: Source) -> dg.AssetsDefinition:
    @dg.asset(
        key=["landing", source.name],
        group_name="landing",
        partitions_def=DAYS,
        backfill_policy=SINGLE_RUN,
        description=f"{source.title_vi}. {source.description}\n\n"
        "Mỗi lần chạy ghi một lô mới (Parquet + JSON), không sửa lô cũ; "
        "cột dữ liệu cá nhân không bao giờ được kéo về.",
        owners=[source.owner],
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=source.freshness_hours)),
        kinds={source.connector, "parquet"},
        tags={"source": source.name, "partitioning": source.partitioning},
        op_tags={"pulls": source.name},
        metadata={
            "dagster/column_schema": dg.TableSchema(
                [dg.TableColumn(c.name, "text", description=c.title_vi) for c in source.columns]
            ),
            "columns never pulled (personal data)": ", ".join(sorted(source.personal)) or "none",
        },
    )
    def landing(context: dg.AssetExecutionContext, config: RetryConfig) -> dg.MaterializeResult:
        retries, night = config.policy(), night_of(context)
        try:
            landed = land_source(replace(night, settings=replace(night.settings, retries=retries)), source)
        except PermanentSourceError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        except SourceError as error:
            raise dg.RetryRequested(retries.pulls, retries.pause_before(context.retry_number)) from error
        for day, metadata in describe_days(SETTINGS, source.name, context.partition_keys, landed).items():
            context.add_asset_metadata(metadata, partition_key=day)
        return dg.MaterializeResult()

    return landing


def describe_days(
    settings: Settings, source: str, days: Sequence[str], landed: LandedDays
) -> dict[str, dict[str, Any]]:
    """Day → its newest batch, whichever run landed it, and where that came from; or that nothing came."""
    batches = find_newest_remaining(settings.landing, source)
    new = {batch.batch_id for batch in landed.batches}
    return {
        day: _describe(batch, batch.batch_id in new)
        if (batch := batches.get(day))
        else {PROVIDED: NOTHING_CAME}
        for day in days
    }


def _describe(batch: Batch, is_new: bool) -> dict[str, Any]:
    notes = "\n".join(f"- {note}" for note in batch.notes)
    return {
        PROVIDED: "landed by this run" if is_new else "landed before; not pulled again",
        "dagster/row_count": batch.rows,
        "batch": batch.batch_id,
        "origin": dg.MetadataValue.text(batch.origin),
        "sha256": batch.sha256,
        "pulled at": batch.pulled_at,
        "landed by run": batch.run_id,
        **({"notes": dg.MetadataValue.md(notes)} if notes else {}),
    }


@dg.asset(
    key=["landing", "reference"],
    group_name="landing",
    description="Dữ liệu tham chiếu: đơn vị, thủ tục, mốc báo cáo, ngày làm việc, phân công. "
    "Units, procedures, cut-offs, working-day overrides, assignments: a new batch only where the "
    "file's content changed.",
    owners=OWNERS,
    kinds={"csv", "parquet"},
)
def reference(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    landed = land_tables(night_of(context))
    return dg.MaterializeResult(
        metadata={
            "tables": len(CONTRACTS.reference),
            "new batches": ", ".join(batch.source for batch in landed) or "none: unchanged",
        }
    )


assets = [*(landing_asset(source) for source in CONTRACTS.sources.values()), reference]
