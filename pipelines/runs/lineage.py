"""Each run as OpenLineage events (START; COMPLETE, FAIL or ABORT), where a receiver is named; off by default.

Its variables are openlineage-python's own, such as `OPENLINEAGE_URL`. Datasets are named by the place, not by where
they lie: a lake that moved to servers is the same. A receiver that fails is told by the log and by `doctor`; no run
fails for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.lake.catalogue import open_lake
from pipelines.lake.content_hash import describe_columns
from pipelines.lake.head import table_at
from pipelines.lake.ledger import Release, list_releases
from pipelines.lake.location import has_lake
from pipelines.landing.batches import Batch, write_json
from pipelines.landing.withdrawals import list_remaining
from pipelines.log import get_logger
from pipelines.masking import mask_secrets
from pipelines.plain_files import read_plain_text
from pipelines.quality.reports import read_report
from pipelines.runs.lineage_receiver import PRODUCER, open_client
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts

LOG = get_logger(__name__)
VARIABLES = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT__TYPE")
STATES = {
    "PIPELINE_START": "START",
    "PIPELINE_SUCCESS": "COMPLETE",
    "PIPELINE_FAILURE": "FAIL",
    "PIPELINE_CANCELED": "ABORT",
}


class LastDelivery(NamedTuple):
    """The last event that was to be sent. `at`: UTC in ISO form; `error`: empty where it was taken."""

    at: str
    error: str


def is_lineage_on(env: Mapping[str, str] | None = None) -> bool:
    env = os.environ if env is None else env
    return any(env.get(name) for name in VARIABLES) and env.get("OPENLINEAGE_DISABLED", "").lower() != "true"


def tell_lineage(entry: Any) -> None:
    """`entry`: of Dagster's event log, as it was stored."""
    state = STATES.get(entry.dagster_event.event_type_value) if entry.dagster_event else None
    if state is None or not is_lineage_on():
        return
    settings, error = None, ""
    try:
        settings = Settings.from_env()
        _send(settings, entry, state)
    except Exception as failure:  # whatever the receiver or its package says: the run goes on
        error = mask_secrets(f"{type(failure).__name__}: {failure}")[:400]
        LOG.warning("the receiver of lineage took no event", state=state, run=entry.run_id, error=error)
    if settings:
        _record_delivery(settings, error)


def _record_delivery(settings: Settings, error: str) -> None:
    delivery = LastDelivery(datetime.now(UTC).isoformat(timespec="seconds"), error)
    try:
        record_file(settings).parent.mkdir(parents=True, exist_ok=True)
        write_json(record_file(settings), delivery._asdict())
    except OSError as failure:  # no space: the run's own steps say so
        LOG.warning("the delivery of lineage could not be recorded", error=type(failure).__name__)


def record_file(settings: Settings) -> Path:
    return settings.data / "operations" / "lineage.json"


def read_last_delivery(settings: Settings) -> LastDelivery | None:
    try:
        return LastDelivery(**json.loads(read_plain_text(record_file(settings))))
    except (OSError, ValueError, TypeError):
        return None


def _send(settings: Settings, entry: Any, state: str) -> None:
    client = open_client()
    from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import error_message_run, tags_run

    namespace = f"thongsuot://{load_contracts(settings.sources_file).place.code}"
    release, outputs = _read_release(settings, namespace, entry.run_id) if state != "START" else (None, [])
    facets: dict[str, Any] = {}
    if state == "FAIL":
        message = mask_secrets(entry.dagster_event.message or "")[:1000]
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(message, "python")
    if release:
        tags = {"release": str(release.release_id), "release_hash": release.release_hash,
                "as_of": str(release.as_of)}  # fmt: skip
        facets["tags"] = tags_run.TagsRunFacet([tags_run.TagsRunFacetFields(*tag) for tag in tags.items()])
    client.emit(
        RunEvent(
            eventType=RunState[state],
            eventTime=datetime.fromtimestamp(entry.timestamp, UTC).isoformat(),
            run=Run(entry.run_id, facets),
            job=Job(namespace, entry.job_name),
            inputs=list(_describe_inputs(settings, namespace, entry.run_id)) if state != "START" else [],
            outputs=outputs,
            producer=PRODUCER,
        )
    )


def _read_release(settings: Settings, namespace: str, run_id: str) -> tuple[Release | None, list[Any]]:
    """What this run published, if it did, and its tables: also where it failed later, or another published since.

    A lake that does not answer, of which the run may have failed, leaves its end without them.
    """
    try:
        release = _find_release(settings, run_id)
        return release, list(_describe_outputs(settings, namespace, release)) if release else []
    except Exception as failure:
        error = mask_secrets(f"{type(failure).__name__}: {failure}")[:400]
        LOG.warning("lineage is told no release: the lake cannot be read", run=run_id, error=error)
        return None, []


def _find_release(settings: Settings, run_id: str) -> Release | None:
    if not has_lake(settings):
        return None
    with open_lake(settings) as con:
        return next((release for release in reversed(list_releases(con)) if release.run_id == run_id), None)


def _describe_inputs(settings: Settings, namespace: str, run_id: str) -> Iterator[Any]:
    """Each source of which this run landed something, with what its newest batch is."""
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import (
        data_quality_assertions_dataset,
        dataset_version_dataset,
        documentation_dataset,
        input_statistics_input_dataset,
    )

    for source in load_contracts(settings.sources_file).sources.values():
        batches = [batch for batch in list_remaining(settings.landing, source.name) if batch.run_id == run_id]
        if not batches:
            continue
        rows = sum(batch.rows for batch in batches)
        yield InputDataset(
            namespace,
            f"landing.{source.name}",
            facets={
                "documentation": documentation_dataset.DocumentationDatasetFacet(source.title_vi),
                "version": dataset_version_dataset.DatasetVersionDatasetFacet(batches[-1].batch_id),
            },
            inputFacets={
                "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
                    rowCount=rows, fileCount=len(batches)
                ),
                "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
                    [
                        data_quality_assertions_dataset.Assertion(**assertion)
                        for assertion in _list_assertions(settings, batches[-1])
                    ]
                ),
            },
        )


def _list_assertions(settings: Settings, batch: Batch) -> Iterator[dict[str, Any]]:
    """The rules of the suite over a batch, by name and count; no value of a row."""
    report = read_report(settings.quality, batch)
    for result in report.results if report else ():
        yield {
            "assertion": result["rule"],
            "success": not result["unexpected"],
            "column": result["column"],
            "severity": "error" if result["severity"] == "critical" else "warn",
            "description": result["reason_en"],
            "actual": str(result["unexpected"]),
        }


def _describe_outputs(settings: Settings, namespace: str, release: Release) -> Iterator[Any]:
    """Every table of the release as it was published, its version the hash of its content."""
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import (
        dataset_version_dataset,
        output_statistics_output_dataset,
        schema_dataset,
        tags_dataset,
    )

    tag = tags_dataset.TagsDatasetFacetFields("release_hash", release.release_hash)
    with open_lake(settings) as con:
        for name, content in sorted(release.marts.items()):
            columns = describe_columns(con, table_at(name, release.snapshot_id))
            yield OutputDataset(
                namespace,
                name,
                facets={
                    "schema": schema_dataset.SchemaDatasetFacet(
                        [schema_dataset.SchemaDatasetFacetFields(*column) for column in columns.items()]
                    ),
                    "version": dataset_version_dataset.DatasetVersionDatasetFacet(content.sha256),
                    "tags": tags_dataset.TagsDatasetFacet([tag]),
                },
                outputFacets={
                    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                        rowCount=content.rows
                    )
                },
            )
