"""The next build out of the one in the warehouse: cost follows what changed since, not what the years hold.

Its mark and its seal are gone before anything is written: what a process that is stopped leaves is no ground for the
next build, which is a full one. So it is wherever the build of before is not beyond doubt.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from pipelines.log import get_logger
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Contracts
from pipelines.warehouse.accepted_files import find_unnoted_batches
from pipelines.warehouse.basis import check_basis, compare_deliveries, write_basis
from pipelines.warehouse.build import BuildInputs, open_build, read_built_state, write_raw
from pipelines.warehouse.data_tests import open_warehouse, read_project, run_tests
from pipelines.warehouse.dbt import NodeResult
from pipelines.warehouse.engine import describe_duckdb, write_engine
from pipelines.warehouse.narrowing import RefreshRefused
from pipelines.warehouse.refresh import Refresh
from pipelines.warehouse.replaced_rows import record_replaced
from pipelines.warehouse.sample_check import check_sample
from pipelines.warehouse.sealed_build import find_broken_seal, find_release_of_build
from pipelines.warehouse.statements import ContractBroken
from pipelines.warehouse.worthwhile import Extent, measure_extent, refuse_what_costs_more

LOG = get_logger(__name__)


class Refreshed(NamedTuple):
    """`touched`: how many keys were derived again; `sampled`: how many were also derived from nothing, and agree."""

    nodes: list[NodeResult]
    touched: int
    extent: Extent
    sampled: int


def refresh_build(
    settings: Settings, contracts: Contracts, inputs: BuildInputs, *, is_weighed: bool = True
) -> Refreshed | str:
    """What was derived again and tested, all of it passed; else why a full build is to be made.

    `is_weighed`: also where that costs less.
    """
    if not settings.warehouse.exists():
        return "there is no build yet"
    if reason := find_broken_seal(settings):
        return reason
    before = read_built_state(settings)
    if before is None:
        return "the last build did not finish"
    release_hash = find_release_of_build(settings)
    open_build(settings)
    with open_warehouse(settings) as con:
        try:
            check_basis(con, settings, contracts)
            compiled = read_project(settings)
            deliveries = compare_deliveries(con, contracts, inputs)
            refresh = Refresh(con, compiled.statements, settings.dbt_project, deliveries)
            refresh.gather_keys(before.as_of, inputs.as_of)
            extent = measure_extent(con, refresh.lineage, refresh.touched)
            if is_weighed:
                refuse_what_costs_more(extent)
            refresh.note_before()
            write_raw(con, contracts, inputs)
            if unnoted := find_unnoted_batches(con, refresh.lineage.list_keyed_tables()):
                raise RefreshRefused(f"not every key is noted of batches {', '.join(unnoted)}")
            write_engine(con, describe_duckdb(con))
            nodes = list(refresh.derive())
            nodes += run_tests(con, refresh.narrow_tests(compiled.tests), set())
            sample = check_sample(con, refresh.lineage, refresh.rows, refresh.samples, refresh.tails)
            if sample.differing:
                LOG.error("a build in part is not what it follows from", models=sample.differing)
                raise RefreshRefused(f"a sample of {', '.join(sample.differing)} is not what it follows from")
            if failed := [node.unique_id for node in nodes if node.failed]:
                raise RefreshRefused(f"{', '.join(failed)} failed")
            write_basis(con, settings, contracts)
            if release_hash:
                record_replaced(con, refresh, release_hash)
            touched = refresh.count_touched()
        except (duckdb.Error, ContractBroken, RefreshRefused) as error:
            return str(error)
    return Refreshed(nodes, touched, extent, sample.keys)
