"""sources.yaml is read strictly: what is wrong is named by file, key and nearest valid name."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import ContractError, load_contracts
from tests.unit.contract_support import column_of, refused, written


def test_a_key_that_is_a_list_and_aliases_that_stand_for_too_much_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("? [a, b]\n: 1\n? [a, b]\n: 2\n")
    assert "not valid YAML" in refused(path)
    bomb = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    path.write_text(f"a0: &a0 [x]\n{bomb}sources: {{}}\n")
    assert refused(path) == "sources.yaml: it is not read: its aliases stand for more than 100,000 values"
    path.write_text("sources: &a {x: *a}\n")
    assert "sources.yaml" in refused(path)


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
