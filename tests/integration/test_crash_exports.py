"""Open data, brief and workbooks killed at every boundary: what is served is whole, and the next run completes it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

import pytest

from pipelines.exports import report_ii06a
from pipelines.exports.registry import EXPORTS
from pipelines.lake.exported import (
    find_edited_files,
    ledger_file,
    list_entries,
    list_newest_entries,
    list_unrecorded_files,
)
from pipelines.night import write_export
from pipelines.settings import Settings
from tests import crashing
from tests.support.boundaries import EXTENT, choose_boundaries
from tests.support.copies import copy_installation
from tests.unit.sample_marts import SampleMart, released

pytestmark = pytest.mark.slow
COUNTS = ", ".join(f"{{n}}::bigint as {name}" for name in report_ii06a.COLUMNS)
# Exports whose every boundary is tried elsewhere: name → test module and test.
ELSEWHERE = {
    "marts_duckdb": (
        "integration/test_crash_release.py",
        "test_an_export_killed_at_any_boundary_leaves_a_whole_file_and_the_next_run_heals",
    ),
    "postgres": (
        "unit/test_export_postgres.py",
        "test_an_export_stopped_before_its_commit_leaves_the_old_release_and_the_next_run_completes_it",
    ),
}
MATRIX = {export.name: export for export in EXPORTS if export.name not in ELSEWHERE}


def night(settings: Settings, number: int) -> None:
    """Release n: every figure of it is 10 × n."""
    form = SampleMart(
        "select date '2025-07-01' as month, timestamp '2025-07-31 23:59:59' as period_end, 'U' as unit_code, "
        "'commune' as unit_level, 'Xã U' as unit_name, 'S' as sector_code, 'Đất đai' as sector_name, "
        + COUNTS.format(n=10 * number),
        ("month", "unit_code", "sector_code"),
    )
    rate = SampleMart(
        f"select 'A' as unit_code, {10 * number}::bigint as received",
        ("unit_code",),
        {"counts": ["received"]},
    )
    units = SampleMart(
        "select 'U' as unit_code, date '2025-07-01' as valid_from, 'Xã U' as unit_name, 'commune' as unit_level, "
        "true as is_current, null::double as latitude, null::double as longitude",
        ("unit_code", "valid_from"),
    )
    scored = (
        "date '2025-08-06' as as_of_day, 'since_start' as period, 'province' as unit_code, 'province' as unit_level, "
        f"'Toàn tỉnh' as unit_name, date '2025-07-01' as period_start, 'total' as component, {number} / 10 as points, "
        f"{number} / 10 as working_points, 20 as maximum, "
    )
    index = SampleMart(
        f"select {scored} 7 as component_order, 'Tổng điểm' as component_name_vi, 'Total' as component_name_en, "
        "20 as covered, 20 as working_covered, null::integer as rank_in_level, null::integer as ranked_in_level",
        ("as_of_day", "period", "unit_code", "component"),
    )
    items = SampleMart(
        f"select {scored} '2.1' as item, 5 as item_order, 'Đúng hạn' as item_name_vi, 'In time' as item_name_en, "
        f"{10 * number}::bigint as numerator, 200::bigint as denominator, 5::bigint as lost, "
        "0::bigint as without_data, "
        "0.5 as rate, 20 as working_maximum, 0.5 as share_of_points, null as missing_reason_vi, "
        "null as missing_reason_en",
        ("as_of_day", "period", "unit_code", "item"),
    )
    released(
        settings,
        {
            "marts.report_ii06a": form, "marts.rate": rate, "marts.dim_unit": units,
            "marts.service_quality_index": index, "marts.service_quality_items": items,
        },
    )  # fmt: skip


def export(settings: Settings, name: str) -> None:
    write_export(settings, MATRIX[name])


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Release 1 exported, release 2 published and not yet exported."""
    settings = Settings(data=tmp_path_factory.mktemp("exports") / "data")
    settings.data.mkdir()
    crashing.ask_in_child(bring_up, settings)
    return settings


def bring_up(settings: Settings) -> None:
    night(settings, 1)
    for name in MATRIX:
        export(settings, name)
    night(settings, 2)


