"""The validation report as a page: whole, escaped, and in need of nothing but itself."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipelines.landing.batches import Batch
from pipelines.quality.page import format_number, format_share, render_page
from pipelines.quality.reports import Report
from pipelines.settings import PROJECT
from pipelines.sources.contracts.contract import load_contracts

SOURCE = load_contracts(PROJECT / "sources.yaml").sources["dossier_log"]
FAILED: dict[str, Any] = {
    "rule": "channel_unknown", "type": "expect_column_values_to_be_null", "column": "channel",
    "severity": "critical", "scope": "row", "evaluated": 12_345, "unexpected": 2, "sample_rows": [7],
    "samples": [{"row": 7, "key": "H41|<b>x</b>", "column": "channel", "value": "<script>alert(1)</script>"}],
    "reason_en": "unknown channel", "reason_vi": "Kênh lạ",
}  # fmt: skip
PASSED = FAILED | {"rule": "dossier_code_missing", "unexpected": 0, "samples": [], "sample_rows": []}
WHOLE = PASSED | {
    "rule": "volume_unusual", "scope": "batch", "column": "volume_ratio", "severity": "warning",
    "unexpected": 1, "evaluated": 1, "observed": 3.25,
}  # fmt: skip


def page(
    results: list[dict[str, Any]], *, rejected: int = 2, blocked: bool = False, notes: tuple[str, ...] = ()
) -> str:
    batch = Batch(
        "20250806T000000000000Z-abcdef01", "dossier_log", "2025-08-05", 12_345, "f" * 64, "c0ffee",
        "one_stop: select", "2025-08-06 00:31:00", "run-1", Path(), notes,
    )  # fmt: skip
    report = Report(
        batch.batch_id, batch.source, batch.partition, 12_345, 12_345 - rejected, rejected, blocked,
        tuple(results), Path(), "rules-sha", {"units": "units-batch"},
    )  # fmt: skip
    return render_page(SOURCE, batch, report)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_loads_nothing_runs_nothing_and_every_tag_is_closed() -> None:
    html = page([FAILED, PASSED, WHOLE], notes=("columns not in the contract, dropped: Ghi chú <2>",))
    parsed = Tags()
    parsed.feed(html)
    assert parsed.open == []
    names = {tag for tag, _ in parsed.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert not re.search(r"https?:|url\(|@import|src=|href=", html)
    assert "&lt;script&gt;" in html and "&lt;b&gt;x" in html and "Ghi chú &lt;2&gt;" in html


def test_the_page_says_source_batch_hash_counts_rules_and_reasons_in_both_languages() -> None:
    html = page([FAILED, PASSED, WHOLE])
    for words in (
        SOURCE.title_vi, "2025-08-05", "20250806T000000000000Z-abcdef01", "f" * 64, "one_stop: select",
        "units units-batch", "<b>12.345</b>", "<b>12.343</b>", "<b>2</b>", "0,02 %", "Kênh lạ",
        "channel_unknown", "unknown channel", "Kênh thực hiện", "nghiêm trọng · critical",
        "prefers-color-scheme: dark", "3,25",
    ):  # fmt: skip
        assert words in html, words
    assert html.index("channel_unknown") < html.index("volume_unusual") < html.index("dossier_code_missing")


@pytest.mark.parametrize(
    ("results", "rejected", "blocked", "verdict"),
    [
        ([PASSED], 0, False, "Đạt · Passed"),
        ([PASSED, WHOLE], 0, False, "Đạt, có cảnh báo · Passed, with warnings"),
        ([FAILED], 2, False, "Đạt, có dòng bị loại · Passed, some rows rejected"),
        ([FAILED], 2, True, "Lô bị chặn · The batch is blocked"),
    ],
)
def test_the_verdict_stands_on_top(
    results: list[dict[str, Any]], rejected: int, blocked: bool, verdict: str
) -> None:
    html = page(results, rejected=rejected, blocked=blocked)
    assert f">{verdict}</p>" in html
    assert ("last release is still served" in html.replace("\n", " ")) is blocked


def test_numbers_are_printed_as_in_vietnam() -> None:
    assert [format_number(n) for n in (1_234_567, 0.25, 3.0)] == ["1.234.567", "0,25", "3"]
    assert [format_share(1, 4), format_share(1, 1_000_000), format_share(0, 3), format_share(0, 0)] == [
        "25,00 %",
        "< 0,01 %",
        "0,00 %",
        "—",
    ]


def test_the_key_of_a_sample_is_explained_where_there_are_samples() -> None:
    titles = {column.name: column.title_vi for column in SOURCE.columns}
    words = " | ".join(titles[name] for name in SOURCE.key)
    assert words in page([FAILED]) and words not in page([PASSED], rejected=0)
