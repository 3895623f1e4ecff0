"""A delivery that shrinks: empty, cut, or without what was there. It is refused, held, or said; never silent."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.counting import NothingLanded
from tests.cases.support import copy_case, land_and_validate, prepare_build

FIRST, SECOND, THIRD = "2025-08-05", "2025-08-06", "2025-08-07"


@pytest.fixture
def case(tmp_path: Path) -> Settings:
    return copy_case("header_only_export", tmp_path)


def export(settings: Settings, day: str, kind: str = "export") -> Path:
    return settings.data / "in" / f"{kind}_{day}.csv"


def test_a_header_without_rows_does_not_replace_what_was_known(case: Settings) -> None:
    land_and_validate(case, FIRST)
    assert prepare_build(case) == datetime(2025, 8, 5, 23, 59, 59)
    reports = land_and_validate(case, SECOND)
    sources = load_contracts(case.sources_file).sources
    for source in ("dossier_log", "issue_register"):
        message = reports[source, SECOND].describe_block(sources[source])
        assert reports[source, SECOND].blocked
        assert message.startswith(f"{source} {SECOND}: batch ") and "is still served" in message
        assert "0 rows, where " in message and "may_be_empty" in message
    assert "0 rows, where 40 were known" in message
    with pytest.raises(NothingLanded, match="0 rows, where"):
        prepare_build(case)


def test_the_next_whole_delivery_heals_an_empty_one(case: Settings) -> None:
    for kind in ("export", "issues"):
        export(case, THIRD, kind).write_bytes(export(case, FIRST, kind).read_bytes())
    land_and_validate(case, f"{FIRST}..{THIRD}")
    assert prepare_build(case) == datetime(2025, 8, 7, 23, 59, 59)


def test_a_source_that_may_be_empty_says_so(case: Settings) -> None:
    text = case.sources_file.read_text(encoding="utf-8")
    text = text.replace("    connector: files\n", "    connector: files\n    may_be_empty: true\n")
    case.sources_file.write_text(text, encoding="utf-8")
    reports = land_and_validate(case, f"{FIRST}..{SECOND}")
    assert not any(report.blocked for report in reports.values())
    assert prepare_build(case) == datetime(2025, 8, 6, 23, 59, 59)


def test_an_empty_first_delivery_replaces_nothing_and_is_no_moment(case: Settings) -> None:
    reports = land_and_validate(case, SECOND)
    assert not any(report.blocked for report in reports.values())
    with pytest.raises(NothingLanded, match="No accepted batch with rows of dossier_log"):
        prepare_build(case)
