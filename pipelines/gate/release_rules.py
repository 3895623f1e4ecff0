"""The rules of a release: `expectations/release.json`, with the thresholds that the place set in sources.yaml."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from pipelines.gate.history import HistoryMeasure
from pipelines.quality.suite import SEVERITIES, Expectation, SuiteError
from pipelines.sources.contracts.canon import FOLDER
from pipelines.sources.contracts.gate import GateLimit

RELEASE_SUITE = FOLDER / "release.json"


@dataclass(frozen=True)
class ReleaseRule:
    """An expectation over one measure of the facts, and what people are told.

    `more_than`: values behind which no more rows, keys or days stand are not looked at. `is_new`: nor what
    was the same in the release before. `from_zero`: without a release before, the value before is 0.
    `of_release`: asked only where there is a release before, not within a first history.
    `together`: things of one source are one line.
    `history`: how far the fact's own nights explain a move, where the place set no limit of its own.
    `why`: the reason of the default. `next_en`, `next_vi`: what to do.
    """

    expectation: Expectation
    why: str
    next_en: str
    next_vi: str
    more_than: float = 0
    is_new: bool = False
    from_zero: bool = False
    of_release: bool = False
    together: bool = False
    history: HistoryMeasure | None = None

    @property
    def rule(self) -> str:
        return self.expectation.rule

    # Asked once per rule and fact: some ten thousand times.
    @cached_property
    def measure(self) -> str:
        return self.expectation.columns[0]

    @property
    def limit(self) -> float | None:
        value = self.expectation.kwargs.get("max_value")
        return None if value is None else float(value)


def read_release_rules(limits: Mapping[str, GateLimit]) -> list[ReleaseRule]:
    """Heaviest first; SuiteError where the file is wrong. `limits`: rule → what the place sets otherwise."""
    rules = []
    for entry in json.loads(RELEASE_SUITE.read_text(encoding="utf-8"))["expectations"]:
        meta = dict(entry["meta"])
        own = limits.get(meta["rule"], GateLimit())
        kwargs = dict(entry["kwargs"])
        if own.limit is not None:
            kwargs["max_value"] = own.limit
        severity = own.severity or entry["severity"]
        if severity not in SEVERITIES:
            raise SuiteError(f"release.json, {meta['rule']}: severity {severity!r}")
        texts = (meta.pop("rule"), meta.pop("reason_en"), meta.pop("reason_vi"))
        if own.more_than is not None:
            meta["more_than"] = own.more_than
        if numbers := meta.pop("history", None):
            meta["history"] = HistoryMeasure(*numbers) if own.limit is None else None
        rules.append(ReleaseRule(Expectation(entry["type"], kwargs, severity, *texts), **meta))
    return sorted(rules, key=lambda rule: SEVERITIES.index(rule.expectation.severity))
