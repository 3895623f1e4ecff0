"""sources.yaml is read strictly: what is wrong is named by file, key and nearest valid name."""

from __future__ import annotations

import copy
import json
import unicodedata
from pathlib import Path

import jsonschema
import pytest
import yaml
from sqlalchemy.engine import make_url

from pipelines.settings import PROJECT
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import ContractError, Contracts, Source, load_contracts
from pipelines.sources.contracts.schema import SCHEMA, render_schema
from pipelines.sources.files.formats import FORMATS
from pipelines.sources.mapping import HeaderMatch, match_headers

SMALL = {
    "place": {"code": "40", "name": "Nghệ An", "counts_since": "2025-07-01"},
    "first_day": "2025-07-01",
    "sources": {
        "dossier_log": {
            "connector": "database",
            "partitioning": "change_day",
            "url": "sqlite:///{data}/x.sqlite",
            "table": "cases",
            "cursor": "changed",
            "datetime_formats": ["%Y-%m-%d %H:%M:%S"],
            "max_rejected_share": 0.02,
            "columns": {
                "dossier_code": "id",
                "recorded_at": "at",
                "status_code": "state",
                "channel": {"raw": "ch", "value_map": {"1": "online"}, "default": "in_person"},
            },
            "personal": {"name": "name"},
        }
    },
    "reference": {"units": {"path": "{project}/reference/units.csv"}},
}


def written(tmp_path: Path, **changes: object) -> Path:
    """A small sources.yaml; `sources__dossier_log__connector="x"` changes one key, None removes it."""
    content = copy.deepcopy(SMALL)
    for where, value in changes.items():
        *steps, last = where.split("__")
        at: dict = content
        for step in steps:
            at = at[step]
        at.pop(last, None)
        if value is not None:
            at[last] = value
    path = tmp_path / "sources.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def refused(path: Path) -> str:
    with pytest.raises(ContractError) as error:
        load_contracts(path)
    assert error.value.__cause__ is None
    return str(error.value)


@pytest.fixture(scope="module")
def demo() -> Contracts:
    return load_contracts(PROJECT / "sources.yaml")


@pytest.mark.parametrize("code", ["40\n999\nAAAA", "4 0", "a+b", "", "../40"])
def test_a_code_of_the_place_is_a_word(tmp_path: Path, code: str) -> None:
    """It is part of what the key of the releases signs."""
    assert "code" in refused(written(tmp_path, place__code=code))


def test_a_key_that_is_a_list_and_aliases_that_stand_for_too_much_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("? [a, b]\n: 1\n? [a, b]\n: 2\n")
    assert "not valid YAML" in refused(path)
    bomb = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    path.write_text(f"a0: &a0 [x]\n{bomb}sources: {{}}\n")
    assert refused(path) == "sources.yaml: it is not read: its aliases stand for more than 100,000 values"
    path.write_text("sources: &a {x: *a}\n")
    assert "sources.yaml" in refused(path)


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


def test_a_missing_file_says_how_to_name_another(tmp_path: Path) -> None:
    message = refused(tmp_path / "nowhere.yaml")
    assert "nowhere.yaml" in message and "THONGSUOT_SOURCES" in message


def test_a_misspelt_key_of_a_source_names_the_nearest(tmp_path: Path) -> None:
    message = refused(written(tmp_path, sources__dossier_log__datetime_format=["%Y"]))
    assert message == (
        "sources.yaml, line 22: `sources.dossier_log.datetime_format` is not a known key; "
        "did you mean `datetime_formats`?"
    )


def test_a_misspelt_key_of_a_column_names_column_and_nearest(tmp_path: Path) -> None:
    message = refused(written(tmp_path, sources__dossier_log__columns__channel={"raw": "ch", "valuemap": {}}))
    assert (
        "`sources.dossier_log.columns.channel.valuemap` is not a known key; did you mean `value_map`?"
        in message
    )


