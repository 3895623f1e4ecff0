"""The walls of the dbt project, read from its manifest: layers, contracts, versions, docs."""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipelines.exports.export import Export
from pipelines.exports.registry import EXPORTS
from pipelines.quality.suite import read_suite
from pipelines.sources.contracts.canon import FOLDER, read_canon
from pipelines.warehouse.exposures import complete_exposures
from pipelines.warehouse.marts_doc import list_metric_columns, render_marts_doc

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
DBT = str(Path(sys.executable).with_name("dbt"))
LAYERS = ("staging", "intermediate", "marts", "audit")
Node = dict[str, Any]


def published(models: dict[str, Node]) -> list[Node]:
    return [n for n in models.values() if n["schema"] in ("marts", "audit")]


def test_schemas_are_the_layers_and_nothing_else(manifest: Node, models: dict[str, Node]) -> None:
    assert {n["schema"] for n in models.values()} == set(LAYERS)
    seeds = [n for n in manifest["nodes"].values() if n["resource_type"] == "seed"]
    assert {n["schema"] for n in seeds} == {"seeds"}


def test_a_model_lies_in_the_folder_of_its_schema(models: dict[str, Node]) -> None:
    assert [n["name"] for n in models.values() if n["fqn"][1] != n["schema"]] == []


def test_a_subject_is_a_folder_and_a_group(manifest: Node, models: dict[str, Node]) -> None:
    layers = {"intermediate": 2, "marts": 2, "audit": 1}
    folders = {
        n["unique_id"]: n["fqn"][layers[n["schema"]]] for n in models.values() if n["schema"] in layers
    }
    wrong = [f"{key}: {models[key]['group']}" for key in folders if models[key]["group"] != folders[key]]
    assert wrong == [], "give the folder its group in dbt_project.yml"
    groups = {group["name"]: group["original_file_path"] for group in manifest["groups"].values()}
    assert set(groups) == set(folders.values()), "models/_groups.yml"
    assert set(groups.values()) == {"models/_groups.yml"}, "a group has one home"


def test_a_mart_that_others_read_is_pinned_to_its_version(manifest: Node, models: dict[str, Node]) -> None:
    # When a second version comes, nobody who reads the first may move without a word.
    marts = {n["name"] for n in models.values() if n["schema"] == "marts"}
    readers = [n for n in manifest["nodes"].values() if n["resource_type"] in ("model", "test")]
    unpinned = [
        (reader["name"], ref["name"])
        for reader in readers
        for ref in reader.get("refs", [])
        if ref["name"] in marts
        and ref["version"] is None
        and not (reader.get("attached_node") or "").startswith(f"model.thongsuot.{ref['name']}.")
    ]
    assert unpinned == []


def test_staging_reads_sources_only(models: dict[str, Node]) -> None:
    for node in models.values():
        if node["schema"] == "staging":
            assert all(parent.startswith("source.") for parent in node["depends_on"]["nodes"]), node["name"]


def test_only_staging_reads_sources(models: dict[str, Node]) -> None:
    for node in models.values():
        if node["schema"] != "staging":
            parents = node["depends_on"]["nodes"]
            assert not any(parent.startswith("source.") for parent in parents), node["name"]


def test_no_layer_reads_a_later_one_and_marts_never_read_staging(models: dict[str, Node]) -> None:
    for node in models.values():
        read = {models[p]["schema"] for p in node["depends_on"]["nodes"] if p in models}
        later = LAYERS[LAYERS.index(node["schema"]) + 1 :]
        assert read.isdisjoint(later), node["name"]
        if node["schema"] == "marts":
            assert "staging" not in read, node["name"]


def test_what_is_published_has_an_unsuffixed_name_and_the_file_of_its_version(
    models: dict[str, Node],
) -> None:
    # That none is lost: docs/marts.md and tests/golden/rows.csv name them all.
    for node in published(models):
        is_mart = node["schema"] == "marts"
        assert node["name"] == (node["alias"] if is_mart else f"audit_{node['alias']}")
        version = f"_v{node['version']}" if is_mart else ""
        assert Path(node["original_file_path"]).name == f"{node['name']}{version}.sql"


