"""Many places: figures side by side from sound releases alone, each cited; whoever is not there is missing by name."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipelines import duck
from pipelines.cli import main
from pipelines.gate.evaluate import Verdict
from pipelines.lake.catalogue import initialise_lake, open_lake
from pipelines.lake.ledger import list_releases
from pipelines.national.lakes import examine_place
from pipelines.national.marts import MARTS, PACKAGE, READ
from pipelines.national.places import WrongList, read_places
from pipelines.national.publish import NationalResult, find_national, publish_national
from pipelines.releases import holds
from pipelines.releases.errors import PublishError
from pipelines.releases.publish import publish
from pipelines.releases.signed_note import read_private_key
from pipelines.releases.verify import verify_releases
from pipelines.settings import PROJECT, Settings
from pipelines.sql import read_sql
from pipelines.warehouse.compiled import read_compiled
from pipelines.warehouse.sealed_build import seal_build
from tests.support.small_lake import BATCHES

KEYS = {
    "online_submission_rate": "as_of_day, unit_code, period",
    "online_submission_headline": "cutoff_at",
    "digital_service_rate": "as_of_day, unit_code, period, metric",
    "dossier_timeliness": "as_of_day, unit_code, sector_code, period",
    "satisfaction": "month, unit_code, sector_code",
}
# Place → online, received and strictly online on its newest day, that day, and the portal's rank of three.
PLACES = {
    "01": (600, 1000, 500, "2025-08-06", 2),
    "40": (90, 100, 80, "2025-08-06", 1),
    "48": (10, 40, 5, "2025-08-05", 3),
}


def write_release(root: Path, code: str, key: str | None = None, as_of: str | None = None) -> Settings:
    """A place's lake with one release of the five marts that are read, by hand."""
    online, received, strict, day, rank = PLACES[code]
    as_of = as_of or f"{day} 23:59:59"
    sources = root / code / "sources.yaml"
    sources.parent.mkdir(parents=True, exist_ok=True)
    content = yaml.safe_load((PROJECT / "sources.yaml").read_text(encoding="utf-8"))
    content["place"]["code"] = code
    sources.write_text(yaml.safe_dump(content, allow_unicode=True))
    settings = Settings(data=root / code, sources_file=sources, signing_key=key)
    rows = {
        "online_submission_rate": f"""
            select d::date as as_of_day, 'province' as unit_code, p as period, date '2025-07-01' as period_start,
                (case when d = date '{day}' then {online} else {online // 2} end)::bigint as numerator,
                (case when d = date '{day}' then {received} else {received // 2} end)::bigint as denominator,
                (case when d = date '{day}' then {strict} else {strict // 2} end)::bigint as strict_numerator,
                0.8::double as target
            from (values (date '{day}'), (date '{day}' - 1)) as days (d),
                (values ('since_start'), ('year')) as kinds (p)
            union all
            select date '{day}', 'commune', 'since_start', date '2025-07-01', 7, 7, 7, null""",
        "online_submission_headline": f"""
            select timestamp '2025-08-05 16:00:00' as cutoff_at, timestamp '2025-08-05 09:00:00' as rank_captured_at,
                {rank}::integer as national_rank, 3::integer as province_count""",
        "digital_service_rate": f"""
            select date '{day}' as as_of_day, 'province' as unit_code, 'year' as period,
                'digitisation_rate' as metric, 3::bigint as numerator, 4::bigint as denominator""",
        "dossier_timeliness": f"""
            select date '{day}' as as_of_day, 'province' as unit_code, 'all' as sector_code, 'year' as period,
                2::bigint as early, 5::bigint as on_time, 10::bigint as finished""",
        "satisfaction": f"""
            select date '2025-08-01' as month, date '{day}' as as_of_day, 'province' as unit_code, 'all' as sector_code,
                0::bigint as satisfied, 0::bigint as ratings""",
    }  # fmt: skip
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("create schema if not exists raw; create schema if not exists marts")
        con.execute(BATCHES)
        for name, query in rows.items():
            con.execute(f"create or replace table marts.{name} as {query}")
        con.execute(
            f"create or replace table raw.finished_build as select timestamp '{as_of}' as as_of, 1::bigint as "
            "input_batches, 'in' as input_sha256, 'm' as manifest_sha256, 'r' as rules_sha256, 'f' as reference_sha256"
        )
    seal_build(settings)
    nodes = {
        name: {"resource_type": "model", "schema": "marts", "alias": name, "name": name,
               "config": {"meta": {"key": key_columns.split(", ")}}}
        for name, key_columns in KEYS.items()
    }  # fmt: skip
    settings.dbt_target.mkdir(parents=True, exist_ok=True)
    (settings.dbt_target / "manifest.json").write_text(json.dumps({"nodes": nodes}))
    publish(settings, run_id="run", author="test", reason="by hand")
    return settings


