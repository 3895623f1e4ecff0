"""Asset `release`: the finished warehouse published as release n, with the headline for the UI."""

from datetime import timedelta

import dagster as dg
from pydantic import Field

from pipelines.defs.common import OWNERS, SETTINGS, night_of
from pipelines.defs.warehouse import MANIFEST
from pipelines.explain.difference import find_difference, write_difference
from pipelines.explain.explain_rule import list_metrics
from pipelines.exports.common import newest_release
from pipelines.exports.findings import list_finding_lines, write_findings
from pipelines.exports.headline import read_headline, write_headline
from pipelines.exports.rate_chart import read_rate_chart
from pipelines.gate.record import list_few_lost_keys, list_release_findings
from pipelines.lake.manifest import read_marts, read_models
from pipelines.night import publish_release
from pipelines.releases.publish import Publication, PublishError, publish
from pipelines.releases.restore import restore
from pipelines.runs.confirmation import NotConfirmed, use_confirmation
from pipelines.runs.lock import exclusive
from pipelines.settings import LOCAL_ZONE

RESTORE_JOB, ACCEPT_JOB = "restore", "accept_held"
PASSED_GATE = "passed_the_gate"
PUBLIC = [dg.AssetKey([mart.schema, mart.name]) for mart in read_marts(MANIFEST)]
METRICS = list_metrics(read_models(MANIFEST))


class PublishConfig(dg.Config):
    """Who publishes and why; both are written into the lake with the snapshot."""

    author: str = Field(default="nightly", description="Who publishes; written into the ledger.")
    reason: str = Field(default="nightly run", description="Why; written into the ledger.")
    restore: int | None = Field(
        default=None,
        description="Instead of the warehouse, publish the content of the release with this number again.",
    )
    confirm: str = Field(
        default="",
        description="To restore or accept: what `thongsuot releases confirm` printed; it serves once.",
    )
    accept: int | None = Field(
        default=None,
        description="The number of the open hold (`thongsuot releases held`) that `author` publishes for `reason`.",
    )


@dg.asset(
    key="release",
    group_name="release",
    deps=PUBLIC,
    description="Bản phát hành: mọi bảng số liệu được công bố cùng lúc, trong một giao dịch; "
    "dữ liệu không đổi thì không có bản mới. All marts are published in one transaction; "
    "readers see the old release or the new one, never a mixture.",
    owners=OWNERS,
    kinds={"ducklake", "parquet"},
    freshness_policy=dg.FreshnessPolicy.cron(
        deadline_cron="0 6 * * *",
        lower_bound_delta=timedelta(hours=6),
        timezone=str(LOCAL_ZONE),
    ),
    check_specs=[
        dg.AssetCheckSpec(
            PASSED_GATE,
            asset="release",
            description="Cổng kiểm tra: bản phát hành không có phát hiện nào. The release passed the gate "
            "without a finding (expectations/release.json).",
        )
    ],
)
def release(context: dg.AssetExecutionContext, config: PublishConfig) -> dg.MaterializeResult:
    outcome = _published(context, config)
    release = outcome.release
    context.log.info("release %s: %s", release.release_id, outcome.why)
    with newest_release(SETTINGS) as (con, newest):
        figures = read_headline(con, newest)
        chart = read_rate_chart(SETTINGS, con, newest)
        findings = list_release_findings(con, release.release_id)
        remarks = list_few_lost_keys(con, release.release_id) if outcome.is_new else []
        before = release.release_id - 1
        moved = (
            write_difference(find_difference(con, before, release.release_id, metrics=METRICS))
            if before
            else "first release"
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(release.release_hash[:16]),
        metadata={
            "release": release.release_id,
            "new release": outcome.is_new,
            "why": outcome.why,
            "as of": str(release.as_of),
            "chain head": release.release_hash,
            "changed tables": ", ".join(outcome.changed) or "none",
            "rows published": sum(mart.rows for mart in release.marts.values()),
            **({"online submission rate (%)": round(figures.rate * 100, 4)} if figures.rate else {}),
            "why the rate moved": dg.MetadataValue.md(moved),
            **({"restores": release.restores} if release.restores else {}),
            "findings": dg.MetadataValue.md(write_findings(findings, release.release_id)),
            "headline": dg.MetadataValue.md(write_headline(figures)),
            **({"rate chart": dg.MetadataValue.md(chart)} if chart else {}),
            "remark lines": dg.MetadataValue.json(remarks),
            "finding lines": dg.MetadataValue.json(list_finding_lines(findings, release.release_id)),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=PASSED_GATE,
                passed=not findings,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"findings": len(findings)},
            )
        ],
    )


def _check_confirmation(action: str, config: PublishConfig) -> None:
    try:
        use_confirmation(SETTINGS, action, config.confirm)
    except NotConfirmed as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def _published(context: dg.AssetExecutionContext, config: PublishConfig) -> Publication:
    if context.run.job_name == ACCEPT_JOB and config.accept is None:
        raise dg.Failure(
            "Nothing was published: set `accept` to the number of the hold, `author`, `reason` and `confirm` in the "
            "launchpad; `thongsuot releases held` lists the holds.",
            allow_retries=False,
        )
    if config.accept is not None:
        _check_confirmation(f"accept {config.accept}", config)
    elif context.run.job_name == RESTORE_JOB or config.restore is not None:
        _check_confirmation(f"restore {config.restore or 'N'}", config)
    who = {"author": config.author, "reason": config.reason}
    try:
        if config.accept is not None:
            with exclusive(SETTINGS):
                return publish(
                    SETTINGS,
                    run_id=context.run_id,
                    accept=config.accept,
                    author=config.author,
                    reason=config.reason,
                )
        if not config.restore:
            return publish_release(night_of(context, **who))
        with exclusive(SETTINGS):
            return restore(SETTINGS, config.restore, run_id=context.run_id, **who)
    except (PublishError, LookupError) as error:
        raise dg.Failure(str(error), allow_retries=False) from error


assets = [release]
