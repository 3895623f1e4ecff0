"""Dagster's store holds no secret of the environment, and every event can still be read."""

import json
import sys
from urllib.parse import quote

import pytest
from dagster import (
    AssetExecutionContext,
    DagsterInstance,
    MaterializeResult,
    MetadataValue,
    asset,
    materialize,
)

from pipelines.masking import MaskedStream, register_secret
from pipelines.settings import Settings
from tests.support.leaks import list_leaks

# With every character that JSON or an address writes otherwise.
SECRET = 'Pa-S3cret/é+"&<w0rd%'


@asset(name="numbers")
def failing(context: AssetExecutionContext) -> None:
    context.log.info(f"asking with {SECRET}")
    try:
        raise ConnectionError(f"could not connect: {quote(SECRET, safe='')}")
    except ConnectionError as error:
        raise RuntimeError(f"no answer for Bearer {SECRET}") from error


@asset(name="numbers")
def describing(context: AssetExecutionContext) -> MaterializeResult:
    return MaterializeResult(metadata={"origin": SECRET, "page": MetadataValue.md(f"**{SECRET}**")})


@pytest.mark.filterwarnings("ignore")
def test_dagsters_store_holds_no_secret_and_still_reads_its_events(
    settings: Settings, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the definitions do in a run's process: what Dagster prints there is a file of the run.
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, MaskedStream(getattr(sys, name)))
    # The last two are names of Dagster's and of ours: a weak password must not make an event unreadable.
    for secret in (SECRET, "numbers", "STEP_FAILURE"):
        register_secret(secret)
    failed = materialize([failing], instance=instance, raise_on_error=False)
    second = materialize([describing], instance=instance)
    steps = [e.dagster_event_type for e in instance.all_logs(failed.run_id)]
    assert "STEP_FAILURE" in [step.value for step in steps if step]
    (event,) = second.asset_materializations_for_node("numbers")
    assert event.metadata["origin"].value  # in memory it is what it was; in the store it is not
    record = instance.get_latest_materialization_event(describing.key)
    assert record and record.asset_materialization
    assert record.asset_materialization.metadata["origin"].value == "***"
    instance.dispose()
    assert list_leaks(settings.dagster, "Pa-S3cret", quote(SECRET, safe=""), json.dumps(SECRET)[1:-1]) == []
