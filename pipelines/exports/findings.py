"""The one summary of what the gate found of a release: for a terminal, a run's end, the UI and the brief.

By weight, each with what to do next. What is only information stays on its own page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pipelines.gate.lines import choose_words, list_lines
from pipelines.gate.record import ReleaseFinding

# More would not be read; `releases show` has all of them.
MOST = 8


class Summary(NamedTuple):
    """`findings`: the heaviest; `left`: how many more there are; the headings are empty where nothing was found."""

    heading_en: str
    heading_vi: str
    findings: list[ReleaseFinding]
    left: int
    left_en: str
    left_vi: str


def summarize_findings(findings: Sequence[ReleaseFinding], release_id: int, most: int = MOST) -> Summary:
    """`findings`: heaviest first, as `list_release_findings` gives them."""
    if not findings:
        return Summary("", "", [], 0, "", "")
    accepted = sum(finding.outcome == "accepted" for finding in findings)
    warned, left = len(findings) - accepted, max(len(findings) - most, 0)
    names = [(accepted, "accepted by name", "được duyệt đích danh"), (warned, "warned", "cảnh báo")]
    words = [(f"{count} {en}", f"{count} {vi}") for count, en, vi in names if count]
    command = f"`thongsuot releases show {release_id}`"
    return Summary(
        "The gate found: " + ", ".join(en for en, _ in words),
        "Cổng kiểm tra: " + ", ".join(vi for _, vi in words),
        list(findings[:most]),
        left,
        f"{left} more: {command}" if left else "",
        f"Còn {left} phát hiện khác: {command}" if left else "",
    )


def list_finding_lines(
    findings: Sequence[ReleaseFinding], release_id: int, most: int = MOST, language: str | None = None
) -> list[str]:
    """What is wrong and what to do next, in both languages or one; empty where nothing was found."""
    summary = summarize_findings(findings, release_id, most)
    if not summary.findings:
        return []
    lines = [choose_words(summary.heading_vi, summary.heading_en, language)]
    lines += list_lines(summary.findings, language)
    left = choose_words(summary.left_vi, summary.left_en, language)
    return [*lines, *([f"… {left}"] if summary.left else [])]


def write_findings(findings: Sequence[ReleaseFinding], release_id: int) -> str:
    """As Markdown, for the UI."""
    return "\n".join(f"- {line}" for line in list_finding_lines(findings, release_id)) or "none"
