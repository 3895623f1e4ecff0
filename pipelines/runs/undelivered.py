"""A partition of which nothing came is not green: Dagster is told that it was looked at, not that it was made.

Dagster records a materialization for every partition of a range that ran, and its own storage takes none back. What
says of itself that nothing was provided is therefore kept as an observation, with the same words.
"""

from __future__ import annotations

from dagster import AssetObservation
from dagster._core.events import AssetObservationData, DagsterEventType, StepMaterializationData
from dagster._core.events.log import EventLogEntry

# Metadata of a partition, and how its text begins where nothing came.
PROVIDED, NOT_PROVIDED = "provided", "not provided"


def observe_what_did_not_come(event: EventLogEntry) -> EventLogEntry:
    """The same event; its like as an observation where it is a materialization of nothing."""
    if event.dagster_event_type != DagsterEventType.ASSET_MATERIALIZATION or event.dagster_event is None:
        return event
    data = event.dagster_event.event_specific_data
    if not isinstance(data, StepMaterializationData):
        return event
    materialization = data.materialization
    provided = materialization.metadata.get(PROVIDED)
    if provided is None or not str(provided.value).startswith(NOT_PROVIDED):
        return event
    observation = AssetObservation(
        asset_key=materialization.asset_key,
        description=materialization.description,
        metadata=materialization.metadata,
        partition=materialization.partition,
    )
    observed = event.dagster_event._replace(
        event_type_value=DagsterEventType.ASSET_OBSERVATION.value,
        event_specific_data=AssetObservationData(observation),
    )
    return event._replace(dagster_event=observed)
