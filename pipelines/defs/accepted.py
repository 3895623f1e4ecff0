"""Assets `accepted/*` and `rejected/*`: Great Expectations over what was landed, one check per rule.

A rejected share over the source's threshold fails a blocking check: nothing downstream runs. Each batch has
a page that the metadata link to.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import dagster as dg

from pipelines.defs.common import CONTRACTS, DAYS, OWNERS, SETTINGS, SINGLE_RUN, night_of
from pipelines.gate.release_rules import read_release_rules
from pipelines.night import validate_source
from pipelines.quality.counting import list_counting
from pipelines.quality.place_suite import load_suite
from pipelines.quality.reports import Report
from pipelines.quality.suite import Expectation, Suite
from pipelines.runs.undelivered import NOT_PROVIDED, PROVIDED
from pipelines.sources.contracts.contract import Source
from pipelines.web.paths import REPORTS

THRESHOLD = "rejected_share_within_threshold"
BATCHES_BEFORE = 8
RELEASE_RULES = {rule.rule: rule for rule in read_release_rules(CONTRACTS.gate)}


def validation_asset(source: Source) -> dg.AssetsDefinition:
    suite = load_suite(source)
    accepted, rejected = (
        dg.AssetKey(["accepted", source.name]),
        dg.AssetKey(["rejected", source.name]),
    )
    common: dict[str, Any] = {
        "group_name": "accepted",
        "deps": [
            dg.AssetKey(["landing", source.name]),
            # Codes are looked up in the reference tables as landed.
            *([dg.AssetKey(["landing", "reference"])] if suite.references else []),
        ],
        "owners": OWNERS,
        "kinds": {"greatexpectations", "parquet"},
        "partitions_def": DAYS,
    }
    columns = [dg.TableColumn(c.name, c.sql_type, description=c.title_vi) for c in source.columns]

    @dg.multi_asset(
        name=f"validate_{source.name}",
        specs=[
            dg.AssetSpec(
                accepted,
                description=f"{source.title_vi}: các dòng hợp lệ, đã định kiểu. Typed rows that "
                f"passed every critical rule. Grain: {source.grain}.",
                metadata={"dagster/column_schema": dg.TableSchema(columns)},
                **common,
            ),
            dg.AssetSpec(
                rejected,
                description=f"{source.title_vi}: các dòng bị loại, giữ nguyên giá trị, kèm quy tắc "
                "và lý do. Rejected rows keep their values, rules and reasons.",
                **common,
            ),
        ],
        check_specs=[
            dg.AssetCheckSpec(
                THRESHOLD,
                asset=accepted,
                blocking=True,
                description=f"At most {source.max_rejected_share:.1%} of a batch's rows rejected.",
            ),
            *(
                dg.AssetCheckSpec(e.rule, asset=accepted, description=f"{e.reason_vi}. {e.reason_en}.")
                for e in _rules(suite)
            ),
        ],
        backfill_policy=SINGLE_RUN,
    )
    def validation(context: dg.AssetExecutionContext) -> Iterator[Any]:
        reports = validate_source(night_of(context), source)
        for day, (kept, gone) in describe_reports(reports, context.partition_keys).items():
            context.add_asset_metadata(kept, asset_key=accepted, partition_key=day)
            context.add_asset_metadata(gone, asset_key=rejected, partition_key=day)
        yield dg.MaterializeResult(asset_key=accepted, metadata=_list_pages(reports))
        yield dg.MaterializeResult(asset_key=rejected)
        yield from _checks(source, suite, reports, accepted)

    return validation


def _rules(suite: Suite) -> list[Expectation]:
    return [*suite.rows, *suite.batches]


def describe_reports(
    reports: list[Report], days: Sequence[str]
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Day → what its own report says of the accepted and of the rejected rows; a day without one says so."""
    by_day = {report.partition: report for report in reports}
    nothing = {PROVIDED: f"{NOT_PROVIDED}: no batch of this day"}
    return {day: _describe(by_day[day]) if day in by_day else (nothing, nothing) for day in days}


def _describe(report: Report) -> tuple[dict[str, Any], dict[str, Any]]:
    read, gone = report.rows_read, report.rows_rejected
    address = dg.MetadataValue.url(_address_of(report))
    both = {"batch": report.batch_id, "report": address, "report (file)": dg.MetadataValue.path(report.page)}
    return (
        {"dagster/row_count": report.rows_accepted, "rows read": read, "blocked": report.blocked, **both},
        {
            "dagster/row_count": gone,
            "share (%)": round(100 * gone / read, 4) if read else 0.0,
            "by rule": dg.MetadataValue.md(_list_rules(report)),
            **both,
        },
    )


