"""Where a run of the command line belongs in the UI: the code location that `thongsuot ui` serves.

Without it Dagster lists such a run under *Runs* alone: the timeline and the page of its job filter by location.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

DEFINITIONS = "pipelines.definitions"
# The daemon starts nothing of the command line again: the next `thongsuot run` goes on from there.
NO_RETRY = {"dagster/max_retries": "0"}


@contextmanager
def recorded_as_of_ui(instance: Any, job_name: str) -> Iterator[None]:
    """Runs that `instance` creates within the block carry the origin that the UI's own would."""
    from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
    from dagster._core.remote_origin import (
        ManagedGrpcPythonEnvCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    target = LoadableTargetOrigin(executable_path=sys.executable, module_name=DEFINITIONS)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target)
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME), job_name)
    # `execute_in_process` hands no origin on; the instance is what writes the run.
    instance.create_run_for_job = partial(
        type(instance).create_run_for_job, instance, remote_job_origin=origin
    )
    try:
        yield
    finally:
        del instance.create_run_for_job