def test_what_is_read_of_a_place_are_marts_as_they_are_published(settings: Settings) -> None:
    # The lakes of this module are made by hand: nothing else here knows what a place publishes.
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as lake; create schema lake.marts")
        for mart in read_compiled(settings).statements:
            if mart.schema == "marts":
                columns = ", ".join(
                    f"{duck.identifier(name)} {column.type}" for name, column in mart.columns.items()
                )
                con.execute(f"create table lake.marts.{duck.identifier(mart.name)} ({columns})")
        for name, promised in READ.items():
            rows = con.execute(read_sql(PACKAGE, name, lake="lake", whole="place"))
            assert [column[0] for column in rows.description] == re.findall(r"(\w+) \w+(?:, |$)", promised), (
                name
            )


def write_list(root: Path, codes: tuple[str, ...] = tuple(PLACES), **keys: str) -> Path:
    file = root / "national.yaml"
    places = [{"code": code, "name": f"Tỉnh {code}", "lake": f"{code}/lake"} for code in codes]
    for place in places:
        if key := keys.get(f"k{place['code']}"):
            place["public_key"] = key
    file.write_text(yaml.safe_dump({"places": places}, allow_unicode=True), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("places")
    for code in PLACES:
        write_release(root, code)
    write_list(root)
    return root


def read(settings: Settings, mart: str, columns: str, condition: str = "true") -> list[tuple]:
    """Rows of a national mart, by their first column."""
    query = f"select {columns} from lake.marts.national_{mart} where {condition} order by 1"
    with open_lake(find_national(settings)) as con:
        return con.execute(query).fetchall()


SINCE_START = "period = 'since_start'"


def list_reasons(result: NationalResult) -> dict[str, str]:
    return {state.place.code: state.reason for state in result.places}


def test_the_country_is_the_sum_of_its_places_and_cites_each(lakes: Path, settings: Settings) -> None:
    result = publish_national(settings, lakes / "national.yaml")
    assert list_reasons(result) == {"01": "", "40": "", "48": ""}
    # On the 5th, the newest day that all have: 300 of 500, 45 of 50, 10 of 40.
    columns = "numerator, denominator, rate, strict_numerator, places_present, places_listed, is_complete, as_of_day"
    sums = read(settings, "headline", columns, SINCE_START)
    assert sums == [(355, 590, 355 / 590, 295, 3, 3, True, date(2025, 8, 5))]
    ranks = read(settings, "ranks", "place_code, own_rank, portal_rank, portal_minus_own")
    assert ranks == [("01", 2, 2, 0), ("40", 1, 1, 0), ("48", 3, 3, 0)]
    cited = dict(read(settings, "places", "place_code, release_hash"))
    for code in PLACES:
        with open_lake(Settings(data=lakes / code)) as con:
            assert cited[code] == list_releases(con)[-1].release_hash
    assert {code for (code,) in read(settings, "rates", "distinct place_code")} == {*PLACES}
    assert read(settings, "index", "component, numerator, denominator, rate", "place_code = '40'") == [
        ("digitisation_rate", 3, 4, 0.75), ("on_time_rate", 7, 10, 0.7),
        ("online_submission_rate_strict", 80, 100, 0.8), ("satisfied_share", 0, 0, None),
    ]  # fmt: skip
    assert verify_releases(find_national(settings)).findings == []
    again = publish_national(settings, lakes / "national.yaml")
    assert not again.publication.is_new and "nothing new" in again.publication.why


def test_the_page_names_every_column(lakes: Path, settings: Settings) -> None:
    publish_national(settings, lakes / "national.yaml")
    page = (PROJECT / "docs" / "scaling.md").read_text(encoding="utf-8")
    documented = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `national_")}
    with open_lake(find_national(settings)) as con:
        for mart in MARTS:
            columns = [row[0] for row in con.execute(f"describe lake.marts.{mart.name}").fetchall()]
            missing = {*columns} - {*mart.key} - {*re.findall(r"`(\w+)`", documented[mart.name])}
            assert not missing, mart.name


def copy_lakes(lakes: Path, root: Path) -> Path:
    import shutil

    shutil.copytree(lakes, root, symlinks=True)
    return root


def edit_file(root: Path) -> None:
    file = sorted((root / "40" / "lake" / "files" / "marts").rglob("*.parquet"))[0]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def edit_ledger(root: Path) -> None:
    with open_lake(Settings(data=root / "40"), read_only=False) as con:
        con.execute("begin")
        con.execute("update lake.audit.releases set reason = 'another'")
        con.execute("call lake.set_commit_message('x', 'y')")
        con.execute("commit")


def hold(root: Path) -> None:
    with open_lake(Settings(data=root / "40"), read_only=False) as con:
        initialise_lake(con)
        chain = list_releases(con)
        verdict = Verdict(*[""] * len(Verdict._fields))._replace(
            rule="volume", outcome="held", text_en="halved"
        )
        holds.record_hold(con, chain, replace(chain[-1], marts={}), [verdict])


def take_away(root: Path) -> None:
    (root / "40" / "lake" / "catalog.sqlite").unlink()


def be_no_catalogue(root: Path) -> None:
    (root / "40" / "lake" / "catalog.sqlite").write_bytes(b"no catalogue" * 99)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(edit_ledger, "broken"), (be_no_catalogue, "unreachable"), (hold, "held"), (take_away, "unreachable")],
)
def test_a_place_that_is_not_sound_has_its_reason(
    lakes: Path, settings: Settings, tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    root = copy_lakes(lakes, tmp_path / "spoilt")
    spoil(root)
    [place] = [place for place in read_places(root / "national.yaml").places if place.code == "40"]
    state = examine_place(settings, place)
    assert state.reason == reason and state.detail


def test_a_place_that_is_not_sound_is_missing_by_name(
    lakes: Path, settings: Settings, tmp_path: Path
) -> None:
    root = copy_lakes(lakes, tmp_path / "spoilt")
    edit_file(root)
    result = publish_national(settings, root / "national.yaml")
    assert list_reasons(result) == {"01": "", "40": "broken", "48": ""}
    columns = "numerator, denominator, places_present, is_complete"
    assert read(settings, "headline", columns, SINCE_START) == [(310, 540, 2, False)]
    [(missing, since)] = read(settings, "places", "missing_reason, missing_since", "not is_present")
    assert (missing, since) == ("broken", datetime(2025, 8, 6, 23, 59, 59))
    ranks = read(settings, "ranks", "place_code, own_rank, portal_minus_own")
    assert ranks == [("01", 1, None), ("48", 2, None)]
    # Since the first time, though the moment is a later one.
    publish_national(settings, root / "national.yaml", moment=datetime(2025, 8, 7, 12))
    assert read(settings, "places", "missing_since", "place_code = '40'") == [(since,)]


def test_a_place_that_is_held_is_missing_since_then_and_nothing_of_it_counts(
    lakes: Path, settings: Settings, tmp_path: Path
) -> None:
    """Not its last served release either: those who hold a build have doubts about what comes from there."""
    root = copy_lakes(lakes, tmp_path / "held")
    publish_national(settings, root / "national.yaml")
    with open_lake(Settings(data=root / "40")) as con:
        newest_hash = list_releases(con)[-1].release_hash
    hold(root)
    for hour in (8, 18):  # the second release keeps the moment of the first that missed it
        moment = datetime(2025, 8, 7, hour)
        result = publish_national(settings, root / "national.yaml", moment=moment)
        assert list_reasons(result)["40"] == "held"
    columns = "missing_reason, missing_detail, missing_since, release_id, release_hash"
    [(reason, detail, since, release_id, cited)] = read(settings, "places", columns, "not is_present")
    assert (reason, since) == ("held", datetime(2025, 8, 7, 8))
    assert detail == "hold 1: volume"  # the rule; what it found may name dossiers, which stay where they are
    assert (release_id, cited) == (1, newest_hash)  # what is still served there is named, and not read
    for mart in ("rates", "ranks", "index"):
        assert read(settings, mart, "place_code", "place_code = '40'") == []
    sums = read(settings, "headline", "numerator, denominator, places_present, places_listed", SINCE_START)
    assert sums == [(310, 540, 2, 3)]


def test_a_release_that_lacks_a_table_that_is_read_is_missing_by_name(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version of the product made it: every other place is published all the same."""
    write_release(tmp_path, "48")
    with monkeypatch.context() as patch:
        patch.delitem(KEYS, "satisfaction")
        write_release(tmp_path, "40")
    result = publish_national(settings, write_list(tmp_path, ("40", "48")))
    assert list_reasons(result) == {"40": "broken", "48": ""}
    [(detail,)] = read(settings, "places", "missing_detail", "not is_present")
    assert detail.startswith("release 1 lacks what is read of a place: ") and "satisfaction" in detail
    assert read(settings, "headline", "numerator, places_present", SINCE_START) == [(10, 1)]


def test_a_place_that_lies_behind_is_late(lakes: Path, settings: Settings) -> None:
    moment = datetime(2025, 8, 5, 23, 59, 59) + timedelta(days=2, seconds=1)
    result = publish_national(settings, lakes / "national.yaml", moment=moment)
    assert list_reasons(result) == {"01": "", "40": "", "48": "late"}
    with pytest.raises(PublishError, match="Every place is late"):
        publish_national(settings, lakes / "national.yaml", moment=moment + timedelta(days=9))


def test_a_signature_is_asked_for_where_there_is_a_key(settings: Settings, tmp_path: Path) -> None:
    secret = base64.b64encode(bytes(range(32))).decode()
    public = (
        read_private_key(secret).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "one.pub").write_bytes(public)
    write_release(tmp_path, "01", secret)
    write_release(tmp_path, "40")
    write_release(tmp_path, "48", secret)
    file = write_list(tmp_path, k01="one.pub", k40="one.pub", k48="one.pub")
    result = publish_national(settings, file)
    assert list_reasons(result) == {"01": "", "40": "unsigned", "48": ""}
    assert read(settings, "places", "place_code", "is_signed") == [("01",), ("48",)]
    # The lake of one place under the name of another.
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["places"][2]["code"] = "92"
    file.write_text(yaml.safe_dump(content))
    result = publish_national(settings, file)
    assert list_reasons(result)["92"] == "unsigned"
    assert "signed for thongsuot/48" in next(s.detail for s in result.places if s.place.code == "92")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("places: []", "places"),
        (
            "places: [{code: '1', name: a, lake: x}, {code: '1', name: b, lake: y}]",
            "code 1 stands there twice",
        ),
        ("places: [{code: '1', name: a, lake: x}, {code: '2', name: b, lake: x}]", "stands there twice"),
        ("places: [{code: '1', name: a, lake: x, keys: y}]", "places.0.keys"),
        ("- 1: [", "is no YAML"),
    ],
)
def test_a_list_that_cannot_be_used_is_told(tmp_path: Path, content: str, text: str) -> None:
    file = tmp_path / "national.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(WrongList, match=text):
        read_places(file)


def test_the_command_answers_with_names_and_an_exit_code(
    lakes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THONGSUOT_DATA", str(tmp_path / "data"))
    words = ["national", "--places", str(lakes / "national.yaml")]
    result = CliRunner().invoke(main, words)
    assert (
        result.exit_code == 0 and "✓ Tỉnh 40: release 1" in result.stdout and "3 of 3 places" in result.stdout
    )
    late = CliRunner().invoke(main, [*words, "--as-of", "2025-08-08 00:00:00", "--json"])
    assert late.exit_code == 1
    assert [p["missing_reason"] for p in json.loads(late.stdout)["places"]] == [None, None, "late"]
    nowhere = CliRunner().invoke(main, ["national", "--places", str(tmp_path / "none.yaml")])
    assert nowhere.exit_code == 1 and "none.yaml" in nowhere.stderr
