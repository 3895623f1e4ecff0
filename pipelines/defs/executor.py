"""Runs that Dagster launches: every step in the run's own process, which marks the run as alive."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster._core.definitions.executor_definition import IN_PROC_CONFIG
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor

from pipelines.defs.common import SETTINGS
from pipelines.runs.alive import mark_process


class MarkedExecutor(InProcessExecutor):
    """Dagster's own, marked; `thongsuot run` is marked by `runs/execute.py`."""

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
        mark_process(SETTINGS, plan_context.instance, plan_context.run_id)
        yield from super().execute(plan_context, execution_plan)


# Fixed costs: a subprocess per step costs 3–11 s, and the line's steps are few and coarse.
@dg.executor(name="in_process", config_schema=IN_PROC_CONFIG)
def marked_executor(init_context: dg.InitExecutorContext) -> MarkedExecutor:
    return MarkedExecutor(RetryMode.from_config(init_context.executor_config["retries"]))
