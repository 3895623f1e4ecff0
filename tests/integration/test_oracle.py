"""Provinces made up with every kind of dirt: the project's SQL and the naive pandas of tests/oracle agree.

Each example runs every compiled model on a fresh set of raw tables; what fails is shrunk to a few rows.
"""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from tests.oracle import dossiers, handling, rates, sources
from tests.oracle.compare import differences
from tests.oracle.compiled import CompiledProject
from tests.oracle.made_up import MadeUp, parameters, province

pytestmark = pytest.mark.slow
REFERENCE = (
    "units",
    "unit_mapping",
    "procedures",
    "reporting_cutoffs",
    "working_day_overrides",
    "assignments",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> CompiledProject:
    compiled = CompiledProject(tmp_path_factory.mktemp("compiled"))
    compiled.lay_out({name: sources.reference(name) for name in REFERENCE})
    return compiled


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=province())
def test_dossier_marts_agree_on_any_province(project: CompiledProject, made: MadeUp) -> None:
    project.build({"run_parameters": parameters(made), **made.tables})
    place = sources.place(made.as_of, made.since, stopped_is_end=made.stopped_is_end)
    known = dossiers.states(sources.typed(made.tables["dossier_log"], "dossier_log"), place)
    check = Checker(project)
    check("dossier_register", dossiers.register(known, place), ["dossier_code"])
    check(
        "submission_by_channel_daily", dossiers.channel_daily(known, place),
        ["received_day", "receiving_unit_code", "processing_unit_code", "sector_code", "service_level", "channel"],
    )  # fmt: skip
    check(
        "online_submission_rate", rates.submission_rate(known, place, sources.cutoffs()),
        ["as_of_day", "unit_code", "period"], "denominator > 0",
    )  # fmt: skip
    check("dossier_timeliness", handling.dossier_timeliness(known, place),
          ["as_of_day", "period", "unit_code", "sector_code"])  # fmt: skip
    check("online_resolution_rate", handling.resolution(known, place),
          ["as_of_day", "period", "unit_code", "sector_code"])  # fmt: skip
    check("report_ii06a", handling.form_ii06a(known, place), ["month", "unit_code", "sector_code"],
          "received_total > 0")  # fmt: skip
    check.all_agree()


class Checker:
    """Compares marts with their count; says all that differs at once."""

    def __init__(self, project: CompiledProject) -> None:
        self.project, self.found = project, []

    def __call__(self, mart: str, counted: pd.DataFrame, key: list[str], where: str = "true") -> None:
        self.found += [f"{mart} {line}" for line in differences(self.project.mart(mart, where), counted, key)]

    def all_agree(self) -> None:
        assert not self.found, "\n".join(self.found)
