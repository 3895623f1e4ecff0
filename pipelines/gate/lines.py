"""A finding of the gate in two lines: what is wrong, in two languages, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.gate.evaluate import Verdict
from pipelines.gate.record import ReleaseFinding

MARKS = {"held": "!!!", "accepted": "!!", "warned": "!"}


def choose_words(vi: str, en: str, language: str | None = None) -> str:
    """The words of `language` (vi, en), or of both where it is None."""
    return {"vi": vi, "en": en}.get(language or "", f"{vi} · {en}")


def list_lines(findings: Iterable[Verdict | ReleaseFinding], language: str | None = None) -> list[str]:
    lines = []
    for finding in findings:
        text = choose_words(finding.text_vi, finding.text_en, language)
        following = choose_words(finding.next_vi, finding.next_en, language)
        lines += [f"{MARKS[finding.outcome]} {text}", f"    → {following} [{finding.rule}]"]
    return lines


def sort_by_weight(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """What is furthest beyond its limit first."""
    return sorted(verdicts, key=lambda v: (-abs(v.value or 0) / max(v.limit or 0, 0.01), v.rule, v.scope))