def test_a_misspelt_key_at_the_top_names_the_nearest(tmp_path: Path) -> None:
    assert "`is_dmo` is not a known key; did you mean `is_demo`?" in refused(written(tmp_path, is_dmo=True))


def test_a_column_is_of_one_type_in_every_place(tmp_path: Path) -> None:
    message = refused(written(tmp_path, sources__dossier_log__columns__channel={"type": "datetime"}))
    assert message == "sources.yaml, line 13: `channel` is text in every place; leave it out."


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("dosier_log", "; did you mean `dossier_log`?"),
        ("weather", f"; they are {', '.join(read_canon().sources)}"),
    ],
)
def test_a_source_that_the_canon_does_not_have_is_refused_with_its_line(
    tmp_path: Path, name: str, hint: str
) -> None:
    own = {
        "title_vi": "Khác", "connector": "files", "path": "x.csv", "format": "csv", "grain": "row",
        "key": ["code"], "partitioning": "whole_table", "suite": "x.json", "columns": {"code": "Mã"},
    }  # fmt: skip
    path = written(tmp_path, **{f"sources__{name}": own})
    line = path.read_text(encoding="utf-8").splitlines().index(f"  {name}:") + 1
    assert f"sources.yaml, line {line}: `{name}` is none of the canonical sources{hint}" in refused(path)


def test_a_key_said_twice_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("first_day: 2025-07-01\nsources: {}\nreference: {}\nsources: {}\n", encoding="utf-8")
    assert refused(path) == "sources.yaml, line 4: `sources` stands there twice"


