"""Open data: only what a mart opened, nothing small, nothing that runs as a formula, the same bytes twice."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pytest
from frictionless import Package

from pipelines.exports.open_data import export as open_data
from pipelines.exports.open_data.tables import OpenDataError
from pipelines.settings import Settings
from tests.unit.sample_marts import SampleMart, released

# Four units and their total; unit C counts 3, and 3 = 40 − 20 − 10 − 7.
RATE = SampleMart(
    "select * from (values ('A', 20::bigint, 20 / 40), ('B', 10, .25), ('C', 3, .075), ('D', 7, .175), "
    "('all', 40, 1)) as v (unit_code, received, share)",
    ("unit_code",),
    {"counts": ["received"], "lines": [{"over": "unit_code", "total": "all"}]},
    "EN Received by unit. / VI Tiếp nhận theo đơn vị.",
    {"received": "EN Received. / VI Tiếp nhận."},
)
NAMES = SampleMart(
    "select * from (values ('a', '=1+1'), ('b', '+84'), ('c', '-x'), ('d', '@cmd'), ('e', 'Tỷ lệ = 5')) "
    "as v (code, name)",
    ("code",),
    {"counts": []},
)
REGISTER = SampleMart("select 'HS-1' as dossier_code, 1::bigint as n", ("dossier_code",))
MARTS = {"marts.rate": RATE, "marts.names": NAMES, "marts.dossier_register": REGISTER}


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def package(settings: Settings) -> Path:
    released(settings, MARTS)
    return Path(open_data.write_open_data(settings).path)


def test_a_mart_that_did_not_opt_in_is_nowhere(package: Path) -> None:
    assert {path.stem for path in package.glob("*.csv")} == {"rate", "names"}
    assert not any(b"HS-1" in path.read_bytes() for path in package.iterdir())


def test_a_small_count_and_the_row_that_would_give_it_away_are_withheld(package: Path) -> None:
    by_unit = {row["unit_code"]: row for row in rows(package, "rate")}
    assert [code for code, row in by_unit.items() if row["is_withheld"] == "true"] == ["C", "D"]
    assert by_unit["C"]["received"] == by_unit["C"]["share"] == by_unit["D"]["received"] == ""
    assert by_unit["A"]["received"] == "20" and by_unit["all"]["received"] == "40"


def test_a_text_that_would_run_as_a_formula_is_made_text(package: Path) -> None:
    assert [row["name"] for row in rows(package, "names")] == ["'=1+1", "'+84", "'-x", "'@cmd", "Tỷ lệ = 5"]
    assert (package / "names.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_the_package_validates_against_its_own_description(package: Path) -> None:
    described = Package(str(package / "datapackage.json"))
    assert described.version == "1" and described.licenses[0]["name"] == "CC-BY-4.0"
    tabular = [resource for resource in described.resources if resource.format == "csv"]
    assert {resource.name for resource in tabular} == {"rate", "names"}
    for resource in tabular:
        checked = resource.validate()
        assert checked.valid, checked.flatten(["rowNumber", "fieldName", "note"])


def test_every_file_has_its_checksum_in_three_places(package: Path) -> None:
    sums = dict(reversed(line.split("  ")) for line in (package / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {path.name for path in package.iterdir()} - {"SHA256SUMS"}
    for name, checksum in sums.items():
        assert hashlib.sha256((package / name).read_bytes()).hexdigest() == checksum
    dcat = json.loads((package / "catalog.jsonld").read_text(encoding="utf-8"))
    distributions = [d for dataset in dcat["dcat:dataset"] for d in dataset["dcat:distribution"]]
    files = {f"{name}.{kind}" for name in ("rate", "names") for kind in ("csv", "parquet")}
    assert {d["dct:title"] for d in distributions} == files
    assert all(d["spdx:checksum"]["spdx:checksumValue"] == sums[d["dct:title"]] for d in distributions)


def test_a_package_is_written_once_and_the_same_release_gives_the_same_bytes(
    settings: Settings, package: Path
) -> None:
    before = (package / "SHA256SUMS").read_text()
    assert not open_data.write_open_data(settings).rewritten
    (package / "SHA256SUMS").unlink()  # as after a kill half way
    assert open_data.write_open_data(settings).rewritten
    assert (package / "SHA256SUMS").read_text() == before


def test_latest_points_to_the_newest_release_and_the_older_stays(settings: Settings, package: Path) -> None:
    released(settings, {**MARTS, "marts.names": NAMES._replace(query=NAMES.query + " where code <> 'e'")})
    second = Path(open_data.write_open_data(settings).path)
    assert (second.parent / "latest").resolve() == second and second.name == "2"
    assert len(rows(package, "names")) == 5 and len(rows(second, "names")) == 4


def test_a_count_that_nobody_declared_stops_the_export(settings: Settings) -> None:
    grown = RATE._replace(query=RATE.query.replace("select *", "select *, 2::bigint as withdrawn"))
    released(settings, {"marts.rate": grown})
    with pytest.raises(OpenDataError, match=r"marts\.rate counts in withdrawn"):
        open_data.write_open_data(settings)
    assert not list(open_data.open_data_folder(settings).glob("[0-9]*"))


def test_issues_are_told_in_the_names_of_open311(settings: Settings) -> None:
    issue = SampleMart(
        "select 'VM-1' as issue_code, true as is_open, 'Mới' as status_name_vi, 'network' as category, "
        "'Đường truyền' as category_name_vi, 'commune' as addressed_to_level, timestamp '2025-07-01 08:00' "
        "as reported_at, timestamp '2025-07-02 09:30' as last_update_at, null::timestamp as due_at, '16681' "
        "as unit_code, 'Phường Thành Vinh' as unit_name, 'Lãnh đạo' as reported_by_role",
        ("issue_code",),
        {"counts": [], "form": "open311"},
    )
    released(settings, {"marts.issue_backlog": issue})
    package = Path(open_data.write_open_data(settings).path)
    (request,) = json.loads((package / "service_requests.json").read_text(encoding="utf-8"))
    assert request == {
        "service_request_id": "VM-1", "status": "open", "status_notes": "Mới", "service_code": "network",
        "service_name": "Đường truyền", "agency_responsible": "commune",
        "requested_datetime": "2025-07-01T08:00:00+07:00", "updated_datetime": "2025-07-02T09:30:00+07:00",
        "expected_datetime": None, "address_id": "16681", "address": "Phường Thành Vinh",
    }  # fmt: skip


def test_a_form_is_summed_over_units_and_a_small_sector_takes_its_neighbour_along(settings: Settings) -> None:
    # By sector: G 20 + 30 = 50, H 1 + 2 = 3, K 4 + 4 = 8; together 61. Without K the 3 would follow from 61.
    form = SampleMart(
        "select date '2025-07-01' as month, unit_code, 'Đơn vị' as unit_name, sector_code, sector_code || '!' as "
        "sector_name, received::bigint as received from (values ('U', 'G', 20), ('V', 'G', 30), ('U', 'H', 1), "
        "('V', 'H', 2), ('U', 'K', 4), ('V', 'K', 4)) as v (unit_code, sector_code, received)",
        ("month", "unit_code", "sector_code"),
        {
            "form": "report", "summed": ["unit_code"], "counts": ["received"],
            "lines": [{"over": "sector_code", "total": "all"}],
        },
    )  # fmt: skip
    released(settings, {"marts.report_ii06a": form})
    package = Path(open_data.write_open_data(settings).path)
    sums = [(r["sector_code"], r["sector_name"], r["received"]) for r in rows(package, "report_ii06a")]
    assert sums == [("G", "G!", "50"), ("H", "H!", ""), ("K", "K!", ""), ("all", "Tất cả", "61")]
    assert "unit_name" not in rows(package, "report_ii06a")[0]
    assert (package / "report_ii06a.xlsx").exists()
    before = (package / "SHA256SUMS").read_text()
    (package / "SHA256SUMS").unlink()
    open_data.write_open_data(settings)
    assert (package / "SHA256SUMS").read_text() == before


def test_a_package_says_what_changed_since_the_release_before(settings: Settings) -> None:
    released(settings, {"marts.rate": RATE})
    first = Path(open_data.write_open_data(settings).path) / "README.md"
    assert "The first release." in first.read_text(encoding="utf-8")
    other = SampleMart(RATE.query.replace("20::bigint", "21::bigint").replace("40, 1", "41, 1"), *RATE[1:])
    released(settings, {"marts.rate": RATE, "marts.names": NAMES})
    second = Path(open_data.write_open_data(settings).path) / "README.md"
    released(settings, {"marts.rate": other, "marts.names": NAMES})
    third = Path(open_data.write_open_data(settings).path) / "README.md"
    tables = [
        [
            line
            for line in path.read_text(encoding="utf-8").splitlines()
            if line.startswith(("| `rate` | ", "| `names` | "))
        ]
        for path in (second, third)
    ]
    assert tables[0][:2] == ["| `names` | new · mới |", "| `rate` | unchanged · giữ nguyên |"]
    assert tables[1][:2] == ["| `names` | unchanged · giữ nguyên |", "| `rate` | changed · có thay đổi |"]


def test_the_dictionary_names_every_column_in_both_languages(package: Path) -> None:
    text = (package / "DICTIONARY.md").read_text(encoding="utf-8")
    assert "| `received` | bigint | Tiếp nhận. | Received. |" in text
    for name in ("rate", "names"):
        assert all(f"| `{column}` |" in text for column in rows(package, name)[0])
