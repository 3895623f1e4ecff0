"""What questions the releases: the weekly `verify`, and `restore`, which asks to be confirmed."""

from collections.abc import Iterator

import dagster as dg

from pipelines.defs.common import SETTINGS
from pipelines.defs.release import PASSED_GATE, RESTORE_JOB, release
from pipelines.exports.remade import verify_all
from pipelines.operations.records import record_verification
from pipelines.settings import LOCAL_ZONE, has_schedules

VERIFIED = dg.AssetCheckKey(release.key, "every_release_is_what_was_published")


@dg.asset_check(
    asset=release,
    name=VERIFIED.name,
    description="Kiểm chứng: sổ bản phát hành, danh mục, tệp và lô dữ liệu còn nguyên vẹn. The chain, "
    "the catalogue, every file, every kept content and every landed batch are what they were.",
)
def verified(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    verification = verify_all(SETTINGS, progress=context.log.debug)
    texts = [f"{f.kind}: {f.text}" for f in verification.findings]
    record_verification(SETTINGS, texts, verification.head)
    yield dg.AssetCheckResult(
        passed=not verification.findings,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "chain head": verification.head,
            "releases": verification.releases,
            "releases kept": verification.kept,
            "files": verification.files,
            "batches": verification.batches,
            "findings": dg.MetadataValue.md("\n".join(f"- {text}" for text in texts) or "none"),
        },
    )
    if verification.findings:  # a failed check alone would leave the run green, and nobody would be called
        raise dg.Failure("\n".join(f.text for f in verification.findings), allow_retries=False)


verify_job = dg.define_asset_job(
    "verify",
    selection=dg.AssetSelection.checks(VERIFIED),
    description="Kiểm chứng mọi bản phát hành. Verify every release; a finding fails the run.",
)
RELEASE_AND_EXPORTS = (
    dg.AssetSelection.assets(release) | dg.AssetSelection.groups("exports")
).without_checks() | dg.AssetSelection.checks(dg.AssetCheckKey(release.key, PASSED_GATE))
restore_job = dg.define_asset_job(
    RESTORE_JOB,
    selection=RELEASE_AND_EXPORTS,
    description="Công bố lại một bản cũ thành bản mới. Publish an old release's content as a new one: set "
    "`restore` and `confirm` (from `thongsuot releases confirm restore N`) of `release` in the launchpad. The next "
    "nightly run publishes the newest data again.",
)
verify_schedule = dg.ScheduleDefinition(
    job=verify_job,
    cron_schedule="0 3 * * 0",
    description="Chủ nhật hằng tuần lúc 03:00: kiểm chứng mọi bản phát hành. "
    "Sundays at 03:00: every release is verified; a finding fails the run, and the watch tells of it.",
    execution_timezone=str(LOCAL_ZONE),
    default_status=dg.DefaultScheduleStatus.RUNNING if has_schedules() else dg.DefaultScheduleStatus.STOPPED,
)
checks = [verified]
jobs = [verify_job, restore_job]
schedules = [verify_schedule]