def test_what_is_published_has_an_enforced_contract_and_a_key_of_columns_that_are_never_null(
    models: dict[str, Node],
) -> None:
    for node in published(models):
        assert node["config"]["contract"]["enforced"], node["name"]
        columns = node["columns"]
        key = node["config"]["meta"]["key"]
        for name in key:
            kinds = {constraint["type"] for constraint in columns[name]["constraints"]}
            assert "not_null" in kinds, f"{node['name']}.{name}"


def test_what_is_published_is_tested_on_its_key_and_on_having_rows(
    manifest: Node, models: dict[str, Node]
) -> None:
    tests = [n for n in manifest["nodes"].values() if n["resource_type"] == "test"]
    for node in published(models):
        of_it = [t for t in tests if t.get("attached_node") == node["unique_id"]]
        keys = [
            t["test_metadata"]["kwargs"]["columns"]
            for t in of_it
            if t["test_metadata"]["name"] == "unique_combination"
        ]
        assert node["config"]["meta"]["key"] in keys, node["name"]
        assert any(t["test_metadata"]["name"] == "has_rows" for t in of_it), node["name"]


def test_only_marts_are_public_and_every_mart_is_versioned(models: dict[str, Node]) -> None:
    for node in models.values():
        is_mart = node["schema"] == "marts"
        assert (node["access"] == "public") == is_mart, node["name"]
        assert (node["version"] is not None) == is_mart, node["name"]


def test_what_is_published_is_described_in_both_languages(models: dict[str, Node]) -> None:
    for node in published(models):
        descriptions = {node["name"]: node["description"]}
        descriptions |= {
            f"{node['name']}.{c}": column["description"] for c, column in node["columns"].items()
        }
        missing = [name for name, text in descriptions.items() if not ("EN " in text and " / VI " in text)]
        assert missing == []


def test_every_model_says_what_it_is(models: dict[str, Node]) -> None:
    assert [n["name"] for n in models.values() if not n["description"]] == []


def test_every_published_mart_has_a_consumer(manifest: Node, models: dict[str, Node]) -> None:
    used = {p for exposure in manifest["exposures"].values() for p in exposure["depends_on"]["nodes"]}
    assert [n["name"] for n in published(models) if n["unique_id"] not in used] == []


def read_by(manifest: Node, models: dict[str, Node], exposure: str) -> set[str]:
    """Names of the marts and audit tables that the exposure says it reads."""
    node = manifest["exposures"][f"exposure.thongsuot.{exposure}"]
    return {f"{models[p]['schema']}.{models[p]['alias']}" for p in node["depends_on"]["nodes"]}


def list_tables_in(code: str, models: dict[str, Node]) -> set[str]:
    tables = {f"{n['schema']}.{n['alias']}" for n in published(models)}
    return set(re.findall(r"\b(?:marts|audit)\.\w+", code)) & tables


def code_of(export: Export) -> str:
    """The Python of the export's module, of the whole package where it has one of its own."""
    path = PROJECT.parent / (export.write.__module__.replace(".", "/") + ".py")
    modules = path.parent.glob("*.py") if path.name == "export.py" else [path]
    return "\n".join(module.read_text(encoding="utf-8") for module in modules)


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_the_exposure_of_an_export_names_exactly_the_marts_it_reads(
    manifest: Node, models: dict[str, Node], export: Export
) -> None:
    """Those its code names; else those that are opened, where it asks for these; else every mart."""
    exposure = f"exposure.thongsuot.{export.exposure}"
    assert exposure in manifest["exposures"], f"{export.name}: add {export.exposure} to exposures.yml"
    code = code_of(export)
    marts = {f"marts.{n['alias']}": n for n in published(models) if n["schema"] == "marts"}
    opened = {name for name, node in marts.items() if "open_data" in node["config"]["meta"]}
    expected = opened if "meta.open_data" in code else set(marts)
    assert read_by(manifest, models, export.exposure) == (list_tables_in(code, models) or expected)


