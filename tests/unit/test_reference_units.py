"""The committed reference seed against the reorganisation's known facts (docs/domain.md §1, §6)."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pandas as pd
import pytest

REFERENCE = Path(__file__).resolve().parents[2] / "reference"


def _seed(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / f"{name}.csv", dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def units() -> pd.DataFrame:
    return _seed("units")


@pytest.fixture(scope="module")
def new(units: pd.DataFrame) -> pd.DataFrame:
    return units[(units["unit_level"] == "commune") & (units["is_current"] == "true")].set_index("unit_code")


@pytest.fixture(scope="module")
def old(units: pd.DataFrame) -> pd.DataFrame:
    return units[units["is_current"] == "false"].set_index("unit_code")


def test_130_new_units_are_119_communes_and_11_wards(new: pd.DataFrame) -> None:
    assert new["unit_type"].value_counts().to_dict() == {"xã": 119, "phường": 11}
    assert set(new["valid_from"]) == {"2025-07-01"} and set(new["valid_to"]) == {""}


def test_412_old_units_of_20_districts_end_at_the_merger(old: pd.DataFrame) -> None:
    assert len(old) == 412 and old["district_name"].nunique() == 20
    assert set(old["valid_to"]) == {"2025-07-01"}


def test_no_old_unit_is_split(new: pd.DataFrame, old: pd.DataFrame) -> None:
    mapping = _seed("unit_mapping")
    assert len(mapping) == mapping["old_unit_code"].nunique() == 412
    assert set(mapping["old_unit_code"]) == set(old.index)
    assert set(mapping["new_unit_code"]) == set(new.index)
    assert (mapping["old_unit_name"].to_numpy() == old.loc[mapping["old_unit_code"], "unit_name"]).all()
    assert (mapping["new_unit_name"].to_numpy() == new.loc[mapping["new_unit_code"], "unit_name"]).all()


def test_every_new_code_is_an_old_code_most_under_another_name(new: pd.DataFrame, old: pd.DataFrame) -> None:
    """84 of 130 change their full name; 78 the name without its type (docs/domain.md §6 counts 79)."""
    assert new.index.isin(old.index).all()
    before, after = old.loc[new.index, "unit_name"], new["unit_name"]
    kind = r"^(Xã|Phường|Thị trấn) "
    assert (before != after).sum() == 84
    assert (before.str.replace(kind, "", regex=True) != after.str.replace(kind, "", regex=True)).sum() == 78


@pytest.mark.parametrize(
    ("old_name", "district", "new_name"),
    [
        ("Phường Quang Trung", "Thành phố Vinh", "Phường Thành Vinh"),
        ("Xã Tam Hợp", "Huyện Tương Dương", "Xã Tam Thái"),
        ("Xã Tam Hợp", "Huyện Quỳ Hợp", "Xã Tam Hợp"),
        ("Thị trấn Nam Đàn", "Huyện Nam Đàn", "Xã Vạn An"),
    ],
)
def test_known_successors(old_name: str, district: str, new_name: str) -> None:
    mapping = _seed("unit_mapping")
    matches = mapping[(mapping["old_unit_name"] == old_name) & (mapping["old_district_name"] == district)]
    assert matches["new_unit_name"].tolist() == [new_name]


def test_ten_old_names_need_their_district(old: pd.DataFrame) -> None:
    counts = old["unit_name"].value_counts()
    assert (counts > 1).sum() == 10
    assert not old.reset_index().duplicated(["unit_name", "district_name"]).any()


def test_the_codes_another_package_has_wrong(new: pd.DataFrame) -> None:
    assert new.loc["17011", "unit_name"].endswith("Tây Hiếu")
    assert new.loc["17170", "unit_name"] == "Xã Quỳnh Sơn"


def test_names_are_composed_unicode_and_keys_are_unique(units: pd.DataFrame) -> None:
    for column in ("unit_name", "unit_type", "district_name"):
        assert all(unicodedata.is_normalized("NFC", name) for name in units[column])
    assert not units.duplicated(["unit_code", "valid_from"]).any()
    assert not units[units["is_current"] == "true"].duplicated("unit_code").any()


def test_departments_own_the_procedures(units: pd.DataFrame) -> None:
    departments = units[units["unit_level"] == "department"]
    procedures = _seed("procedures")
    assert len(departments) >= 19
    assert set(procedures["agency_code"]) <= set(departments["unit_code"])


def test_2156_procedures_with_codes_of_the_national_shape() -> None:
    """K5; codes as `1.012790`."""
    procedures = _seed("procedures")
    assert len(procedures) == procedures["procedure_code"].nunique() == 2_156
    assert procedures["procedure_code"].str.fullmatch(r"1\.\d{6}").all()
    assert set(procedures["service_level"]) == {"full", "partial", "information"}
    assert (procedures["processing_days"].astype(int) >= 1).all()
    assert procedures.groupby("sector_code")["sector_name"].nunique().max() == 1


def test_every_category_of_issue_has_somebody_who_must_act() -> None:
    assignments = _seed("assignments")
    anywhere = assignments[(assignments["sector_code"] == "*") & (assignments["unit_code"] == "*")]
    assert set(anywhere["category"]) == {
        "facilities", "equipment", "staffing", "staff_expertise", "it_skills", "shared_software", "network",
        "citizen_access", "land", "civil_status", "result_handover", "other",
    }  # fmt: skip


def test_the_cut_offs_of_the_published_reports() -> None:
    cutoffs = _seed("reporting_cutoffs")
    assert cutoffs["cutoff_at"].tolist() == ["2025-07-22 16:00:00", "2025-08-06 16:00:00"]
    assert set(cutoffs["period_start"]) == {"2025-07-01 00:00:00"}


def test_the_swap_the_holiday_library_does_not_know() -> None:
    """02/01/2026 off, worked on Saturday 10/01/2026 (docs/domain.md §7)."""
    days = _seed("working_day_overrides").set_index("date")["is_working_day"].to_dict()
    assert days == {"2026-01-02": "false", "2026-01-10": "true"}


def test_the_seed_is_what_the_script_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the package it is generated from, where that is installed (development only)."""
    import importlib.util

    path = REFERENCE.parent / "scripts" / "build_reference.py"
    spec = importlib.util.spec_from_file_location("build_reference", path)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "OUT", tmp_path)
    script.main()
    for written in sorted(tmp_path.glob("*.csv")):
        assert written.read_bytes() == (REFERENCE / written.name).read_bytes(), written.name
    assert len(list(tmp_path.glob("*.csv"))) == 6


def test_every_commune_of_today_has_its_place_within_the_province(
    new: pd.DataFrame, units: pd.DataFrame
) -> None:
    """Nghệ An lies between 18°33′ and 20°01′ N, 103°52′ and 105°48′ E."""
    latitude, longitude = new["latitude"].astype(float), new["longitude"].astype(float)
    assert latitude.between(18.5, 20.02).all() and longitude.between(103.8, 105.9).all()
    assert len(new[["latitude", "longitude"]].drop_duplicates()) == 130
    # Phường Thành Vinh is a part of the city of Vinh (18°40′ N, 105°40′ E); Mường Xén lies at the border, far west.
    assert abs(latitude["16681"] - 18.67) < 0.05 and abs(longitude["16681"] - 105.67) < 0.05
    assert longitude[new["unit_name"] == "Xã Mường Xén"].item() < 104.3
    assert set(units.loc[units["unit_level"] == "department", "latitude"]) == {""}
