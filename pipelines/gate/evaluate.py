"""The facts of a build beside those of the release before, evaluated by the rules of a release.

The measures become one frame, a row per fact and a column per measure, for the same evaluation as every other
suite: one way for rules, reasons and counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd

from pipelines.gate.facts import Fact
from pipelines.gate.history import NO_HISTORY, FactHistory
from pipelines.gate.release_rules import ReleaseRule
from pipelines.quality.expectations import evaluate_frame

# Measures of a fact against the release before: how each is computed, from the values now and before.
COMPARISONS = {
    "rise": lambda now, before: now - before,
    "change": lambda now, before: abs(now - before),
    "loss": lambda now, before: (before - now) / before if before else None,
}
EVERY = "*"
LOST_KEYS = ("keys_lost_share", "fixed_keys_lost")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# In a command that is shown, where a fact is of no day.
SOME_DAY = "DAY"


class Verdict(NamedTuple):
    """One rule on one scope: `outcome` passed, warned, held or accepted; a rule that nothing breaks has one row.

    `value`: the measure; `now`, `before`: the fact in this build and in the release before.
    """

    rule: str
    scope: str
    severity: str
    outcome: str
    value: float | None
    now: float | None
    before: float | None
    limit: float | None
    text_en: str
    text_vi: str
    next_en: str
    next_vi: str
    details: tuple[str, ...] = ()


class Comparand(NamedTuple):
    """What a build is compared with.

    `before`: (fact, scope) → value in the release before; `histories`: in those before it; `as_of`: of the build.
    `is_backwards`: the release before answers for a later moment; `is_first`: there is none.
    """

    before: Mapping[tuple[str, str], float]
    histories: Mapping[tuple[str, str], FactHistory] = NO_HISTORY
    as_of: datetime = datetime.min
    is_backwards: bool = False
    is_first: bool = False

    def find_limit(self, rule: ReleaseRule, fact: Fact) -> float | None:
        """The rule's own, or what the fact's history explains, where it is long enough."""
        history = self.histories.get((fact.fact, fact.scope))
        comparison = COMPARISONS.get(rule.measure.rpartition("_")[2])
        if rule.history is None or history is None or comparison is None:
            return rule.limit
        explained = history.find_limit(rule.history, comparison, self.as_of)
        return rule.limit if explained is None else explained


def evaluate_release(
    rules: Sequence[ReleaseRule], facts: Sequence[Fact], comparand: Comparand
) -> list[Verdict]:
    """Of a fact that breaks two rules of one measure only the heavier is told, and once for all its days."""
    rules = [rule for rule in rules if not (comparand.is_first and rule.of_release)]
    pairs = [(rule, fact) for rule in rules for fact in facts]
    rows = [measure_fact(rule, fact, comparand) for rule, fact in pairs]
    limits = [
        None if value is None else comparand.find_limit(rule, fact)
        for value, (rule, fact) in zip(rows, pairs, strict=True)
    ]
    # One column per rule: two rules may ask the same measure of another minimum. It holds what is above the limit
    # (the rule's, or that of the fact's history), so that one expectation serves all.
    excesses = [
        measure_excess(value, rule.limit, limit)
        for value, limit, (rule, _) in zip(rows, limits, pairs, strict=True)
    ]
    size = len(facts)
    frame = pd.DataFrame(
        {rule.rule: excesses[n * size : (n + 1) * size] for n, rule in enumerate(rules)}, dtype="float64"
    )
    renamed = [
        replace(
            rule.expectation,
            kwargs=rule.expectation.kwargs
            | {"column": rule.rule}
            | ({} if rule.limit is None else {"max_value": 0.0}),
        )
        for rule in rules
    ]
    results = evaluate_frame(renamed, frame, "release")
    verdicts: list[Verdict] = []
    broken: set[tuple[str, str]] = set()
    for at, (rule, result) in enumerate(zip(rules, results, strict=True)):
        failed = [
            n for n in result.failed if (name_subject(rule, facts[n].scope), facts[n].scope) not in broken
        ]
        for scope, numbers in group_by_scope(failed, facts, together=rule.together).items():
            broken |= {(name_subject(rule, facts[n].scope), facts[n].scope) for n in numbers}
            # One line for all days of one thing: the worst of them speaks.
            numbers = sorted(numbers, key=lambda n: -abs(rows[at * size + n] or 0))
            days = tuple(dict.fromkeys(day for n in numbers for day in facts[n].days))
            worst = facts[numbers[0]]._replace(scope=scope, days=days)
            if rule.together:
                worst = worst._replace(
                    details=tuple(detail for n in sorted(numbers) for detail in facts[n].details)
                )
            row = at * size + numbers[0]
            verdicts.append(describe_failure(rule, worst, comparand.before, rows[row], limits[row]))
        if not failed:
            verdicts.append(
                Verdict(rule.rule, EVERY, rule.expectation.severity, "passed", None, None, None, rule.limit,
                        "", "", "", "")
            )  # fmt: skip
    return verdicts


def measure_excess(value: float | None, limit: float | None, explained: float | None) -> float | None:
    """How far a value is above its limit, exactly: one that is just there is not. Where there is none, the value."""
    if value is None or limit is None:
        return value
    return value - ((explained or limit) if limit else limit)


def group_by_scope(
    failed: Iterable[int], facts: Sequence[Fact], *, together: bool = False
) -> dict[str, list[int]]:
    """scope → places of the facts that failed; not of a source where a part of it (`source.rule`) speaks for it.

    `together`: by source, where the scope is `source: thing`.
    """
    groups: dict[str, list[int]] = {}
    for place in failed:
        scope = facts[place].scope
        groups.setdefault(scope.partition(":")[0] if together else scope, []).append(place)
    parts = {scope.partition(".")[0] for scope in groups if "." in scope}
    return {scope: places for scope, places in groups.items() if scope not in parts}


def name_subject(rule: ReleaseRule, scope: str) -> str:
    """What a rule speaks of: its measure; of one rule or column of a source all measures are one subject."""
    return "" if "." in scope else rule.measure


def measure_fact(rule: ReleaseRule, fact: Fact, comparand: Comparand) -> float | None:
    """The value that the rule reads of this fact; None where it does not concern it."""
    earlier = comparand.before.get((fact.fact, fact.scope))
    if rule.measure == fact.fact:
        if rule.is_new and earlier is not None and is_same_finding(rule, earlier, fact.value):
            return None
        return fact.value if fact.weight > rule.more_than else None
    name, _, comparison = rule.measure.rpartition("_")
    if name != fact.fact or comparison not in COMPARISONS or (fact.is_total and comparand.is_backwards):
        return None
    if earlier is None and rule.from_zero:
        earlier = 0.0
    if earlier is None:
        return None
    weight = abs(fact.value - earlier) if comparison == "loss" else fact.weight
    return COMPARISONS[comparison](fact.value, earlier) if weight > rule.more_than else None


def is_same_finding(rule: ReleaseRule, earlier: float, now: float) -> bool:
    """Whether the release before had it already: the same number, or one that broke the same limit."""
    return earlier == now or (rule.limit is not None and min(earlier, now) > rule.limit)


def describe_failure(
    rule: ReleaseRule,
    fact: Fact,
    before: Mapping[tuple[str, str], float],
    value: float | None,
    limit: float | None,
) -> Verdict:
    expectation, earlier = rule.expectation, before.get((fact.fact, fact.scope))
    is_share = fact.fact.endswith("share") or fact.fact == "rate"
    days = fact.days or tuple(filter(DAY.fullmatch, fact.details))
    # Of lost keys the details are examples.
    total = int(fact.weight) if fact.fact in LOST_KEYS else 0
    numbers: dict[str, Any] = {
        "scope": fact.scope,
        "source": name_source(fact.scope),
        "span": show_span(days),
        "day": max(days, default=SOME_DAY),
        "days": show_details(fact.days),
        "usual": show_number(fact.usual, is_share=fact.usual is None or fact.usual <= 1),
        "value": show_number(value, is_share=is_share),
        "now": show_number(fact.value, is_share=is_share),
        "before": show_number(earlier, is_share=is_share),
        "weight": show_number(fact.weight, is_share=False),
        "limit": show_number(limit, is_share=True),
        "details": show_details(fact.details, total=total),
        "instead": f"; new instead: {', '.join(fact.instead)}" if fact.instead else "",
    }
    numbers_vi = numbers | {
        "details": show_details(fact.details_vi or fact.details, total=total),
        "instead": f"; mã mới thay vào: {', '.join(fact.instead)}" if fact.instead else "",
    }
    outcome = {"critical": "held", "warning": "warned"}.get(expectation.severity, "noted")
    return Verdict(
        rule.rule, fact.scope, expectation.severity, outcome, value, fact.value, earlier, limit,
        expectation.reason_en.format(**numbers), expectation.reason_vi.format(**numbers_vi),
        rule.next_en.format(**numbers), rule.next_vi.format(**numbers), fact.details,
    )  # fmt: skip


def name_source(scope: str) -> str:
    """`task_tracker` of `task_tracker.due_date` and `task_tracker: unit_code X`; another scope as it is."""
    return re.split("[:.]", scope)[0]


def show_number(value: float | None, *, is_share: bool) -> str:
    if value is None:
        return "0" if not is_share else "0%"
    return f"{value:.1%}" if is_share else f"{value:,.0f}".replace(",", " ")


def show_span(days: Sequence[str]) -> str:
    """All of them as `thongsuot run --partition` reads them."""
    first, last = min(days, default=SOME_DAY), max(days, default=SOME_DAY)
    return first if first == last else f"{first}..{last}"


def show_details(details: Sequence[str], most: int = 5, total: int = 0) -> str:
    """`total`: how many there are, where the details are only the first of them."""
    left = max(len(details), total) - len(details[:most])
    return ", ".join(details[:most]) + (f" … (+{left})" if left and details else "")


def list_findings(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """What somebody should read: held first, then warned."""
    order = ("held", "accepted", "warned")
    return sorted((v for v in verdicts if v.outcome in order), key=lambda v: order.index(v.outcome))
