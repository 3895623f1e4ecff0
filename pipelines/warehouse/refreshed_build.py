"""The next build out of the one in the warehouse: cost follows what changed since, not what the years hold.

All of it is one transaction: a process that is stopped leaves the build of before, without its seal, and the next
build is a full one. So it is wherever the build of before is not beyond doubt.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from pipelines.log import get_logger
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Contracts
from pipelines.warehouse.basis import check_basis, compare_deliveries, write_basis
from pipelines.warehouse.build import BuildInputs, open_build, read_built_state, write_raw
from pipelines.warehouse.data_tests import open_warehouse, read_project, run_tests
from pipelines.warehouse.dbt import NodeResult
from pipelines.warehouse.engine import describe_duckdb, write_engine
from pipelines.warehouse.narrowing import RefreshRefused
from pipelines.warehouse.refresh import Refresh
from pipelines.warehouse.sample_check import check_sample
from pipelines.warehouse.sealed_build import find_broken_seal

LOG = get_logger(__name__)


class Refreshed(NamedTuple):
    """`touched`: how many keys were derived again; `sampled`: how many were also derived from nothing, and agree."""

    nodes: list[NodeResult]
    touched: int
    sampled: int


def refresh_build(settings: Settings, contracts: Contracts, inputs: BuildInputs) -> Refreshed | str:
    """What was derived again and tested, all of it passed; else why a full build is to be made."""
    if not settings.warehouse.exists():
        return "there is no build yet"
    if reason := find_broken_seal(settings):
        return reason
    before = read_built_state(settings)
    if before is None:
        return "the last build did not finish"
    open_build(settings)
    with open_warehouse(settings) as con:
        con.execute("begin")
        try:
            check_basis(con, settings, contracts)
            compiled = read_project(settings)
            deliveries = compare_deliveries(con, contracts, inputs)
            refresh = Refresh(con, compiled.statements, settings.dbt_project, deliveries)
            refresh.note_before(before.as_of, inputs.as_of)
            write_raw(con, contracts, inputs)
            write_engine(con, describe_duckdb(con))
            nodes = list(refresh.derive())
            nodes += run_tests(con, refresh.narrow_tests(compiled.tests), set())
            sample = check_sample(con, refresh.lineage)
            if sample.differing:
                LOG.error("a build in part is not what its rows give", models=sample.differing)
                raise RefreshRefused(
                    f"a sample of {', '.join(sample.differing)} is not what its accepted rows give"
                )
            if failed := [node.unique_id for node in nodes if node.failed]:
                raise RefreshRefused(f"{', '.join(failed)} failed")
            write_basis(con, settings, contracts)
            touched = refresh.count_touched()
            con.execute("commit")
        except (duckdb.Error, RefreshRefused) as error:
            con.execute("rollback")
            return str(error)
    return Refreshed(nodes, touched, sample.keys)
