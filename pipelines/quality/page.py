"""The validation report of one batch as a page: Vietnamese with English beside, opened from disk.

Self-contained: no script, no font, no address outside the file. Great Expectations' own pages load nine
CDNs and a tracking pixel.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from pipelines.landing.batches import Batch
from pipelines.quality.reports import Report
from pipelines.sources.contracts.contract import Source

SEVERITY = {"critical": "nghiêm trọng", "warning": "cảnh báo", "info": "thông tin"}
FACTS = {
    "rows": "số dòng · rows",
    "volume_ratio": "so với cùng thứ các tuần trước · against the same weekday",
    "hours_behind": "giờ kể từ dòng mới nhất · hours since the newest row",
}


def write_page(source: Source, batch: Batch, report: Report) -> Path:
    """Written whole or not at all, like everything beside it."""
    draft = report.page.with_name(f".{report.page.name}.{os.getpid()}.partial")
    draft.write_text(render_page(source, batch, report), encoding="utf-8")
    draft.replace(report.page)
    return report.page


def render_page(source: Source, batch: Batch, report: Report) -> str:
    """HTML of one report; every value is escaped."""
    failed = [r for r in report.results if r["unexpected"]]
    order = list(SEVERITY)
    return _template().render(
        source=source,
        batch=batch,
        report=report,
        verdict=_verdict(report, failed),
        failed=sorted(failed, key=lambda r: (order.index(r["severity"]), -r["unexpected"])),
        passed=[r for r in report.results if not r["unexpected"]],
        titles={c.name: c.title_vi for c in source.columns} | FACTS,
        severity=SEVERITY,
    )


def _verdict(report: Report, failed: list[dict[str, Any]]) -> tuple[str, str, str]:
    """(class, Vietnamese, English) of the line at the top."""
    if report.blocked:
        return "critical", "Lô bị chặn", "The batch is blocked"
    if report.rows_rejected:
        return "warning", "Đạt, có dòng bị loại", "Passed, some rows rejected"
    if any(r["severity"] == "warning" for r in failed):
        return "warning", "Đạt, có cảnh báo", "Passed, with warnings"
    return "good", "Đạt", "Passed"


def format_number(value: int | float) -> str:
    """1.234.567 or 0,25: Vietnamese print."""
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
    return text.translate(str.maketrans(",.", ".,"))


def format_share(part: int, whole: int) -> str:
    """Per cent with two decimals; what is there but rounds to nothing is shown to be there."""
    if not whole:
        return "—"
    rounded = 100 * part / whole
    return "< 0,01 %" if part and rounded < 0.005 else f"{rounded:.2f} %".replace(".", ",")


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": format_number}
    environment.globals |= {"share": format_share}
    return environment.get_template("page.html.j2")
