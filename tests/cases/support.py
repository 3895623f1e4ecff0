"""A case in this process: its small installation copied, its days landed and validated, the build's inputs written."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from pipelines.night import Night, land_source, land_tables, validate_source
from pipelines.quality.reports import Report
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.build import prepare_warehouse
from tests.nights import read_days

CASES = Path(__file__).parent


def copy_case(name: str, folder: Path) -> Settings:
    """The installation of a case: its sources.yaml, and its folder `place` as THONGSUOT_DATA."""
    shutil.copytree(CASES / name, folder / name)
    return Settings(data=folder / name / "place", sources_file=folder / name / "sources.yaml")


def land_and_validate(settings: Settings, word: str) -> dict[tuple[str, str], Report]:
    """(source, partition) → report of every day of `word` (as in tests/nights.py) that a source provides."""
    contracts = load_contracts(settings.sources_file)
    night = Night(settings, contracts, run_id="case", days=read_days(word), only_missing=False)
    land_tables(night)
    reports = []
    for source in contracts.sources.values():
        land_source(night, source)
        reports += validate_source(night, source)
    return {(report.source, report.partition): report for report in reports}


def prepare_build(settings: Settings) -> datetime:
    """What `as_of` the next build would answer for; NothingLanded where it is refused."""
    return prepare_warehouse(settings, load_contracts(settings.sources_file))
