"""Assets `landing/*`: one new batch per source and partition day. Retries live here and only here."""

from datetime import date, timedelta

import dagster as dg

from pipelines import duck
from pipelines.defs.common import CONTRACTS, DAYS, OWNERS, SETTINGS, SINGLE_RUN, days
from pipelines.landing.batches import Batch
from pipelines.landing.pull import land_partition
from pipelines.landing.reference import land_reference
from pipelines.quality.missing_days import find_missing_days
from pipelines.settings import ONLY_MISSING_TAG
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import NotProvided, PermanentSourceError, SourceError

RETRIES = 3
SECONDS_BEFORE_RETRY = 20


def landing_asset(source: Source) -> dg.AssetsDefinition:
    @dg.asset(
        key=["landing", source.name],
        group_name="landing",
        partitions_def=DAYS,
        backfill_policy=SINGLE_RUN,
        description=f"**{source.title_vi}**. {source.description}\n\n"
        "Mỗi lần chạy ghi một lô mới (Parquet + JSON), không sửa lô cũ; "
        "cột dữ liệu cá nhân không bao giờ được kéo về.",
        owners=[source.owner],
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=source.freshness_hours)),
        kinds={source.connector, "parquet"},
        tags={"source": source.name, "partitioning": source.partitioning},
        metadata={
            "dagster/column_schema": dg.TableSchema(
                [dg.TableColumn(c.name, "text", description=c.title_vi) for c in source.columns]
            ),
            "columns never pulled (personal data)": ", ".join(sorted(source.personal)) or "none",
        },
    )
    def landing(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        landed: list[Batch] = []
        missing: list[date] = []
        try:
            wanted = days(context)
            if ONLY_MISSING_TAG in context.run.tags:
                wanted = find_missing_days(source, wanted, SETTINGS)
            with duck.connect(SETTINGS.extensions) as con:
                for day in wanted:
                    try:
                        landed.append(land_partition(source, day, SETTINGS, run_id=context.run_id, con=con))
                    except NotProvided:
                        missing.append(day)
        except PermanentSourceError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        except SourceError as error:
            pause = SECONDS_BEFORE_RETRY * 2**context.retry_number
            raise dg.RetryRequested(RETRIES, pause) from error
        return dg.MaterializeResult(metadata=_metadata(landed, missing))

    return landing


def _metadata(landed: list[Batch], missing: list[date]) -> dict:
    newest = landed[-1] if landed else None
    notes = sorted({note for batch in landed for note in batch.notes})
    return {
        "dagster/row_count": sum(batch.rows for batch in landed),
        "batches": len(landed),
        "days not provided": len(missing),
        **({"newest batch": newest.batch_id, "sha256": newest.sha256} if newest else {}),
        **({"origin": dg.MetadataValue.text(newest.origin)} if newest else {}),
        **({"notes": dg.MetadataValue.md("\n".join(f"- {n}" for n in notes))} if notes else {}),
    }


@dg.asset(
    key=["landing", "reference"],
    group_name="landing",
    description="**Dữ liệu tham chiếu**: đơn vị, thủ tục, mốc báo cáo, ngày làm việc, phân công. "
    "Units, procedures, cut-offs, working-day overrides, assignments: a new batch only where the "
    "file's content changed.",
    owners=OWNERS,
    kinds={"csv", "parquet"},
)
def reference(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    landed = land_reference(CONTRACTS, SETTINGS, run_id=context.run_id)
    return dg.MaterializeResult(
        metadata={
            "tables": len(CONTRACTS.reference),
            "new batches": ", ".join(batch.source for batch in landed) or "none: unchanged",
        }
    )


assets = [*(landing_asset(source) for source in CONTRACTS.sources.values()), reference]
