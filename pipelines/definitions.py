"""The one Definitions object: assets, jobs, schedules; `defs/` holds the parts."""

from __future__ import annotations

import os
import warnings

import dagster as dg

from pipelines.data_format import read_format
from pipelines.masking import mask_output
from pipelines.settings import Settings

# What Dagster's loggers and tracebacks print in a run's process goes into files of the run.
mask_output()
# Dagster's processes are started without our command, too.
Settings.from_env().keep_private()
# A data directory that a newer version wrote is refused before a run can touch it.
read_format(Settings.from_env().data)
# dbt's profile and dagster.yaml read these; set before anything of theirs is imported.
os.environ.update({k: v for k, v in Settings.from_env().child_environment().items() if k not in os.environ})
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

from pipelines.defs import (  # noqa: E402
    accepted,
    audit,
    cutoff,
    executor,
    exports,
    killed,
    landing,
    orders,
    reference_checks,
    release,
    schedules,
    sensors,
    warehouse,
)

defs = dg.Definitions(
    assets=[
        *landing.assets,
        *accepted.assets,
        *warehouse.assets,
        *release.assets,
        *exports.assets,
    ],
    asset_checks=[*reference_checks.checks, *audit.checks],
    jobs=[*schedules.jobs, *audit.jobs, *cutoff.jobs, *orders.jobs, *sensors.jobs],
    schedules=[*schedules.schedules, *audit.schedules],
    sensors=[*sensors.sensors, *killed.sensors],
    executor=executor.marked_executor,
)
