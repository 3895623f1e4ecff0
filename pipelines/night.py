"""A night: land → validate → build → publish → export. The stages, and the only place that orders them.

Dagster's assets call the function of one source or one export, each in a step of its own; `run_stages` calls
whole stages in this process. A test holds the edges of Dagster's graph to `STAGES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from pipelines import duck
from pipelines.exports.export import Export, ExportResult
from pipelines.exports.maker import describe_maker
from pipelines.exports.registry import enabled_exports
from pipelines.exports.sharing import share_exports
from pipelines.lake.exported import record_export, set_unrecorded_aside
from pipelines.landing.ahead import DaysAhead
from pipelines.landing.batches import Batch, list_batches
from pipelines.landing.pull import land_partition
from pipelines.landing.reference import land_reference
from pipelines.landing.withdrawals import list_remaining
from pipelines.log import get_logger
from pipelines.quality.missing_days import choose_days, find_missing_days
from pipelines.quality.reports import Report
from pipelines.quality.validate import find_pending, validate_batches
from pipelines.releases.heal import Healed, publish_healed, refuse_unsound_ground
from pipelines.releases.publish import Publication, publish
from pipelines.releases.verify_quality import find_suspect_batches, refuse_suspect_reports
from pipelines.runs.lock import exclusive
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Contracts, Source, load_contracts
from pipelines.sources.errors import DeliveryRefused, NotProvided, SourceError
from pipelines.warehouse import dbt
from pipelines.warehouse.build import BuildInputs, count_rows, finish_build, read_inputs, write_inputs
from pipelines.warehouse.data_tests import build_and_test
from pipelines.warehouse.failures import describe_failures
from pipelines.warehouse.kept_build import find_kept_build, hash_inputs, keep_build
from pipelines.warehouse.refreshed_build import Refreshed, refresh_build

LOG = get_logger(__name__)


@dataclass(frozen=True)
class Night:
    """What one night is to do. `days`: those to pull; `only_missing`: but for those with a sound batch.

    `build`: what makes the warehouse's tables and tests them, unless a caller knows better. `from_nothing`: the build
    of before is no ground for this one. `is_weighed`: no build in part where a whole one costs less.
    """

    settings: Settings
    contracts: Contracts
    run_id: str
    days: Sequence[date] = ()
    only_missing: bool = True
    as_of: datetime | None = None
    author: str = "nightly"
    reason: str = "nightly run"
    build: Callable[[Settings], list[dbt.NodeResult]] = build_and_test
    from_nothing: bool = False
    is_weighed: bool = True


class LandedDays(NamedTuple):
    """The batches of the days that were pulled, and the days that the source does not provide (yet)."""

    batches: list[Batch]
    not_provided: list[date]


class BuildResult(NamedTuple):
    """dbt's nodes with how each ended. `rows`: schema.table → rows, for every table of the warehouse.

    `is_new`: whether it was built now; else nothing that the build rests on has changed since. `extent`: of what is
    new, in words: how much was derived again, or why all of it.
    """

    nodes: list[dbt.NodeResult]
    rows: Mapping[str, int]
    is_new: bool = True
    extent: str = ""

    @property
    def failed(self) -> bool:
        return any(node.failed for node in self.nodes)


def land_source(night: Night, source: Source) -> LandedDays:
    """One new batch per day; SourceError (or a subclass) where a day's delivery cannot be read whole.

    A delivery that is refused stops its own day alone: the others are landed, then DeliveryRefused names every day
    that failed. It is not tried again, whatever else failed: what was set aside would not be there to fail again.
    """
    days = choose_days(source, night.days)
    if night.only_missing:
        days = find_missing_days(source, days, night.settings)
    landed = LandedDays([], [])
    refused: list[DeliveryRefused] = []
    ahead, again = DaysAhead(days), not night.only_missing
    with duck.connect(night.settings.extensions) as con:
        for day in days:
            try:
                batch = land_partition(
                    source, day, night.settings, run_id=night.run_id, con=con, again=again, ahead=ahead
                )
            except NotProvided:
                landed.not_provided.append(day)
            except DeliveryRefused as error:
                refused.append(error)
                LOG.error(str(error), source=source.name, partition=day)
            except SourceError as error:
                if not refused:
                    raise
                raise DeliveryRefused("\n".join(map(str, [*refused, error]))) from None
            else:
                landed.batches.append(batch)
                duck.fit_threads(con, batch.rows)  # the next day is likely to be as large
    if refused:
        raise DeliveryRefused("\n".join(map(str, refused)))
    return landed


def land_tables(night: Night) -> list[Batch]:
    """The reference tables whose file changed since it was landed last."""
    return land_reference(night.contracts, night.settings, run_id=night.run_id)


def validate_source(night: Night, source: Source, suspects: Sequence[Batch] | None = None) -> list[Report]:
    """The night's days, and every batch that a stopped run left without a report, or with other rules'; also those
    whose report is not the one that the newest release was made of (`suspects`, of all sources, where they are there).
    """
    remaining = list_remaining(night.settings.landing, source.name)
    landed = {batch.partition: batch for batch in remaining}
    batches = [landed[str(day)] for day in night.days if str(day) in landed]
    left = find_pending(source, remaining, night.settings.quality)
    for batch in find_suspect_batches(night.settings) if suspects is None else suspects:
        if batch.source != source.name:
            continue
        LOG.warning("the report is not the one that was published: validated again", source=source.name,
                    partition=batch.partition, batch=batch.batch_id)  # fmt: skip
        left = [*left, batch]
    left = list({batch.batch_id: batch for batch in left if batch not in batches}.values())
    reports = fresh = validate_batches(source, [*batches, *left], night.settings, night.run_id)
    # Below a batch that is blocked now an older one of its day counts.
    while any(report.blocked for report in fresh):
        left = find_pending(source, remaining, night.settings.quality)
        fresh = validate_batches(source, left, night.settings, night.run_id)
        reports = [*reports, *fresh]
    reports.sort(key=lambda report: (report.partition, report.batch_id))
    for report in reports:
        LOG.info("validated", source=source.name, partition=report.partition, batch=report.batch_id,
                 rows=report.rows_read, rejected=report.rows_rejected)  # fmt: skip
    return reports


def build_warehouse(night: Night) -> BuildResult:
    """Seeds, models and data tests; the build counts as finished only where nothing failed.

    Where nothing that it rests on has changed since, the build in the warehouse is the result.
    """
    settings, is_whole = night.settings, night.build is build_and_test
    with exclusive(settings):
        refuse_suspect_reports(settings, night.run_id)
        inputs = read_inputs(settings, night.contracts, night.as_of)
        sha256 = hash_inputs(settings, night.contracts, inputs)
        if is_whole and not night.from_nothing and (kept := find_kept_build(settings, sha256)):
            LOG.info("nothing new since the build", as_of=inputs.as_of)
            return BuildResult(kept, count_rows(settings), is_new=False)
        nodes, extent = _build_tables(night, inputs, may_refresh=is_whole and not night.from_nothing)
        result = BuildResult(nodes, count_rows(settings), extent=extent)
        if not result.failed:
            finish_build(settings, inputs.as_of)
            if is_whole:
                keep_build(settings, sha256, nodes)
    LOG.info("built", nodes=len(nodes), failed=sum(node.failed for node in nodes), extent=extent)
    return result


def _build_tables(
    night: Night, inputs: BuildInputs, *, may_refresh: bool
) -> tuple[list[dbt.NodeResult], str]:
    """The nodes, and how much was built; out of the build of before where that is there, beyond doubt."""
    LOG.info("building", as_of=inputs.as_of)
    obstacle = "as requested"
    if may_refresh:
        refreshed = refresh_build(night.settings, night.contracts, inputs, is_weighed=night.is_weighed)
        if isinstance(refreshed, Refreshed):
            sampled = f"{refreshed.sampled} drawn at random are what their rows give"
            extent = f"{refreshed.touched} keys derived again ({refreshed.extent}); {sampled}"
            return refreshed.nodes, extent
        obstacle = refreshed
    write_inputs(night.settings, night.contracts, inputs)
    return night.build(night.settings), f"everything: {obstacle}"


def publish_release(night: Night) -> Publication:
    """PublishError where the warehouse holds no finished build; the last release is still served then."""
    with exclusive(night.settings):
        publication = publish(night.settings, run_id=night.run_id, author=night.author, reason=night.reason)
    LOG.info("published", release=publication.release.release_id, why=publication.why)
    return publication


def write_export(settings: Settings, export: Export) -> ExportResult:
    """Bring one export to the newest release; what is not as it was recorded is set aside and written anew.

    Somebody edited it, or a run was stopped between the export and its record.
    """
    with exclusive(settings):
        for path in set_unrecorded_aside(settings, export.name, export.files):
            LOG.warning("a file that is not what was recorded was set aside", export=export.name, file=path)
        result = export.write(settings)
        if isinstance(result.path, Path):
            maker = (
                describe_maker(settings, load_contracts(settings.sources_file)) if result.rewritten else ""
            )
            record_export(settings, export.name, result.path, result.list_files(), result.release, maker)
        share_exports(settings.exports)
    LOG.info("exported", export=export.name, release=result.release.release_id, rewritten=result.rewritten)
    return result


def land(night: Night) -> None:
    for source in night.contracts.sources.values():
        land_source(night, source)
    land_tables(night)


def validate_all(night: Night) -> None:
    suspects = find_suspect_batches(night.settings)
    for source in night.contracts.sources.values():
        validate_source(night, source, suspects)


def build(night: Night) -> None:
    result = build_warehouse(night)
    if result.failed:
        raise dbt.DbtError(describe_failures(night.settings, result.nodes))


def export(night: Night) -> None:
    for one in enabled_exports(night.settings):
        write_export(night.settings, one)


# In order: the name of each stage, which is that of its assets' group, and the function that does all of it.
STAGES: dict[str, Callable[[Night], object]] = {
    "landing": land,
    "accepted": validate_all,
    "warehouse": build,
    "release": publish_release,
    "exports": export,
}


def heal_lake(night: Night) -> Healed:
    """Every batch validated and built anew, published as a release of its own, then exported.

    HealRefused where the ledger or the received data are not whole; DbtError where the build fails.
    """
    refuse_unsound_ground(night.settings)
    for source in night.contracts.sources.values():
        validate_batches(
            source, list(list_batches(night.settings.landing, source.name)), night.settings, night.run_id
        )
    build(replace(night, from_nothing=True))  # no build of before is taken for this one
    who = {"run_id": night.run_id, "author": night.author, "reason": night.reason}
    with exclusive(night.settings):
        healed = publish_healed(night.settings, **who)
    export(night)
    return healed


def run_stages(night: Night) -> None:
    """Every stage in turn, in this process; one that raises ends the night, and none after it runs."""
    for stage in STAGES.values():
        stage(night)
