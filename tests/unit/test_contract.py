"""What a sources.yaml that is right gives: words, columns, addresses, secrets; the demo has every source."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from sqlalchemy.engine import make_url

from pipelines.settings import PROJECT
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import ContractError, Contracts, load_contracts
from pipelines.sources.contracts.schema import SCHEMA, render_schema
from pipelines.sources.files.formats import FORMATS
from pipelines.sources.mapping import HeaderMatch, match_headers
from tests.unit.contract_support import column_of, refused, written


@pytest.fixture(scope="module")
def demo() -> Contracts:
    return load_contracts(PROJECT / "sources.yaml")


@pytest.mark.parametrize("code", ["40\n999\nAAAA", "4 0", "a+b", "", "../40"])
def test_a_code_of_the_place_is_a_word(tmp_path: Path, code: str) -> None:
    """It is part of what the key of the releases signs."""
    assert "code" in refused(written(tmp_path, place__code=code))


def test_the_demo_has_every_source_of_the_canon(demo: Contracts) -> None:
    assert set(demo.sources) == set(read_canon().sources)
    assert demo.sources["dossier_log"].partitioning == "change_day"


def test_every_demo_suite_and_reference_file_is_in_the_repository(demo: Contracts) -> None:
    assert all(source.suite_path.is_file() for source in demo.sources.values())
    tables = [table.as_source() for table in demo.reference.values()]
    assert all(table.resolved_path(PROJECT, "").is_file() for table in tables)


@pytest.mark.parametrize("format", [entry.name for entry in FORMATS])
def test_a_reference_file_is_of_the_format_that_its_suffix_says(demo: Contracts, format: str) -> None:
    # A .tsv was once read as CSV with commas: one column.
    table = demo.reference["units"].model_copy(update={"path": f"units.{format}", "format": None})
    assert table.as_source().format == format


def test_no_personal_column_of_the_domain_is_pulled(demo: Contracts) -> None:
    # docs/domain.md §2, the fields marked "drop" that the one-stop database of the demo has.
    dropped = {
        "ChuHoSo", "NguoiUyQuyen", "SoDinhDanh", "Email", "SoDienThoai", "DiaChi", "NgaySinh",
        "TrichYeuHoSo", "GhiChu", "NguoiXuLy", "ChucDanh",
    }  # fmt: skip
    log = demo.sources["dossier_log"]
    assert set(log.personal) == dropped
    assert not dropped & {c.raw for c in log.columns}


def test_accepted_rows_carry_their_origin_before_the_columns(demo: Contracts) -> None:
    columns = list(demo.sources["national_ranking"].accepted_columns().items())
    assert columns[:4] == [
        ("batch_id", "varchar"),
        ("partition_key", "date"),
        ("_row", "bigint"),
        ("captured_at", "timestamp"),
    ]


def test_free_text_is_what_people_wrote_no_code_key_or_mapped_word(demo: Contracts) -> None:
    assert demo.sources["dossier_log"].free_text_columns() == {"procedure_name", "sector_name"}


def test_a_contract_cannot_be_changed_after_loading(demo: Contracts) -> None:
    with pytest.raises(ValueError, match="frozen"):
        demo.sources["dossier_log"].owner = "someone"  # type: ignore[misc]


def test_a_place_with_a_log_alone_has_the_other_tables_empty(tmp_path: Path) -> None:
    small = load_contracts(written(tmp_path))
    assert small.accepted_columns()["task_tracker"]["due_date"] == "date"
    assert small.reference_columns()["assignments"] == dict.fromkeys(
        ("member_role", "sector_code", "unit_code", "category"), "varchar"
    )


def test_the_canonical_words_are_those_the_marts_know(demo: Contracts) -> None:
    seeds = PROJECT / "dbt_project" / "seeds"
    for source, column, seed in (
        ("dossier_log", "channel", "channels"),
        ("dossier_log", "status_code", "dossier_statuses"),
        ("issue_register", "status", "issue_statuses"),
        ("issue_register", "category", "issue_categories"),
    ):
        with (seeds / f"{seed}.csv").open(encoding="utf-8") as rows:
            words = {row.split(",")[0] for row in list(rows)[1:]}
        assert set(column_of(demo.sources[source], column).words) == words


def test_a_column_that_is_not_named_is_never_read(tmp_path: Path) -> None:
    log = load_contracts(PROJECT / "tests" / "configurations" / "one_stop_export" / "sources.yaml").sources
    assert column_of(log["dossier_log"], "service_level").headers == ()
    assert column_of(log["dossier_log"], "dossier_code").headers[0] == "Số hồ sơ"


def test_a_header_of_the_canon_is_only_suggested_where_the_place_names_its_own(tmp_path: Path) -> None:
    def match(headers: list[str], due: object) -> HeaderMatch:
        path = written(tmp_path, sources__dossier_log__columns__due_at=due)
        return match_headers(load_contracts(path).sources["dossier_log"], headers)

    [usual, *_] = read_canon().sources["dossier_log"].columns["due_at"]["aliases"]
    own = f"{usual} (gia hạn)"
    assert match([usual, own], own).columns["due_at"] == own
    gone = match([usual, "due_at"], own)
    assert "due_at" not in gone.columns and "due_at" in gone.unmatched
    assert match([usual], {"raw": own, "aliases": [usual]}).columns["due_at"] == usual
    assert match([usual], {}).columns["due_at"] == usual


def test_a_milestone_stands_for_a_word_that_the_status_knows(tmp_path: Path) -> None:
    place = PROJECT / "tests" / "configurations" / "one_stop_export" / "sources.yaml"
    text = place.read_text(encoding="utf-8").replace("received_at: Đã tiếp nhận", "received_at: Đã tiêp nhận")
    wrong = tmp_path / "sources.yaml"
    wrong.write_text(text, encoding="utf-8")
    assert "'Đã tiêp nhận' is no word of `columns.status_code`; did you mean `Đã tiếp nhận`?" in refused(
        wrong
    )


def test_the_schema_is_that_of_the_models_and_every_configuration_meets_it() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == render_schema(), "run `thongsuot docs`"
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    files = [PROJECT / "sources.yaml", *(PROJECT / "tests" / "configurations").glob("*/sources.yaml")]
    assert len(files) == 4
    for path in files:
        content = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
        assert [error.message for error in validator.iter_errors(content)] == []
    content["sources"]["dossier_log"]["columns"]["dosier_code"] = "id"
    assert len(list(validator.iter_errors(content))) == 1
    del content["sources"]["dossier_log"]["columns"]["dosier_code"]
    content["sources"]["dossier_log"]["params"] = {"by": "page"}
    assert len(list(validator.iter_errors(content))) == 1


def test_a_secret_comes_from_the_environment_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, sources__dossier_log__url="postgresql://reader:${ONE_STOP_PASSWORD}@db/one_stop")
    source = load_contracts(path).sources["dossier_log"]
    monkeypatch.setenv("ONE_STOP_PASSWORD", "geheim")
    assert source.resolved_url(tmp_path) == "postgresql://reader:geheim@db/one_stop"
    assert "geheim" not in repr(source) and "reader" not in repr(source)
    monkeypatch.setenv("ONE_STOP_PASSWORD", "p@ss/w:rd%41")
    assert make_url(source.resolved_url(tmp_path)).password == "p@ss/w:rd%41"


def test_an_absent_secret_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONE_STOP_PASSWORD", raising=False)
    path = written(tmp_path, sources__dossier_log__url="postgresql://reader:${ONE_STOP_PASSWORD}@db/one_stop")
    with pytest.raises(ContractError, match="dossier_log: the environment has no ONE_STOP_PASSWORD"):
        load_contracts(path).sources["dossier_log"].resolved_url(tmp_path)


def test_relative_paths_begin_at_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the shell's folder is, and whatever signs the folder's own name has."""
    monkeypatch.chdir("/")
    folder = tmp_path / "a [new] place"
    folder.mkdir()
    path = written(
        folder,
        sources__dossier_log__url="sqlite:///db/x.sqlite",
        sources__issue_register={
            "connector": "files",
            "partitioning": "snapshot_day",
            "format": "csv",
            "path": "in/*_{partition}.csv",
            "columns": {"issue_code": "a", "reported_at": "b", "status": "c"},
            "datetime_formats": ["%Y-%m-%d"],
        },
        reference={"units": {"path": "units.csv"}, "targets": {"path": "{here}/../targets.csv"}},
    )
    contracts = load_contracts(path)
    assert contracts.sources["dossier_log"].url == f"sqlite:///{folder}/db/x.sqlite"
    assert contracts.sources["issue_register"].path == f"{tmp_path}/a [[]new] place/in/*_{{partition}}.csv"
    assert contracts.reference["units"].path == f"{folder}/units.csv"
    assert contracts.reference["targets"].path == f"{folder}/../targets.csv"
