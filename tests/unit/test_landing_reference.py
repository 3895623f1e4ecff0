"""When a reference table is landed again: its file changed, or a key that decides how the file is read."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.landing.reference import hash_mapping
from pipelines.sources.contracts.column import Column
from pipelines.sources.contracts.contract import ReferenceTable, Source

UNITS = ReferenceTable(
    name="units",
    path="units.csv",
    columns=(Column(name="unit_code", raw="Mã"), Column(name="valid_from", raw="Từ ngày", type="date")),
)


def hash_units(**keys: Any) -> str:
    return hash_mapping(UNITS.model_copy(update=keys).as_source())


@pytest.mark.parametrize(
    "keys",
    [
        {"date_formats": ("%m/%d/%Y",)},
        {"null_values": ("", "-")},
        {"delimiter": ";"},
        {"encoding": "cp1258"},
        {"header_marker": "TT"},
        {"columns": (Column(name="unit_code", raw="Mã đơn vị"), UNITS.columns[1])},
        {"columns": (Column(name="unit_code", raw="Mã", value_map={"1": "2"}), UNITS.columns[1])},
    ],
)
def test_a_key_that_decides_how_the_file_is_read_lands_it_again(keys: dict[str, Any]) -> None:
    assert hash_units(**keys) != hash_units()


@pytest.mark.parametrize(
    "keys",
    [
        {"title_vi": "Đơn vị"},
        {"description": "Units."},
        {"path": "elsewhere/units.csv"},
        {"columns": (Column(name="unit_code", raw="Mã", title_vi="Mã", description="x"), UNITS.columns[1])},
    ],
)
def test_a_text_for_people_or_another_folder_does_not(keys: dict[str, Any]) -> None:
    assert hash_units(**keys) == hash_units()


def test_a_key_that_the_project_adds_lands_nothing_anew() -> None:
    class WiderColumn(Column):
        added: bool = True

    class WiderSource(Source):
        added: str = "as before"

    source = UNITS.as_source()
    columns = tuple(WiderColumn(**column.model_dump()) for column in source.columns)
    wider = WiderSource(**source.model_dump(exclude_unset=True) | {"columns": columns})
    assert wider.added and hash_mapping(wider) == hash_mapping(source)
