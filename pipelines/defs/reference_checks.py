"""Checks on `landing/reference`: whether the rows of each reference table fit together. They warn only:
a table that cannot be read at all is refused when it is landed."""

from collections.abc import Iterator

import dagster as dg

from pipelines.defs.common import CONTRACTS, SETTINGS
from pipelines.quality.suite import read_suite
from pipelines.quality.tables import SAMPLE, evaluate_tables
from pipelines.sources.contracts.canon import find_table_suite

REFERENCE = dg.AssetKey(["landing", "reference"])
RULES = [
    (table, rule)
    for table in CONTRACTS.reference
    if (path := find_table_suite(table))
    for rule in read_suite(path).rows
]


@dg.multi_asset_check(
    name="reference_rules",
    specs=[
        dg.AssetCheckSpec(
            f"{table}__{rule.rule}", asset=REFERENCE, description=f"{rule.reason_vi}. {rule.reason_en}."
        )
        for table, rule in RULES
    ],
)
def reference_rules(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    verdicts = {(v.table, v.rule.rule): v for v in evaluate_tables(CONTRACTS, SETTINGS)}
    for table, rule in RULES:
        verdict = verdicts.get((table, rule.rule))
        failed = verdict.failed if verdict else []
        yield dg.AssetCheckResult(
            asset_key=REFERENCE,
            check_name=f"{table}__{rule.rule}",
            passed=not failed,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "severity in the suite": rule.severity,
                "batch": verdict.batch_id if verdict else "the table was never landed",
                "rows": verdict.rows if verdict else 0,
                "rows failed": len(failed),
                "first rows": ", ".join(f"#{row}" for row in failed[:SAMPLE]) or "none",
            },
        )


checks = [reference_rules] if RULES else []
