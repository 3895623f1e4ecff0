"""Jobs and schedules, as data. The nightly run takes yesterday's partition, in local time."""

import os

import dagster as dg

from pipelines.defs.audit import VERIFIED
from pipelines.defs.common import DAYS

REFERENCE = dg.AssetSelection.assets(["landing", "reference"])
# Reference files are looked at in every run: an edited cut-off or unit must not wait for a pull.
LANDED = dg.AssetSelection.groups("landing") - REFERENCE
VALIDATED = dg.AssetSelection.groups("accepted")
# Verifying reads every kept release: weekly, not nightly.
EVERYTHING = dg.AssetSelection.all() - dg.AssetSelection.checks(VERIFIED)

nightly = dg.define_asset_job(
    "nightly",
    selection=EVERYTHING,
    partitions_def=DAYS,
    description="Kéo dữ liệu của ngày, kiểm tra, dựng bảng, công bố, xuất. "
    "Pull a day, validate, build, publish, export.",
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
    selection=EVERYTHING - LANDED - VALIDATED,
    description="Dựng và công bố lại từ dữ liệu đã kéo. Build and publish from what is landed; "
    "`as_of` can be set in the launchpad.",
)
jobs = [nightly, revalidate, publish_only]

nightly_schedule = dg.build_schedule_from_partitioned_job(
    nightly,
    name="nightly_schedule",
    description="Mỗi đêm lúc 00:30 (giờ địa phương): kéo, kiểm tra và công bố số liệu của ngày hôm qua. Every night at "
    "00:30 local time: yesterday is pulled, validated, built, published, exported.",
    hour_of_day=0,
    minute_of_hour=30,
    # Off on the demo, whose sources end in August 2025; production sets THONGSUOT_SCHEDULES=on.
    default_status=dg.DefaultScheduleStatus.RUNNING
    if os.environ.get("THONGSUOT_SCHEDULES") == "on"
    else dg.DefaultScheduleStatus.STOPPED,
)
schedules = [nightly_schedule]
