"""Rows that were accepted and that a person should look at, one by one: by the rules that say so (`tells_rows`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipelines.gate.deliveries import Delivery
from pipelines.gate.facts import Fact
from pipelines.landing.batches import read_sidecar
from pipelines.quality.reports import quote_sample, read_report
from pipelines.settings import Settings


def list_doubtful_rows(settings: Settings, deliveries: Iterable[Delivery]) -> Iterator[Fact]:
    """Per examined delivery and rule: how many accepted rows, with the reason and an example."""
    for delivery in deliveries:
        sidecar = delivery.find_sidecar(settings)
        if not (delivery.is_examined and delivery.rows and sidecar.exists()):
            continue
        report = read_report(settings.quality, read_sidecar(sidecar))
        for result in report.results if report else ():
            rows = result.get("doubts")
            if rows is None or not (rows or delivery.is_newest):
                continue
            example = quote_sample(result) if rows else ""
            yield Fact(
                "doubtful_rows", f"{delivery.source}.{result['rule']}", float(rows), float(rows),
                (result["reason_en"] + example,), days=(delivery.partition,), is_recorded=delivery.is_newest,
                details_vi=(result["reason_vi"] + example,),
            )  # fmt: skip
