"""Rules of a place: those of its words, those it adds or takes out, and those that only a country's codes keep."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from pipelines.night import Night, land_source, land_tables, validate_source
from pipelines.quality.place_suite import load_suite
from pipelines.quality.reports import Report
from pipelines.quality.suite import SuiteError, hash_rules, read_suite
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import ContractError, Source, load_contracts

TASKS = """\
no,task,agency,state
T1,Plant trees,Parks,in work
T2,Mend the bridge,Roads,in work
T3,Count the trees,Zoo,in work
"""
CONTRACT: dict[str, Any] = {
    "place": {"code": "X", "name": "Somewhere", "counts_since": "2018-01-01", "country": "DE-BE"},
    "first_day": "2018-01-01",
    "sources": {
        "task_tracker": {
            "connector": "files",
            "partitioning": "snapshot_day",
            "path": "tasks-{partition}.csv",
            "format": "csv",
            "max_rejected_share": 0.5,
            "columns": {
                "task_code": "no",
                "title": "task",
                "owner_level": {"constant": "province"},
                "lead_agency_code": {"raw": "agency", "value_map": {"Parks": "P", "Roads": "R"}},
                "reported_status": {"raw": "state", "value_map": {"in work": "in_progress"}},
            },
        }
    },
    "reference": {"units": {"path": "units.csv"}},
}
RULE = {
    "type": "expect_column_values_to_match_regex",
    "kwargs": {"column": "task_code", "regex": r"^T\d$"},
    "severity": "critical",
    "meta": {"rule": "task_code_of_ours", "reason_en": "no T and a digit", "reason_vi": "không phải T và số"},
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "tasks-2018-03-05.csv").write_text(TASKS, encoding="utf-8")
    (tmp_path / "units.csv").write_text(
        "unit_code,unit_name,unit_level\nP,Parks,department\n", encoding="utf-8"
    )
    write(tmp_path, CONTRACT)
    return tmp_path


def write(place: Path, content: dict[str, Any], suite: Any = None) -> Source:
    (place / "sources.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    if suite is not None:
        (place / "expectations").mkdir(exist_ok=True)
        (place / "expectations" / "task_tracker.yaml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    return load_contracts(place / "sources.yaml").sources["task_tracker"]


def validate(place: Path) -> tuple[Report, list[dict[str, Any]], set[str]]:
    """The report of the day, its accepted rows and the rules that rejected others."""
    settings = Settings(data=place / "data", sources_file=place / "sources.yaml")
    contracts = load_contracts(settings.sources_file)
    night = Night(settings, contracts, run_id="t", days=[date(2018, 3, 5)])
    land_tables(night)
    source = contracts.sources["task_tracker"]
    land_source(night, source)
    [report] = validate_source(night, source)
    accepted = duckdb.sql(f"from '{report.accepted}' order by _row")
    rows = [dict(zip(accepted.columns, row, strict=True)) for row in accepted.fetchall()]
    rules: set[str] = set()
    if report.rejected.exists():
        for (failures,) in duckdb.sql(f"select failures from '{report.rejected}'").fetchall():
            rules |= {failure["rule"] for failure in failures}
    return report, rows, rules


def test_a_word_that_the_place_s_own_map_does_not_know_is_rejected(place: Path) -> None:
    """An agency missing in the map went to `unknown`, and no check warned."""
    report, rows, rules = validate(place)
    assert [(row["task_code"], row["lead_agency_code"]) for row in rows] == [("T1", "P"), ("T2", "R")]
    assert report.rows_rejected == 1 and rules == {"lead_agency_code_unknown"}


def test_a_constant_stands_in_every_row_and_no_header_is_read_for_it(place: Path) -> None:
    (place / "tasks-2018-03-05.csv").write_text(TASKS.replace("no,task", "no,owner_level"), encoding="utf-8")
    columns = CONTRACT["sources"]["task_tracker"]["columns"] | {"title": {"constant": "All of them"}}
    write(
        place,
        CONTRACT | {"sources": {"task_tracker": CONTRACT["sources"]["task_tracker"] | {"columns": columns}}},
    )
    _, rows, _ = validate(place)
    assert {(row["owner_level"], row["title"]) for row in rows} == {("province", "All of them")}


def test_a_default_alone_needs_no_header_of_a_required_column(place: Path) -> None:
    """It passed the check of the file and failed at the pull."""
    columns = CONTRACT["sources"]["task_tracker"]["columns"] | {"owner_level": {"default": "province"}}
    write(
        place,
        CONTRACT | {"sources": {"task_tracker": CONTRACT["sources"]["task_tracker"] | {"columns": columns}}},
    )
    report, rows, _ = validate(place)
    assert {row["owner_level"] for row in rows} == {"province"} and report.rows_read == 3


def test_a_constant_beside_a_header_is_refused(place: Path) -> None:
    columns = {"owner_level": {"constant": "province", "raw": "level"}}
    with pytest.raises(ContractError, match="`constant` says what every row has; leave `raw` out"):
        write(
            place,
            CONTRACT
            | {"sources": {"task_tracker": CONTRACT["sources"]["task_tracker"] | {"columns": columns}}},
        )


def test_a_place_adds_rules_that_reject_and_takes_out_those_that_cannot_hold(place: Path) -> None:
    before = load_suite(write(place, CONTRACT))
    warning = next(rule.rule for rule in before.rows if not rule.rejects)
    source = write(place, CONTRACT, {"remove": [warning], "expectations": [RULE]})
    names = [rule.rule for rule in load_suite(source).rows]
    assert warning not in names and names[-1] == "task_code_of_ours"
    (place / "tasks-2018-03-05.csv").write_text(
        TASKS.replace("T2", "X2").replace("Zoo", "Parks"), encoding="utf-8"
    )
    assert validate(place)[2] == {"task_code_of_ours"}


def test_a_changed_suite_of_the_place_validates_landed_rows_again(place: Path) -> None:
    before = hash_rules(write(place, CONTRACT))
    assert hash_rules(write(place, CONTRACT, {"expectations": [RULE]})) != before


@pytest.mark.parametrize(
    ("suite", "message"),
    [
        ({"remove": ["title_missing"]}, "`title_missing` rejects rows, in every place"),
        ({"remove": ["titel_mising"]}, "no rule of task_tracker; did you mean `title_missing`"),
        ({"expectation": []}, "`expectation` is not a known key; did you mean `expectations`"),
        ({"expectations": [RULE | {"meta": RULE["meta"] | {"rule": "title_missing"}, "severity": "warning"}]},
         "`title_missing` rejects rows"),
        ({"expectations": [RULE | {"kwargs": {"column": "task_cod", "regex": "x"}}]},
         "`task_cod` is no column of task_tracker; did you mean `task_code`"),
        ({"expectations": [RULE | {"meta": RULE["meta"] | {"rule": "title_missing"}}]},
         "`title_missing` rejects rows, in every place, and is neither taken out nor replaced"),
        ({"expectations": [RULE | {"kwargs": {"column": "key__repeated", "regex": "x"}}]},
         "task_code_of_ours: a rule over what was delivered before only warns"),
        ({"expectations": [RULE | {"kwargs": {"column": "state__move", "regex": "x"}}]}, "only warns"),
        ({"expectations": RULE}, "`expectations` is no list"),
        ({"expectations": [RULE | {"meta": None}]}, "expectation 1 .*`meta` is wrong"),
        ({"expectations": ["title_missing"]}, "task_tracker.yaml: a part of it is not what its place asks for"),
        ({"expectations": [RULE | {"kwargs": None}]}, "task_tracker.yaml: a part of it is not"),
        ([1], "expected the keys remove, expectations"),
        ({"expectations": [{"type": "x"}]}, "task_tracker.yaml, expectation 1"),
    ],
)  # fmt: skip
def test_a_wrong_suite_of_a_place_is_refused_by_name(place: Path, suite: Any, message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        load_suite(write(place, CONTRACT, suite))


def test_json_is_read_like_yaml(place: Path) -> None:
    (place / "expectations").mkdir()
    (place / "expectations" / "task_tracker.json").write_text(
        json.dumps({"expectations": [RULE]}), encoding="utf-8"
    )
    assert load_suite(write(place, CONTRACT)).rows[-1].rule == "task_code_of_ours"


def test_the_words_of_the_canon_have_their_rules_already() -> None:
    for source in load_contracts(PROJECT / "sources.yaml").sources.values():
        own = [r.rule for r in load_suite(source).rows if not r.rule.endswith("_distant")]
        assert own == [r.rule for r in read_suite(source.suite_path).rows]


def test_a_place_s_words_for_any_column_make_no_second_rule_of_a_name() -> None:
    """Results are kept by the rule's name, and are a key of `audit.checks`."""
    for source in load_contracts(PROJECT / "sources.yaml").sources.values():
        columns = tuple(
            column.model_copy(update={"value_map": {"a": "b"}}) if column.type == "text" else column
            for column in source.columns
        )
        names = [rule.rule for rule in load_suite(source.model_copy(update={"columns": columns})).rows]
        assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)