def test_status_and_bi_say_which_marts_they_read(manifest: Node, models: dict[str, Node]) -> None:
    code = (PROJECT.parent / "pipelines" / "exports" / "headline.py").read_text(encoding="utf-8")
    assert read_by(manifest, models, "operator_status") == list_tables_in(code, models)
    every = {f"marts.{n['alias']}" for n in published(models) if n["schema"] == "marts"}
    assert read_by(manifest, models, "business_intelligence") == every


def test_the_lists_of_the_exposures_are_written_and_not_kept_by_hand(manifest: Node) -> None:
    text = (PROJECT / "models" / "exposures.yml").read_text(encoding="utf-8")
    assert complete_exposures(text, manifest) == text, "run `thongsuot docs`"
    with pytest.raises(ValueError, match="not tables"):
        complete_exposures(text.replace("{reads: marts}", "{reads: tables}"), manifest)


def test_every_data_test_says_what_it_holds(manifest: Node) -> None:
    tests = [n for n in manifest["nodes"].values() if n["resource_type"] == "test"]
    assert [t["name"] for t in tests if not t["description"]] == [], "describe it where it is declared"


def test_properties_are_lines_that_a_review_shows_whole() -> None:
    for file in (p for p in PROJECT.rglob("*.yml") if "target" not in p.parts):
        lines = file.read_text(encoding="utf-8").splitlines()
        assert [n for n, line in enumerate(lines, 1) if len(line) >= 120] == [], f"{file}: block style"


def test_a_description_that_many_columns_share_stands_once(models: dict[str, Node]) -> None:
    columns = [c for n in published(models) for c in n["columns"].values()]
    copies = Counter(c["description"] for c in columns if not c["doc_blocks"])
    assert [text for text, times in copies.items() if times > 2 and len(text) >= 38] == [], "models/_docs.md"


def test_no_mart_knows_the_time_of_its_own_making(models: dict[str, Node]) -> None:
    words = ("now()", "current_date", "current_timestamp", "invocation_id", "run_started_at", "random(")
    for node in models.values():
        assert not any(word in node["raw_code"].lower() for word in words), node["name"]


def test_every_mart_says_which_question_it_answers(models: dict[str, Node]) -> None:
    keys = ("title_vi", "question_en", "question_vi")
    silent = [n["name"] for n in published(models) if not all(n["config"]["meta"].get(a) for a in keys)]
    assert silent == [], "give them config.meta title_vi, question_en, question_vi"


def test_the_handbook_of_the_marts_is_what_the_project_says(manifest: Node) -> None:
    handbook = PROJECT.parent / "docs" / "marts.md"
    assert handbook.read_text(encoding="utf-8") == render_marts_doc(manifest, PROJECT), "run `thongsuot docs`"


def catalogued(models: dict[str, Node]) -> set[tuple[str, str]]:
    marts = [n for n in models.values() if n["schema"] == "marts"]
    return {(node["alias"], column) for node in marts for column, _ in list_metric_columns(node)}


def test_the_metrics_of_the_columns_are_those_of_the_seed(models: dict[str, Node]) -> None:
    with (PROJECT / "seeds" / "metrics.csv").open(encoding="utf-8", newline="") as stream:
        explained = [row["metric"] for row in csv.DictReader(stream)]
    assert len(explained) == len(set(explained))
    assert {metric for node in models.values() for _, metric in list_metric_columns(node)} == set(explained)


def test_every_rate_share_rank_and_measure_of_time_is_in_the_catalogue(models: dict[str, Node]) -> None:
    """Known by their names; movements, and what stood before, are explained by what moved."""
    measures = {"rate", "share", "percent", "rank", "points", "additional", "median", "p90", "overdue"}
    explained = {"change", "movement", "previous", "reason", "decision", "captured"}
    numbers = {
        (node["alias"], name)
        for node in models.values()
        if node["schema"] == "marts"
        for name, column in node["columns"].items()
        if column["data_type"] not in ("varchar", "timestamp", "date")
        and (measures & set(name.split("_")) or name == "gap_to_target")
        and not explained & set(name.split("_"))
    }
    assert {word for word in measures if not any(word in name.split("_") for _, name in numbers)} == set()
    assert numbers - catalogued(models) == set(), "give the columns config.meta.metric in the mart's yml"


