"""What the gate found of a release, as the same lines for a terminal, the UI and the brief."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.gate.record import ReleaseFinding

MARKS = {"accepted": "!!", "warned": "!"}


def list_finding_lines(findings: Sequence[ReleaseFinding]) -> list[str]:
    """Heaviest first: what is wrong in two languages, and what to do next."""
    lines = []
    for finding in findings:
        accepted = (
            " (accepted by name: see `thongsuot releases held`)" if finding.outcome == "accepted" else ""
        )
        lines.append(f"{MARKS[finding.outcome]} {finding.text_vi} · {finding.text_en}{accepted}")
        lines.append(f"    → {finding.next_vi} · {finding.next_en} [{finding.rule}]")
    return lines


def write_findings(findings: Sequence[ReleaseFinding]) -> str:
    """As Markdown, for the UI."""
    return "\n".join(f"- {line}" for line in list_finding_lines(findings)) or "none"