@pytest.mark.parametrize("name", sorted(read_canon().sources))
def test_the_shapes_of_vietnamese_codes_are_asked_of_vietnamese_places_only(
    tmp_path: Path, name: str
) -> None:
    keys = {
        "connector": "files",
        "partitioning": "snapshot_day",
        "path": "x",
        "format": "csv",
        "datetime_formats": ["%Y"],
    }
    columns = {
        column: column
        for column, about in read_canon().sources[name].columns.items()
        if about.get("required")
    }

    def rules(country: str) -> set[str]:
        content = CONTRACT | {
            "place": CONTRACT["place"] | {"country": country},
            "sources": {name: {**keys, "columns": columns}},
        }
        (tmp_path / "sources.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return {
            rule.rule for rule in load_suite(load_contracts(tmp_path / "sources.yaml").sources[name]).rows
        }

    assert rules("VN") - rules("DE-BE") == {rule for rule in rules("VN") if rule.endswith("_code_malformed")}


@pytest.mark.parametrize(
    ("units", "accepted"),
    [
        # The place's own level is one; a level that no unit has is none.
        ("unit_code,unit_name,unit_level\nP,P,district\n", {"district"}),
        ("unit_code,unit_name,unit_level\nP,P,commune\n", set()),
    ],
)
def test_the_levels_of_tasks_are_those_that_the_place_s_units_have(
    place: Path, units: str, accepted: set[str]
) -> None:
    (place / "units.csv").write_text(units, encoding="utf-8")
    columns = CONTRACT["sources"]["task_tracker"]["columns"] | {
        "owner_level": {"constant": "district"},
        "unit_code": "no",
    }
    columns["lead_agency_code"] = "agency"
    tracker = CONTRACT["sources"]["task_tracker"] | {"columns": columns, "max_rejected_share": 1}
    write(place, CONTRACT | {"sources": {"task_tracker": tracker}})
    assert {row["owner_level"] for row in validate(place)[1]} == accepted


def test_a_word_for_a_level_and_a_level_that_no_unit_has_are_told_apart(place: Path) -> None:
    tasks = "no,task,agency,level\nT1,a,P,City\nT2,b,P,Village\nT3,c,P,Moon\n"
    (place / "tasks-2018-03-05.csv").write_text(tasks, encoding="utf-8")
    (place / "units.csv").write_text("unit_code,unit_name,unit_level\nP,P,city\n", encoding="utf-8")
    columns = CONTRACT["sources"]["task_tracker"]["columns"] | {
        "owner_level": {"raw": "level", "value_map": {"City": "city", "Village": "village"}},
        "reported_status": {"constant": "in_progress"},
        "lead_agency_code": "agency",
    }
    tracker = CONTRACT["sources"]["task_tracker"] | {"columns": columns, "max_rejected_share": 1}
    write(place, CONTRACT | {"sources": {"task_tracker": tracker}})
    report, accepted, _ = validate(place)
    assert [row["task_code"] for row in accepted] == ["T1"]
    failed = {r["rule"]: r["unexpected"] for r in report.results if r["rule"].startswith("owner_level")}
    assert failed == {"owner_level_unknown": 1, "owner_level_word_unknown": 1}