def test_no_text_that_is_read_points_to_a_document_the_reader_does_not_have() -> None:
    # Working papers are not in the repository: a rule names its official source, or says that it is ours.
    texts = [
        p for p in PROJECT.rglob("*") if p.suffix in (".sql", ".yml", ".csv") and "target" not in p.parts
    ]
    texts += (PROJECT.parent / "docs").glob("*.md")
    texts += [p for p in (PROJECT.parent / "pipelines").rglob("*") if p.suffix in (".py", ".sql", ".j2")]
    elsewhere = re.compile(r"\b(DOMAIN|DESIGN|PLATFORM)\b")
    assert [p.name for p in texts if elsewhere.search(p.read_text(encoding="utf-8"))] == []


def test_a_target_is_refused_for_a_metric_that_no_mart_compares() -> None:
    models = [p.read_text(encoding="utf-8") for p in (PROJECT / "models" / "marts").rglob("*.sql")]
    compared = {
        metric
        for text in models
        if "ref('int_targets')" in text
        for pair in re.findall(r"'(\w+)' as metric\b|targets\.metric = '(\w+)'", text)
        for metric in pair
        if metric
    }
    suite = read_suite(FOLDER / "reference" / "targets" / "suite.json")
    [accepted] = [e.kwargs["value_set"] for e in suite.rows if e.rule == "metric_without_target"]
    with (PROJECT / "seeds" / "metrics.csv").open(encoding="utf-8", newline="") as stream:
        catalogue = {row["metric"] for row in csv.DictReader(stream)}
    assert set(accepted) == compared, "expectations/reference/targets/suite.json"
    assert compared <= catalogue, "seeds/metrics.csv"


def test_no_text_repeats_a_limit_that_the_project_configures(models: dict[str, Node]) -> None:
    columns = [c for n in published(models) for c in n["columns"].values()]
    of_limit = [c for c in columns if c["config"].get("meta", {}).get("metric") == "tasks_due_soon"]
    assert len(of_limit) >= 2
    with (PROJECT / "seeds" / "metrics.csv").open(encoding="utf-8", newline="") as stream:
        [row] = [row for row in csv.DictReader(stream) if row["metric"] == "tasks_due_soon"]
    texts = [*(c["description"] for c in of_limit), *row.values()]
    # The name of the decision that the metric follows has its number.
    texts.remove("Tổ công tác 02-KH/BCĐTW")
    assert [text for text in texts if re.search(r"\d", text)] == [], "name due_soon_days instead"


def test_the_catalogue_warns_of_the_three_rates_that_sound_alike() -> None:
    # The headline of 06/08/2025 calls submission (nộp) handling (xử lý); resolution (giải quyết) is a third.
    with (PROJECT / "seeds" / "metrics.csv").open(encoding="utf-8", newline="") as stream:
        caveats = {row["metric"]: row["caveat_vi"].lower() for row in csv.DictReader(stream)}
    for metric in ("online_submission_rate", "online_resolution_rate"):
        assert all(word in caveats[metric] for word in ("nộp", "xử lý", "giải quyết")), metric


def test_what_stands_for_all_units_has_one_home_and_is_that_of_the_canon() -> None:
    whole = read_canon().whole
    macro = (PROJECT / "macros" / "whole.sql").read_text(encoding="utf-8")
    assert f"'{whole.code}'" in macro and whole.code == whole.level
    literals = [p.name for p in PROJECT.rglob("*.sql") if f"'{whole.code}'" in p.read_text(encoding="utf-8")]
    assert [name for name in literals if name != "whole.sql"] == [], "write {{ whole() }}"


def test_no_model_is_incremental(models: dict[str, Node]) -> None:
    # What is derived in part is so by meta.rebuild, which needs no second branch in any SQL.
    assert {n["config"]["materialized"] for n in models.values()} <= {"view", "table"}
