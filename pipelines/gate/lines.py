"""A finding of the gate in two lines: what is wrong, in two languages, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.gate.evaluate import Verdict
from pipelines.gate.record import ReleaseFinding

MARKS = {"held": "!!!", "accepted": "!!", "warned": "!"}


def list_lines(findings: Iterable[Verdict | ReleaseFinding]) -> list[str]:
    lines = []
    for finding in findings:
        lines.append(f"{MARKS[finding.outcome]} {finding.text_vi} · {finding.text_en}")
        lines.append(f"    → {finding.next_vi} · {finding.next_en} [{finding.rule}]")
    return lines


def sort_by_weight(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """What is furthest beyond its limit first."""
    return sorted(verdicts, key=lambda v: (-abs(v.value or 0) / max(v.limit or 0, 0.01), v.rule, v.scope))