def hash_files(settings: Settings) -> dict[str, str]:
    """Every file a reader may open → the hash of its bytes."""
    hashes = {}
    for folder, _, names in os.walk(settings.exports, followlinks=True):
        for path in (Path(folder) / name for name in names):
            if not path.name.startswith(".") and path.suffix not in (".partial"):
                hashes[str(path.relative_to(settings.exports))] = hashlib.sha256(
                    path.read_bytes()
                ).hexdigest()
    return hashes


def list_strange(settings: Settings) -> dict[str, str]:
    """What `verify` would name."""
    entries = list_entries(settings)
    edited = [find_edited_files(settings, entry) for entry in list_newest_entries(entries).values()]
    return {
        name: what
        for one in [*edited, list_unrecorded_files(settings, entries)]
        for name, what in one.items()
    }


def is_whole(settings: Settings) -> None:
    """The newest package has its checksums; a PDF is of the page beside it."""
    from pypdf import PdfReader

    latest = settings.exports / "open_data" / "latest"
    for line in (latest / "SHA256SUMS").read_text().splitlines():
        checksum, name = line.split("  ")
        assert hashlib.sha256((latest / name).read_bytes()).hexdigest() == checksum
    page, pdf = settings.exports / "brief.html", settings.exports / "brief.pdf"
    for one in (page, *(settings.exports / "brief").glob("*.html")):
        assert one.read_text(encoding="utf-8").rstrip().endswith("</html>")
    if pdf.exists():
        [release] = re.findall(r"bản phát hành số (\d+)", page.read_text(encoding="utf-8"))
        assert f"bản phát hành số {release}" in PdfReader(pdf).pages[0].extract_text()


@EXTENT
@pytest.mark.parametrize("name", MATRIX)
def test_an_export_killed_at_any_boundary_serves_whole_files_and_the_next_run_completes_it(
    second: Settings, tmp_path: Path, name: str, every: bool
) -> None:
    def fresh(folder: str) -> Settings:
        copy_installation(second.data, tmp_path / folder)
        return Settings(data=tmp_path / folder)

    whole = fresh("whole")
    before = hash_files(whole)
    boundaries = crashing.undisturbed(export, whole, name)
    after = hash_files(whole)
    assert after != before and any("rename" in b for b in boundaries)
    for number, boundary in choose_boundaries(boundaries, every):
        spoilt = fresh("spoilt")
        crashing.killed_at(number, export, spoilt, name)
        is_whole(spoilt)
        crashing.ask_in_child(export, spoilt, name)
        assert hash_files(spoilt) == after, boundary
        assert not list(spoilt.exports.rglob(".*")), "what the dead left behind is cleared away"
        assert list_strange(spoilt) == {}, boundary


def test_a_package_that_was_never_recorded_is_set_aside_also_where_a_newer_release_came(
    second: Settings, tmp_path: Path
) -> None:
    copy_installation(second.data, tmp_path / "data")
    settings = Settings(data=tmp_path / "data")
    before = ledger_file(settings).read_bytes()
    crashing.ask_in_child(export, settings, "open_data")
    ledger_file(settings).write_bytes(before)  # killed between the export and its record
    crashing.ask_in_child(night, settings, 3)
    crashing.ask_in_child(export, settings, "open_data")
    assert list_strange(settings) == {}
    assert sorted(path.name for path in (settings.exports / "open_data").iterdir()) == ["1", "3", "latest"]
    assert [path for path in (settings.data / "set_aside").iterdir() if "2-rate.csv" in path.name]


def test_a_package_that_lost_a_file_is_written_again(second: Settings, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(second.data, data, symlinks=True)
    settings = Settings(data=data)
    crashing.ask_in_child(export, settings, "open_data")
    whole = hash_files(settings)
    for lost in ("rate.csv", "datapackage.json"):
        (settings.exports / "open_data" / "2" / lost).unlink()
        crashing.ask_in_child(export, settings, "open_data")
        assert hash_files(settings) == whole and list_strange(settings) == {}
