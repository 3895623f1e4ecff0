"""Provinces made up with every kind of dirt: the project's SQL and the naive pandas of tests/oracle agree.

Each sample runs every compiled model on a fresh set of raw tables; what fails is shrunk to a few rows.
"""

from __future__ import annotations

import pytest
from hypothesis import given

from pipelines.settings import Settings
from tests.oracle import agree, sources
from tests.oracle.made_up import Sample, parameters, province
from tests.oracle.memory_warehouse import MemoryWarehouse
from tests.support.boundaries import EXTENT
from tests.support.examples import bounded

pytestmark = pytest.mark.slow
REFERENCE = (
    "units",
    "unit_mapping",
    "procedures",
    "reporting_cutoffs",
    "working_day_overrides",
)


@pytest.fixture(scope="module")
def project(compiled: Settings) -> MemoryWarehouse:
    project = MemoryWarehouse(compiled)
    project.lay_out({name: sources.reference(name) for name in REFERENCE})
    return project


@EXTENT
def test_the_marts_agree_on_any_province(project: MemoryWarehouse, every: bool) -> None:
    @bounded(every, 6, 40)
    @given(sample=province())
    def check(sample: Sample) -> None:
        project.build({"run_parameters": parameters(sample), **sample.tables})
        place = sources.describe_place(sample.as_of, sample.since, stopped_is_end=sample.stopped_is_end)
        differences = agree.all_marts(project.mart, sample.tables, place)
        assert not differences, "\n".join(differences)

    check()