def test_broken_yaml_names_the_line_and_never_repeats_it(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("sources:\n  log:\n    url: [postgresql://u:geheim@db/x\n", encoding="utf-8")
    message = refused(path)
    assert "line" in message and "geheim" not in message


@pytest.mark.parametrize("key", ["url", "table", "cursor"])
def test_a_database_needs_address_table_and_cursor(tmp_path: Path, key: str) -> None:
    message = refused(written(tmp_path, **{f"sources__dossier_log__{key}": None}))
    assert f"connector database needs `{key}`" in message and "sources.dossier_log" in message


def test_a_key_that_is_no_column_names_the_nearest(tmp_path: Path) -> None:
    message = refused(written(tmp_path, sources__dossier_log__key=["dossier_code", "recorded"]))
    assert "key column `recorded` is not a column; did you mean `recorded_at`?" in message


def test_a_personal_column_cannot_be_pulled_by_mistake(tmp_path: Path) -> None:
    message = refused(written(tmp_path, sources__dossier_log__columns__channel={"raw": "name"}))
    assert "column `channel` would pull `name`, a personal column" in message


@pytest.mark.parametrize(
    ("connector", "keys", "foreign", "owner"),
    [
        ("files", {"path": "x.csv", "format": "csv"}, "params", "http"),
        ("files", {"path": "x.csv", "format": "csv"}, "table", "database"),
        ("database", {"url": "sqlite:///x", "table": "t", "cursor": "c"}, "path", "files"),
        ("http", {"url": "https://example.org", "records": "data"}, "cursor", "database"),
    ],
)
def test_a_key_that_the_connector_never_reads_is_refused_with_its_line_and_owner(
    tmp_path: Path, connector: str, keys: dict[str, str], foreign: str, owner: str
) -> None:
    removed = dict.fromkeys(
        ("sources__dossier_log__url", "sources__dossier_log__table", "sources__dossier_log__cursor")
    )
    added = {f"sources__dossier_log__{key}": value for key, value in keys.items()}
    path = written(
        tmp_path,
        **{
            **removed,
            **added,
            "sources__dossier_log__connector": connector,
            f"sources__dossier_log__{foreign}": "x",
        },
    )
    line = path.read_text(encoding="utf-8").splitlines().index(f"    {foreign}: x") + 1
    assert refused(path) == (
        f"sources.yaml, line {line}: `sources.dossier_log.{foreign}` says nothing to `connector: {connector}`; "
        f"it is a key of {owner}"
    )


def test_times_need_their_formats(tmp_path: Path) -> None:
    message = refused(written(tmp_path, sources__dossier_log__datetime_formats=None))
    assert "timestamp columns need `datetime_formats`" in message


@pytest.mark.parametrize("zone", ["Z", "+07:00", "+0000", "-0500"])
def test_a_zone_as_a_literal_text_of_a_format_is_refused_since_times_would_be_taken_for_local(
    tmp_path: Path, zone: str
) -> None:
    message = refused(written(tmp_path, sources__dossier_log__datetime_formats=[f"%Y-%m-%dT%H:%M:%S{zone}"]))
    assert f"'%Y-%m-%dT%H:%M:%S{zone}' ends with a zone that is only skipped" in message


def test_an_unknown_zone_is_refused_when_loading(tmp_path: Path) -> None:
    message = refused(written(tmp_path, sources__dossier_log__timezone="Asia/Vinh"))
    assert "timezone 'Asia/Vinh' is not known" in message


def test_a_canonical_word_must_fit_its_column_type(tmp_path: Path) -> None:
    column = {"raw": "has", "value_map": {"1": "yes"}}
    message = refused(written(tmp_path, sources__dossier_log__columns__has_e_result=column))
    assert "'yes' is no boolean" in message


def test_codes_may_be_written_without_quotes(tmp_path: Path) -> None:
    path = written(tmp_path, sources__dossier_log__columns__channel={"value_map": {1: "online", 2: "postal"}})
    assert column_of(load_contracts(path).sources["dossier_log"], "channel").value_map == {
        "1": "online",
        "2": "postal",
    }


def test_an_unquoted_yes_is_refused_not_read_as_true(tmp_path: Path) -> None:
    message = refused(
        written(tmp_path, sources__dossier_log__columns__channel={"value_map": {True: "online"}})
    )
    assert "sources.dossier_log.columns.channel" in message and "put it in quotes" in message


def test_words_are_compared_in_nfc_however_the_file_was_typed(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Trực tiếp")
    path = written(tmp_path, sources__dossier_log__columns__channel={"value_map": {decomposed: "in_person"}})
    assert column_of(load_contracts(path).sources["dossier_log"], "channel").value_map == {
        "Trực tiếp": "in_person"
    }


def test_every_fault_is_told_at_once_with_its_line_and_none_repeats_a_value(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(
        """\
place: {code: "40", name: Nghệ An, counts_since: 2025-07-01}
first_day: 2025-07-01
sources:
  dossier_log:
    connector: database
    partitioning: change_day
    ulr: postgresql://reader:geheim@db/one_stop
    tabel: cases
    max_rejected_share: lots
    datetime_formats: ["%Y"]
    drift: {extra_colum: fail}
    columns:
      dosier_code: id
      status_code: {raw: status, value_map: {"open": "11"}}
      channel: {raw: ch, value_map: {"1": onlin}}
      received_at: {raw: in, type: date}
    personal: {name: nmae}
reference:
  units: {path: u.csv, columns: {unit_cod: Mã}}
  unit: {path: u.csv}
""",
        encoding="utf-8",
    )
    message = refused(path)
    assert "geheim" not in message and "reader" not in message
    for expected in (
        "line 4: `sources.dossier_log`: `columns` does not say where `recorded_at` comes from",
        "line 4: `sources.dossier_log`: `columns` does not say where `dossier_code` comes from",
        "line 4: `sources.dossier_log`: connector database needs `url`",
        "line 4: `sources.dossier_log`: connector database needs `cursor`",
        "line 7: `sources.dossier_log.ulr` is not a known key; did you mean `url`?",
        "line 8: `sources.dossier_log.tabel` is not a known key; did you mean `table`?",
        "line 9: `sources.dossier_log.max_rejected_share`: Input should be a valid number",
        "line 11: `sources.dossier_log.drift.extra_colum` is not a known key; did you mean `extra_column`?",
        "line 13: `dosier_code` is no column of dossier_log; did you mean `dossier_code`?",
        "line 14: `sources.dossier_log.columns.status_code`: '11' is none of 1, 2, 3",
        "line 15: `sources.dossier_log.columns.channel`: 'onlin' is none of in_person, online, postal; "
        "did you mean `online`?",
        "line 16: `received_at` is timestamp in every place; leave it out.",
        "line 17: `sources.dossier_log.personal.name`: Input should be 'name', 'id_number'",
        "line 19: `unit_cod` is no column of units; did you mean `unit_code`?",
        "line 20: `unit` is none of the reference tables; did you mean `units`?",
    ):
        assert expected in message, f"{expected}\n{message}"


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


@pytest.mark.parametrize(
    ("formats", "is_refused"),
    [
        (["%m/%d/%Y", "%d/%m/%Y"], True),
        (["%d/%m/%Y", "%Y-%m-%d", "%m/%d/%Y"], True),
        (["%d/%m/%Y", "%Y-%m-%d", "%m-%d-%Y", "%d/%m/%y"], False),
    ],
)
def test_formats_that_differ_in_day_and_month_alone_are_refused(
    tmp_path: Path, formats: list[str], is_refused: bool
) -> None:
    path = written(tmp_path, sources__dossier_log__date_formats=formats)
    if is_refused:
        assert "differ in the order of day and month alone" in refused(path)
    else:
        assert load_contracts(path).sources["dossier_log"].date_formats == tuple(formats)


def test_a_known_personal_header_cannot_be_mapped_even_where_it_is_not_declared(tmp_path: Path) -> None:
    message = refused(written(tmp_path, sources__dossier_log__columns__channel={"raw": "Số điện thoại"}))
    assert "column `channel` would pull `Số điện thoại`, a personal column" in message
    message = refused(
        written(tmp_path, sources__dossier_log__columns__channel={"raw": "ch", "aliases": ["ChuHoSo"]})
    )
    assert "column `channel` would pull `ChuHoSo`, a personal column" in message
    message = refused(written(tmp_path, sources__dossier_log__extra_columns={"Ghi chú": "free_text"}))
    assert (
        "`extra_columns` would pull `Ghi chú`, a personal column; name it under `personal` alone" in message
    )


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


def column_of(source: Source, name: str):  # type: ignore[no-untyped-def]
    return next(c for c in source.columns if c.name == name)


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


@pytest.mark.parametrize("name", sorted(read_canon().sources))
def test_any_one_source_is_enough_and_none_is_not(tmp_path: Path, name: str) -> None:
    required = {n: n for n, keys in read_canon().sources[name].columns.items() if keys.get("required")}
    source = {
        "connector": "files",
        "partitioning": "snapshot_day",
        "path": "x",
        "format": "csv",
        "columns": required,
    }
    alone = {name: {**source, "datetime_formats": ["%Y"]}}
    assert list(load_contracts(written(tmp_path, sources=alone)).sources) == [name]
    assert "`sources` is empty; any one of" in refused(written(tmp_path, sources={}))


def test_a_day_that_no_calendar_has_is_a_fault_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("place: {code: '40', name: X}\nfirst_day: 2025-02-30\nsources: {}\n", encoding="utf-8")
    with pytest.raises(ContractError, match=r"sources\.yaml: a day or number in it is none"):
        load_contracts(path)


def test_a_limit_for_a_rule_that_has_none_is_refused(tmp_path: Path) -> None:
    message = refused(written(tmp_path, gate={"delivery_at_row_limit": {"limit": 2}}))
    assert "`delivery_at_row_limit` compares with a list, so it has no `limit`" in message
    load_contracts(
        written(tmp_path, gate={"delivery_at_row_limit": {"severity": "info"}, "rate_moved": {"limit": 1}})
    )
