"""What a run says of its deliveries beside its release: how many rows were rejected, and which lists did not come.

No findings, whose limits are the gate's: counts, so that nothing that was left out is unseen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from pipelines.landing.clock import describe_future_batch, list_future_batches
from pipelines.landing.withdrawals import find_newest_remaining
from pipelines.quality.hints import describe_signs
from pipelines.quality.reports import quote_sample, read_report
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts

RULES_LISTED = 3


def list_remarks(settings: Settings, days: Sequence[date], run_id: str) -> list[str]:
    """A line per source with rejected rows among what this run validated of `days`, or without a list for the last."""
    if not days:
        return []
    contracts = load_contracts(settings.sources_file)
    return [
        f"· {name}: {remark}"
        for name, source in contracts.sources.items()
        for remark in _list_of_source(settings, name, source.partitioning, days, run_id)
    ]


def list_clock_remarks(settings: Settings) -> list[str]:
    """A line per batch that counts and says it was pulled in the future, with what to do."""
    return [
        f"! {describe_future_batch(batch)}; set the clock right, then `thongsuot run --again --partition "
        f"{batch.partition}`"
        for batch in list_future_batches(settings.landing)
    ]


def _list_of_source(
    settings: Settings, source: str, partitioning: str, days: Sequence[date], run_id: str
) -> Iterator[str]:
    batches = find_newest_remaining(settings.landing, source)
    dates = set(map(str, days))
    reports = [
        report
        for day, batch in batches.items()
        if day in dates and (report := read_report(settings.quality, batch)) and report.run_id == run_id
    ]
    if rejected := sum(report.rows_rejected for report in reports):
        rules = Counter[str]()
        samples: dict[str, str] = {}
        for report in reports:
            for result in report.results:
                if result["severity"] == "critical" and result["scope"] == "row" and result["unexpected"]:
                    rules[result["rule"]] += result["unexpected"]
                    samples.setdefault(result["rule"], quote_sample(result) + describe_signs(result))
        counts = [f"{rule} {count}{samples[rule]}" for rule, count in rules.most_common(RULES_LISTED)]
        more = len(rules) - len(counts)
        yield (
            f"{rejected} of {sum(report.rows_read for report in reports)} rows rejected ({', '.join(counts)}"
            f"{f' and {more} rules more' if more > 0 else ''}); `thongsuot rejections list --source {source}` "
            "names them"
        )
    last = str(days[-1])
    if partitioning != "change_day" and last not in batches:
        newest = max((day for day in batches if day < last), default=None)
        since = f"; the newest is of {newest}" if newest else ""
        yield f"no delivery for {last}{since}"