def _list_pages(reports: list[Report]) -> dict[str, Any]:
    """A table of the batches of this run that have something to say, the worst first."""
    counts = [(r, sum(1 for x in r.results if x["unexpected"] and x["severity"] != "info")) for r in reports]
    worst = sorted((t for t in counts if t[1]), key=lambda t: (-t[0].rows_rejected, -t[1]))[:20]
    lines = [
        f"| {r.partition} | {r.rows_rejected} | {failed} | [{r.page.name}]({_address_of(r)}) |"
        for r, failed in worst
    ]
    table = "\n".join(["| day | rejected | rules failed | report |", "|---|---|---|---|", *lines])
    return {"reports of this run to read": dg.MetadataValue.md(table)} if worst else {}


def _address_of(report: Report) -> str:
    """The batch's page on the web server that shows the UI."""
    return f"{REPORTS}/{report.page.relative_to(SETTINGS.quality).as_posix()}"


def _checks(
    source: Source, suite: Suite, reports: list[Report], accepted: dg.AssetKey
) -> Iterator[dg.AssetCheckResult]:
    blocked = [r.describe_block(source) for r in reports if r.blocked]
    yield dg.AssetCheckResult(
        asset_key=accepted,
        check_name=THRESHOLD,
        passed=not blocked,
        metadata={"blocked": dg.MetadataValue.text("\n".join(blocked) or "no batch")},
    )
    before = list_reports_before(source, reports)
    for expectation in _rules(suite):
        results = [(r, x) for r in reports for x in r.results if x["rule"] == expectation.rule]
        failed = sum(x["unexpected"] for _, x in results)
        whole = expectation in suite.batches
        first = [
            where
            for r, x in results
            for where in (
                [f"{r.partition}: {x['observed']}"] * x["unexpected"]
                if whole
                else [f"{r.partition} #{n}" for n in x["sample_rows"]]
            )
        ]
        yield dg.AssetCheckResult(
            asset_key=accepted,
            check_name=expectation.rule,
            passed=not any(x["unexpected"] for _, x in results[-1:])
            if whole
            else not is_unusual(results, list_shares(before, expectation.rule)),
            # Failing rows were set aside; the threshold alone decides whether the night goes on.
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                f"{'batches' if whole else 'rows'} evaluated": sum(x["evaluated"] for _, x in results),
                f"{'batches' if whole else 'rows'} failed": failed,
                "severity in the suite": expectation.severity,
                "what happens": _consequence(expectation, whole),
                "first": ", ".join(first[:10]) or "none",
            },
        )


def is_unusual(results: list[tuple[Report, dict[str, Any]]], before: list[float]) -> bool:
    """Whether a rule over rows found more than single rows: it prevails, or it jumped against the batches before.

    One bad row in a million is counted, not coloured: else a new fault could not be seen among the old ones.
    The limits are those of the rules over a release.
    """
    if not results:
        return False
    _, newest = results[-1]
    share = newest["unexpected"] / newest["evaluated"] if newest["evaluated"] else 0.0
    for name, value in (("rule_prevails", share), ("rule_jumped", share - max(before, default=share))):
        rule = RELEASE_RULES[name]
        limit = rule.limit or 0
        is_known = rule.is_new and max(before, default=0.0) > limit
        if value > limit and newest["unexpected"] > rule.more_than and not is_known:
            return True
    return False


def list_reports_before(source: Source, reports: list[Report]) -> list[Report]:
    """Those of up to eight batches before the newest one of `reports`."""
    if not reports:
        return []
    newest = reports[-1].partition
    before = (report for batch, report in list_counting(SETTINGS, source) if batch.partition < newest)
    return list(islice(before, BATCHES_BEFORE))


def list_shares(before: list[Report], rule: str) -> list[float]:
    """The rule's share of rows in each of these batches."""
    return [
        result["unexpected"] / result["evaluated"]
        for report in before
        for result in report.results
        if result["rule"] == rule and result["evaluated"]
    ]


def _consequence(expectation: Expectation, whole: bool) -> str:
    if whole:
        return "batch blocked" if expectation.rejects else "batch kept, warned"
    return "row rejected" if expectation.rejects else "row kept, warned"


def _list_rules(report: Report) -> str:
    lines = [
        f"| {x['rule']} | {x['severity']} | {x['unexpected']} |" for x in report.results if x["unexpected"]
    ]
    return "\n".join(["| rule | severity | rows |", "|---|---|---|", *sorted(lines)])


assets = [validation_asset(source) for source in CONTRACTS.sources.values()]
