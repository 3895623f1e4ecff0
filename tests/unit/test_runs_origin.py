"""A run of the command line stands where the UI looks: under the location that `dagster dev -m` gives its jobs."""

from __future__ import annotations

from pathlib import Path

from dagster import DagsterInstance, RunsFilter, job, op
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG
from dagster._core.workspace.load_target import ModuleTarget

from pipelines.runs.origin import DEFINITIONS, recorded_as_of_ui


@op
def rest() -> None:
    """Nothing to do."""


@job
def trivial() -> None:
    rest()


def test_a_run_in_this_process_is_found_by_the_location_of_the_ui(tmp_path: Path) -> None:
    [location] = ModuleTarget(
        DEFINITIONS, attribute=None, working_directory=None, location_name=None
    ).create_origins()
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        lost = trivial.execute_in_process(instance=instance).run_id
        with recorded_as_of_ui(instance, "trivial"):
            listed = trivial.execute_in_process(instance=instance).run_id
        trivial.execute_in_process(instance=instance)
        label = f"__repository__@{location.location_name}"
        runs = instance.get_runs(RunsFilter(job_name="trivial", tags={REPOSITORY_LABEL_TAG: label}))
        assert [run.run_id for run in runs] == [listed] != [lost]
