"""The rules of a release over facts by hand: what holds, what is told, what is quiet."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from pipelines.gate.evaluate import Comparand, Verdict, evaluate_release, list_findings
from pipelines.gate.facts import Fact
from pipelines.gate.gate_rule import read_gate_facts
from pipelines.gate.history import FactHistory, PastValue
from pipelines.gate.lines import list_lines
from pipelines.gate.release_rules import read_release_rules
from pipelines.settings import PROJECT
from pipelines.sources.contracts.contract import ContractError, load_contracts
from pipelines.sources.contracts.gate import GateLimit

RULES = read_release_rules({})


def list_verdicts(
    facts: list[Fact], before: dict[tuple[str, str], float], **limits: GateLimit
) -> list[Verdict]:
    verdicts = evaluate_release(read_release_rules(limits), facts, Comparand(before))
    return [verdict for verdict in verdicts if verdict.outcome != "passed"]


# fact → before (None: there is no release before) → the rule that it breaks and what comes of it, or nothing.
CASES = [
    # The two siblings of an empty list: 3 of 200 rows, 27 of 30 issues gone.
    (Fact("keys_lost_share", "dossier_log", 197 / 200, 197), None, "delivery_lost_keys", "held"),
    (Fact("keys_lost_share", "issue_register", 27 / 30, 27), None, "delivery_lost_keys", "held"),
    (Fact("keys_lost_share", "issue_register", 3 / 30, 3), None, "delivery_lost_few_keys", "noted"),  # a handful
    (Fact("keys_lost_share", "task_tracker", 12 / 600, 12), None, "delivery_lost_some_keys", "warned"),
    # Nothing ever leaves a ranking: one province fewer is a part of it.
    (Fact("fixed_keys_lost", "national_ranking", 1, 1, ("28",)), None, "fixed_list_lost_keys", "held"),
    (Fact("fixed_keys_lost", "national_ranking", 0, 0), None, None, ""),
    # An .xls that was cut at the end of its sheet: 65 535 rows under one header.
    (Fact("keys", "dossier_log", 65_535, 65_535), 65_530.0, "delivery_at_row_limit", "held"),
    (Fact("keys", "dossier_log", 65_535, 65_535), 65_535.0, None, ""),  # accepted before
    (Fact("keys", "dossier_log", 65_000, 65_000), None, None, ""),
    (Fact("empty_column", "dossier_log.due_at", 1.0, 500, ("99%",)), 0.0, "column_emptied", "held"),
    (Fact("empty_column", "dossier_log.due_at", 1.0, 500, ("99%",)), None, "column_emptied", "held"),
    (Fact("empty_column", "dossier_log.due_at", 1.0, 500), 1.0, None, ""),  # accepted before
    (Fact("empty_column", "dossier_log.due_at", 1.0, 15), 0.0, None, ""),
    (Fact("emptied_share", "dossier_log.due_at", 0.55, 300, ("60%",), usual=0.05), 0.0, "column_thinned", "warned"),
    (Fact("emptied_share", "dossier_log.due_at", 0.52, 300), 0.55, None, ""),  # told before
    (Fact("emptied_share", "dossier_log.due_at", 0.2, 300), 0.0, None, ""),
    (Fact("rows", "task_tracker", 10_000, 10_000), None, "delivery_at_round_count", "warned"),
    (Fact("rows", "task_tracker", 10_000, 10_000), 10_000.0, None, ""),  # told before
    (Fact("rows", "task_tracker", 10_001, 10_001), None, None, ""),
    (Fact("doubtful_rows", "task_tracker.due_date_distant", 2, 2, ("2052",)), None, "rows_doubtful", "warned"),
    (Fact("doubtful_rows", "task_tracker.due_date_distant", 2, 2), 2.0, None, ""),  # told before
    (Fact("doubtful_rows", "task_tracker.due_date_distant", 3, 3), 2.0, "rows_doubtful", "warned"),  # one more
    (Fact("doubtful_rows", "task_tracker.due_date_distant", 1, 1), 2.0, None, ""),
    (Fact("tables_missing", "audit.batches", 2.0, 1), None, "bookkeeping_lost", "held"),
    (Fact("tables_missing", "audit.batches", 1.0, 1), None, "bookkeeping_missing", "warned"),
    (Fact("not_compared", "task_tracker", 1.0, 1, ("2025-08-06",)), None, "not_compared", "warned"),
    (Fact("total", "received", 180, 180, is_total=True), 200.0, "total_fell", "held"),
    (Fact("total", "received", 196, 196, is_total=True), 200.0, None, ""),
    (Fact("total", "received", 1_950, 1_950, is_total=True), 2_000.0, "total_fell_some", "warned"),
    (Fact("conflict_share", "tasks", 0.59, 2_000), None, "contradictions_prevail", "held"),
    (Fact("conflict_share", "tasks", 0.59, 2_000), 0.58, None, ""),
    (Fact("days_empty", "dossier_log", 1, 1, ("2025-09-30",)), None, "delivery_empty", "warned"),
    (Fact("doubts", "task_tracker: # hidden rows", 1, 1, ("3 rows are hidden",)), None, "delivery_doubtful", "warned"),
    (Fact("doubts", "task_tracker: # hidden rows", 1, 1, ("3 rows are hidden",)), 1.0, None, ""),  # told before
    (Fact("doubts", "task_tracker: # hidden rows", 1, 1, ("3 rows are hidden",)), 0.0, "delivery_doubtful", "warned"),
    (Fact("doubts", "task_tracker: # hidden rows", 0, 1), 1.0, "doubt_gone", "noted"),
    (Fact("doubts", "task_tracker: # hidden rows", 0, 1), 0.0, None, ""),
    (Fact("days_missing", "dossier_log", 1, 1, ("2025-08-05",)), None, "delivery_missing", "warned"),
    (Fact("days_late", "task_tracker", 2, 2, ("2025-08-01",)), None, "delivery_late", "warned"),
    (Fact("days_overdue", "task_tracker", 1, 1, ("2025-08-01",)), 0.0, "delivery_overdue", "warned"),
    (Fact("days_overdue", "task_tracker", 2, 2, ("2025-08-01",)), 1.0, None, ""),  # told before
    (Fact("delivery_unchanged", "task_tracker", 1, 60, ("2025-08-05",)), 0.0, "delivery_unchanged", "warned"),
    (Fact("delivery_unchanged", "task_tracker", 1, 12, ("2025-08-05",)), 0.0, None, ""),  # a handful
    (Fact("delivery_again", "dossier_log", 1, 60, ("2025-08-01",)), 0.0, "delivery_repeated", "held"),
    (Fact("delivery_again", "dossier_log", 1, 60, ("2025-08-01",)), 1.0, None, ""),  # accepted before
    (Fact("volume_change", "dossier_log", 0.5, 250, ("257",), usual=514), None, "volume_unusual", "warned"),
    (Fact("volume_change", "dossier_log", 0.5, 20, ("20",), usual=40), None, None, ""),
    (Fact("keys_gained_share", "issue_register", 1.0, 1_400), None, "list_swelled", "warned"),
    (Fact("units_silent", "dossier_log: A Xã A", 1, 2, ("A Xã A",)), None, "unit_silent", "warned"),
    (Fact("units_silent", "dossier_log: A Xã A", 1, 3, ("A Xã A",)), 1.0, None, ""),  # told before
    (Fact("codes_unlisted", "dossier_log: unit_code X", 1, 9, ("X (9)",)), None, "unit_unlisted", "warned"),
    (Fact("codes_unlisted", "dossier_log: unit_code X", 1, 9, ("X (9)",)), 1.0, None, ""),  # told before
    (Fact("count_fell", "national_ranking: received_total", 1.0, 159_210, ("42: 9 → 0",)), 0.0, "count_fell", "warned"),
    (Fact("count_fell", "national_ranking: received_total", 0.03, 159_210, ("42",)), 0.0, None, ""),
    (Fact("times_moved", "issue_register: reported_at", 0.97, 58, ("58 × -7 h",)), 0.0, "times_moved", "warned"),
    (Fact("times_moved", "issue_register: reported_at", 0.1, 58, ("9 × +1 d",)), 0.0, None, ""),
    (Fact("times_moved", "issue_register: reported_at", 0.5, 9, ("9 × -7 h",)), 0.0, None, ""),
    (Fact("values_jumped", "national_index: total_points", 1.0, 34, ("34 × 0.01",)), 0.0, "values_jumped", "warned"),
    (Fact("values_jumped", "national_index: total_points", 0.5, 17, ("17 of 34, × 0.01",)), 0.0, None, ""),
    (Fact("undated_changes", "issue_register", 0.97, 30, ("30 of 31",)), 0.0, "undated_changes", "warned"),
    (Fact("undated_changes", "issue_register", 0.97, 30, ("30 of 31",)), 1.0, None, ""),  # told before
    (Fact("undated_changes", "issue_register", 1.0, 10, ("10 of 10",)), 0.0, None, ""),
    (Fact("hours_foreign", "issue_register: reported_at", 0.6, 60, ("+7 h: 95%",)), 0.6, "hours_foreign", "warned"),
    (Fact("hours_foreign", "issue_register: reported_at", 0.6, 30, ("35%; +7 h: 95%",)), None, None, ""),
    (Fact("delivery_flagged", "dossier_log.newest_row_old", 1, 1, ("30",)), 0.0, "delivery_flagged", "warned"),
    (Fact("never_delivered", "national_ranking", 1, 1), None, "source_never_delivered", "warned"),
    (Fact("rejected_share", "dossier_log", 0.015, 40), 0.001, "rejections_jumped", "warned"),
    (Fact("rejected_share", "dossier_log.channel_unknown", 0.015, 40), 0.0, "rejections_jumped", "warned"),
    (Fact("rejected_share", "dossier_log.code_misshapen", 0.013, 11), 0.0, "rejections_jumped", "warned"),
    (Fact("rejected_share", "dossier_log.code_misshapen", 0.1, 5), 0.0, None, ""),  # a handful
    (Fact("flagged_share", "dossier_log.code_malformed", 1.0, 215), None, "rule_prevails", "warned"),
    (Fact("flagged_share", "dossier_log.code_malformed", 1.0, 215), 0.97, None, ""),  # told before
    (Fact("flagged_share", "dossier_log.code_malformed", 1.0, 215), 0.6, "rule_jumped", "warned"),
    (Fact("flagged_share", "dossier_log.code_malformed", 0.3, 215), 0.01, "rule_jumped", "warned"),
    (Fact("flagged_share", "dossier_log.code_malformed", 0.3, 215), 0.28, None, ""),
    (Fact("rate", "online", 0.8, 5_000, is_total=True), 0.7, "rate_moved", "warned"),
    (Fact("rate", "online", 0.71, 5_000, is_total=True), 0.7, None, ""),
    (Fact("backlog_share", "issues overdue", 466 / 1_500, 466, is_total=True), 85 / 1_500, "backlog_jumped", "warned"),
    (Fact("backlog_share", "tasks overdue", 926 / 2_080, 926, is_total=True), 25 / 2_080, "backlog_jumped", "warned"),
    # A deadline passed for some communes.
    (Fact("backlog_share", "tasks overdue", 51 / 2_080, 51, is_total=True), 25 / 2_080, None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "before", "rule", "outcome"), CASES)
def test_a_fact_is_held_told_or_quiet(
    fact: Fact, before: float | None, rule: str | None, outcome: str
) -> None:
    findings = list_verdicts([fact], {} if before is None else {(fact.fact, fact.scope): before})
    assert [(f.rule, f.outcome) for f in findings] == ([(rule, outcome)] if rule else [])


def test_every_rule_has_a_fact_that_breaks_it_and_says_why_and_what_to_do() -> None:
    assert {rule.rule for rule in RULES} == {rule for _, _, rule, _ in CASES if rule}
    assert all(rule.why and rule.next_en and rule.next_vi for rule in RULES)


def test_of_lost_keys_those_that_came_instead_are_shown() -> None:
    """Codes that were written anew are all lost; what they are now says why."""
    fact = Fact("keys_lost_share", "issue_register", 1.0, 60, ("VM-001", "VM-002"), instead=("VM-1", "VM-2"))
    [finding] = list_verdicts([fact], {})
    assert finding.text_en.endswith("no longer delivered: VM-001, VM-002 … (+58); new instead: VM-1, VM-2")
    assert finding.text_vi.endswith("VM-001, VM-002 … (+58); mã mới thay vào: VM-1, VM-2")


def test_the_page_has_every_rule_with_its_default_and_its_reason() -> None:
    page = (PROJECT / "docs" / "validation.md").read_text(encoding="utf-8")
    table = {
        line.split("`")[1]: line
        for line in page.splitlines()
        if line.startswith("| `") and line.count("|") == 7
    }
    assert [rule.rule for rule in RULES if rule.rule not in table] == []
    for rule in RULES:
        cells = [cell.strip() for cell in table[rule.rule].split("|")[1:-1]]
        outcome = {"critical": "holds", "warning": "warns", "info": "is recorded"}[rule.expectation.severity]
        sets = {
            "delivery_at_row_limit": "the last rows of a sheet",
            "delivery_at_round_count": "a round number",
        }
        limit = sets[rule.rule] if rule.limit is None else f"{rule.limit:g}"
        least = f"more than {rule.more_than:g}" if rule.more_than else "any"
        assert cells == [f"`{rule.rule}`", outcome, f"`{rule.measure}`", limit, least, rule.why]


def test_a_finding_names_place_numbers_and_keys_in_two_languages() -> None:
    [finding] = list_verdicts([Fact("days_empty", "dossier_log", 1, 1, ("2025-09-30",))], {})
    assert finding.text_vi == "Chưa nhận được số liệu ngày 2025-09-30 (dossier_log)"
    assert finding.text_en == "dossier_log: no data were received for 2025-09-30"


def test_the_lines_of_a_finding_are_of_one_language_or_of_both() -> None:
    [finding] = list_verdicts([Fact("days_empty", "dossier_log", 1, 1, ("2025-09-30",))], {})
    lines = {language: "\n".join(list_lines([finding], language)) for language in ("vi", "en", None)}
    words = [(finding.text_vi, finding.text_en), (finding.next_vi, finding.next_en)]
    assert all(vi in lines["vi"] and en not in lines["vi"] for vi, en in words)
    assert all(en in lines["en"] and vi not in lines["en"] for vi, en in words)
    assert all(vi in lines[None] and en in lines[None] for vi, en in words)


def test_of_lost_keys_the_first_are_named_and_all_are_counted() -> None:
    keys = tuple(f"K{n}" for n in range(20))
    [finding] = list_verdicts([Fact("keys_lost_share", "task_tracker", 0.5, 30, keys)], {})
    assert "30 keys" in finding.text_en and "K0, K1, K2, K3, K4 … (+25)" in finding.text_en


def test_a_next_step_is_a_command_with_the_days_and_the_source_in_it() -> None:
    days = ("2025-08-07", "2025-08-05")
    volume = Fact("volume_change", "dossier_log", 0.5, 250, ("257",), days=days, usual=514)
    missing = Fact("days_missing", "dossier_log", 1, 1, ("2025-08-05",))
    flagged = Fact("flagged_share", "dossier_log.code_malformed", 1.0, 215, days=("2025-08-06",))
    steps = {v.rule: (v.next_en, v.next_vi) for v in list_verdicts([volume, missing, flagged], {})}
    for rule, command in (
        ("volume_unusual", "`thongsuot run --again --partition 2025-08-05..2025-08-07`"),
        ("delivery_missing", "`thongsuot run --partition 2025-08-05`"),
        ("rule_prevails", "`thongsuot sources check dossier_log --partition 2025-08-06`"),
    ):
        assert all(command in step for step in steps[rule])


def test_a_total_is_not_compared_with_a_later_moment() -> None:
    fact = Fact("total", "received", 100, 100, is_total=True)
    verdicts = evaluate_release(RULES, [fact], Comparand({("total", "received"): 200.0}, is_backwards=True))
    assert list_findings(verdicts) == []


def test_a_place_sets_its_own_limit_and_weight() -> None:
    fact = Fact("keys_lost_share", "issue_register", 0.3, 9)
    own = {"delivery_lost_keys": GateLimit(limit=0.5), "delivery_lost_some_keys": GateLimit(severity="info")}
    assert {verdict.outcome for verdict in list_verdicts([fact], {}, **own)} == {"noted"}
    assert list_verdicts([fact], {}, delivery_lost_keys=GateLimit(severity="warning"))[0].outcome == "warned"


def test_a_threshold_of_a_rule_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    content = yaml.safe_load((PROJECT / "sources.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "sources.yaml"
    path.write_text(
        yaml.safe_dump(content | {"gate": {"delivery_lost_key": {"limit": 0.1}}}), encoding="utf-8"
    )
    with pytest.raises(ContractError, match=r"delivery_lost_key.*did you mean `delivery_lost_keys`"):
        load_contracts(path)


def test_a_mart_whose_gate_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    node = {"resource_type": "model", "schema": "marts", "alias": "new"}
    node |= {"config": {"meta": {"gate": [{"fact": "total"}]}}}
    path.write_text(json.dumps({"nodes": {"model.new": node}}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"marts\.new: meta\.gate"):
        read_gate_facts(path)


def test_within_a_first_history_only_a_loss_that_holds_is_of_interest() -> None:
    some, many = (Fact("keys_lost_share", "citizen_feedback", n / 846, n, ("PAKN-1",)) for n in (9, 90))
    assert list_findings(evaluate_release(RULES, [some], Comparand({}, is_first=True))) == []
    assert [v.rule for v in list_findings(evaluate_release(RULES, [some], Comparand({})))] == [
        "delivery_lost_some_keys"
    ]
    [finding] = list_findings(evaluate_release(RULES, [many], Comparand({}, is_first=True)))
    assert (finding.rule, finding.outcome) == ("delivery_lost_keys", "held")


def nights(values: list[float], incidents: tuple[int, ...] = ()) -> FactHistory:
    """One value a night, to the 20th of August; `incidents`: places of nights that are no example."""
    end = datetime(2025, 8, 20)
    days = [end - timedelta(days=len(values) - 1 - n) for n in range(len(values))]
    return FactHistory(
        [
            PastValue(day, value, n in incidents)
            for n, (day, value) in enumerate(zip(days, values, strict=True))
        ]
    )


# values of the nights before → value now → days since → is it told?
MOVES = [
    (
        [0.700, 0.702, 0.701, 0.703, 0.702, 0.704, 0.703, 0.705, 0.704],
        0.712,
        1,
        True,
    ),  # 0.8 points, 0.2 is usual
    ([0.700, 0.702, 0.701, 0.703, 0.702, 0.704, 0.703, 0.705, 0.704], 0.708, 1, False),  # under half a point
    ([0.70, 0.76, 0.69, 0.75, 0.70, 0.76, 0.70, 0.75, 0.70], 0.80, 1, False),  # swings by six points anyway
    ([0.700, 0.702, 0.701, 0.703, 0.702, 0.704, 0.703, 0.705, 0.704], 0.712, 4, False),  # in four nights
    ([0.700, 0.702, 0.701], 0.712, 1, False),  # too few nights: the default of five points
    ([0.700, 0.702, 0.701], 0.77, 1, True),
]


@pytest.mark.parametrize(("values", "now", "days", "is_finding"), MOVES)
def test_a_rate_is_measured_by_its_own_nights(
    values: list[float], now: float, days: int, is_finding: bool
) -> None:
    key = ("rate", "online")
    comparand = Comparand(
        {key: values[-1]}, {key: nights(values)}, datetime(2025, 8, 20) + timedelta(days=days)
    )
    fact = Fact(*key, now, 5_000, is_total=True)
    assert [v.rule for v in list_findings(evaluate_release(RULES, [fact], comparand))] == [
        "rate_moved"
    ] * is_finding
    # A limit that the place set is a decision: no history overrules it.
    own = read_release_rules({"rate_moved": GateLimit(limit=0.2)})
    assert list_findings(evaluate_release(own, [fact], comparand)) == []


def is_move_told(history: FactHistory, now: float) -> bool:
    """A rate of the 21st of August after these nights."""
    key, before = ("rate", "online"), history.nights[-1].value
    comparand = Comparand({key: before}, {key: history}, datetime(2025, 8, 21))
    return bool(list_findings(evaluate_release(RULES, [Fact(*key, now, 5_000, is_total=True)], comparand)))


def test_one_fault_of_a_month_leaves_the_rule_as_sharp_as_before() -> None:
    quiet = [0.700 + 0.001 * (n % 3) for n in range(29)]
    faulty = [*quiet[:10], 0.5, *quiet[11:]]  # twenty points down, and up again
    assert is_move_told(nights(quiet), quiet[-1] + 0.03) and is_move_told(nights(faulty), quiet[-1] + 0.03)
    # What comes every week is how the place works: four moves of three points in a month.
    weekly = [0.70 + 0.03 * (n // 7) for n in range(29)]
    assert not is_move_told(nights(weekly), weekly[-1] + 0.03)
    assert is_move_told(nights(weekly), weekly[-1] + 0.08)


def test_nights_that_were_accepted_or_mended_are_no_measure() -> None:
    # Two faults are four moves: by themselves they would be usual.
    values = [0.70 + 0.001 * (n % 3) for n in range(29)]
    values[8], values[20] = 0.5, 0.9
    assert not is_move_told(nights(values), values[-1] + 0.1)
    assert is_move_told(nights(values, (8, 20)), values[-1] + 0.03)
    # Too few nights are left: the default of five points.
    assert not is_move_told(nights(values, tuple(range(0, 29, 2))), values[-1] + 0.03)


def test_several_days_of_one_thing_are_one_line_that_names_them() -> None:
    shares = {"2025-08-04": 0.02, "2025-08-05": 0.30, "2025-08-06": 0.02}
    facts = [
        Fact("flagged_share", "dossier_log.code_malformed", share, 100, days=(day,))
        for day, share in shares.items()
    ]
    before = {("flagged_share", "dossier_log.code_malformed"): 0.02}
    [finding] = list_verdicts(facts, before)
    assert (finding.rule, finding.text_en) == (
        "rule_jumped",
        "dossier_log.code_malformed: 30.0% of the rows of 2025-08-05 break this rule, 2.0% in the release before",
    )
    facts[2] = facts[2]._replace(value=0.5)
    [finding] = list_verdicts(facts, before)
    assert "50.0% of the rows of 2025-08-06, 2025-08-05 break" in finding.text_en


def test_of_rejected_rows_the_rule_is_named_and_the_source_only_where_no_rule_stands_out() -> None:
    whole = Fact("rejected_share", "dossier_log", 0.02, 40)
    parts = [
        Fact("rejected_share", f"dossier_log.{name}", share, 20)
        for name, share in (("a", 0.015), ("b", 0.005))
    ]
    parts = [part._replace(weight=30) for part in parts]
    before = {(fact.fact, fact.scope): 0.0 for fact in (whole, *parts)}
    assert [v.scope for v in list_verdicts([whole, *parts], before)] == ["dossier_log.a"]
    # Rows of one rule left and rows of another came: the whole is as it was.
    before |= {("rejected_share", "dossier_log"): 0.02, ("rejected_share", "dossier_log.b"): 0.02}
    assert [v.scope for v in list_verdicts([whole, *parts], before)] == ["dossier_log.a"]
    flat = [part._replace(value=0.008) for part in parts]
    assert [
        v.scope for v in list_verdicts([whole, *flat], {(f.fact, f.scope): 0.0 for f in (whole, *flat)})
    ] == ["dossier_log"]


def test_units_that_fell_silent_together_are_one_line_and_one_that_is_new_is_told_though_another_is_back() -> (
    None
):
    facts = [Fact("units_silent", f"dossier_log: {unit}", 1.0, 2, (unit,)) for unit in ("A Xã A", "B Xã B")]
    [finding] = list_verdicts(facts, {})
    assert "nothing on the last 2: A Xã A, B Xã B" in finding.text_en and finding.scope == "dossier_log"
    [finding] = list_verdicts(
        facts, {("units_silent", "dossier_log: A Xã A"): 1.0, ("units_silent", "dossier_log: C"): 1.0}
    )
    assert finding.text_en.endswith(": B Xã B")


def test_what_would_be_usual_is_told() -> None:
    key = ("rate", "online")
    comparand = Comparand({key: 0.7}, {key: nights([0.7] * 9)}, datetime(2025, 8, 21))
    [finding] = list_findings(evaluate_release(RULES, [Fact(*key, 0.71, 5_000, is_total=True)], comparand))
    assert finding.text_en == "online: 71.0%, 70.0% in the release before; up to 0.5% would be usual"
    assert (finding.limit, finding.now, finding.before) == (0.005, 0.71, 0.7)
