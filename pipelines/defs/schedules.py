"""The night and its schedule, and what an operator runs by day, as jobs."""

from datetime import date, timedelta

import dagster as dg

from pipelines.defs.audit import VERIFIED
from pipelines.defs.common import CONTRACTS, DAYS, LAST_DAY
from pipelines.runs.execute import END_TAG, START_TAG
from pipelines.settings import LOCAL_ZONE, ONLY_MISSING_TAG, has_schedules

REFERENCE = dg.AssetSelection.assets(["landing", "reference"])
# Reference files are looked at in every run: an edited cut-off or unit must not wait for a pull.
LANDED = dg.AssetSelection.groups("landing") - REFERENCE
VALIDATED = dg.AssetSelection.groups("accepted")
# Verifying reads every kept release: weekly, not nightly.
EVERYTHING = dg.AssetSelection.all() - dg.AssetSelection.checks(VERIFIED)
BUILT = EVERYTHING - LANDED - VALIDATED

nightly = dg.define_asset_job(
    "nightly",
    selection=EVERYTHING,
    partitions_def=DAYS,
    description="Kéo dữ liệu của ngày, kiểm tra, dựng bảng, công bố, xuất. "
    "Pull a day, validate, build, publish, export.",
)
backfill = dg.define_asset_job(
    "backfill",
    selection=EVERYTHING,
    partitions_def=DAYS,
    tags={ONLY_MISSING_TAG: "true"},
    description="Bù những ngày còn thiếu trong khoảng đã chọn, trong một lần chạy. What is missing of the days "
    "that are chosen, in one run: a day with a sound batch is not pulled again (`nightly` pulls what it is asked for).",
)
revalidate = dg.define_asset_job(
    "revalidate",
    selection=EVERYTHING - LANDED,
    partitions_def=DAYS,
    description="Kiểm tra lại các lô đã kéo (sau khi sửa quy tắc hoặc ánh xạ), không kéo lại. Validate "
    "what is landed again, after a suite or a mapping was corrected; nothing is pulled.",
)
publish_only = dg.define_asset_job(
    "publish_only",
    selection=BUILT,
    description="Dựng và công bố lại từ dữ liệu đã kéo. Build and publish from what is landed; "
    "`as_of` can be set in the launchpad.",
)
jobs = [nightly, backfill, revalidate, publish_only]


@dg.schedule(
    name="nightly_schedule",
    job=nightly,
    cron_schedule="30 0 * * *",
    execution_timezone=str(LOCAL_ZONE),
    description="Mỗi đêm lúc 00:30: dữ liệu của hôm qua, và của mọi ngày mà máy đã tắt lúc 00:30. Each night at 00:30: "
    "yesterday, and every day whose 00:30 the machine missed; those once, in the same run.",
    # Off on the demo, whose sources end in August 2025; production sets THONGSUOT_SCHEDULES=on.
    default_status=dg.DefaultScheduleStatus.RUNNING if has_schedules() else dg.DefaultScheduleStatus.STOPPED,
)
def nightly_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Of ticks that were missed Dagster looks at the last alone: the days before it are this run's, too."""
    last = context.scheduled_execution_time.astimezone(LOCAL_ZONE).date() - timedelta(days=1)
    last = min(last, LAST_DAY or last)
    before = _find_last_day(context.instance)
    if before and before >= last:
        return dg.SkipReason(f"{last} was asked for already")
    first = max(before + timedelta(days=1) if before else last, CONTRACTS.first_day)
    # Days that somebody pulled by hand meanwhile are not pulled again.
    tags = {START_TAG: str(first), END_TAG: str(last), ONLY_MISSING_TAG: "true"}
    return dg.RunRequest(run_key=str(last), tags=tags)


def _find_last_day(instance: dg.DagsterInstance) -> date | None:
    """The newest day that this schedule asked for; None where it never did."""
    runs = instance.get_runs(dg.RunsFilter(tags={"dagster/schedule_name": "nightly_schedule"}), limit=1)
    if not runs:
        return None
    tags = runs[0].tags
    return date.fromisoformat(tags.get(END_TAG) or tags["dagster/partition"])


schedules = [nightly_schedule]
