"""`thongsuot run`: a night as one Dagster run in this process, its history kept for the UI."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pipelines.log import get_logger
from pipelines.masking import mask_secrets
from pipelines.runs.alive import running
from pipelines.runs.confirmation import make_confirmation
from pipelines.runs.origin import NO_RETRY, recorded_as_of_ui
from pipelines.runs.plan import Plan
from pipelines.runs.remarks import list_clock_remarks, list_remarks
from pipelines.runs.steps import StepEvent, ignore_step
from pipelines.settings import ONLY_MISSING_TAG, RetryPolicy, Settings

LOG = get_logger(__name__)
START_TAG, END_TAG = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
# The causes of a failure are in the result; their stacks stand in the run's history, for the UI.
NO_CONSOLE = {"console": {"config": {"log_level": "CRITICAL"}}}
STEP_EVENTS = {"STEP_START": "started", "STEP_SUCCESS": "done", "STEP_FAILURE": "failed",
               "STEP_UP_FOR_RETRY": "will be tried again"}  # fmt: skip


STOPPED = "stopped by a signal (Ctrl-C or SIGTERM); the next run goes on from here"


class RunResult(NamedTuple):
    """How a run ended, in words for the operator; `details`: the same for programs."""

    success: bool
    text: str
    details: Mapping[str, Any] = MappingProxyType({})


def run_night(
    settings: Settings,
    plan: Plan,
    *,
    reason: str,
    as_of: str | None = None,
    full: bool = False,
    only_missing: bool = True,
    retries: RetryPolicy | None = None,
    on_step: Callable[[StepEvent], None] = ignore_step,
) -> RunResult:
    """Do what was planned and publish; a failure's own words are returned, not a stack.

    `as_of`: local time in ISO form. `full`: the build of before is no ground for this one. `only_missing`: days with
    a sound batch are not pulled again.
    """
    config: dict[str, Any] = {"release": {"config": {"author": "thongsuot", "reason": reason}}}
    config["warehouse"] = {"config": {"as_of": as_of, "full": full}}
    tags = {START_TAG: str(plan.days[0]), END_TAG: str(plan.days[-1])} if plan.days else {}
    if only_missing:
        tags[ONLY_MISSING_TAG] = "true"
    failure, release = _execute(settings, plan.job, config, tags, on_step, retries)
    if failure:
        return RunResult(False, failure)
    kind = "new release" if release["new release"] else "no new release: still release"
    lines = [f"{plan.why}; {kind} {release['release']} ({release['why']})."]
    ahead = list_clock_remarks(settings)
    remarks = [*list_remarks(settings, plan.days, release["run"]), *release["remark lines"]]
    details = {
        "release": release["release"], "is_new": release["new release"], "as_of": release["as of"],
        "why": release["why"], "findings": [*release["finding lines"], *ahead], "remarks": remarks,
    }  # fmt: skip
    return RunResult(True, "\n".join([*lines, *remarks, *release["finding lines"], *ahead]), details)


def accept_hold(
    settings: Settings,
    hold_id: int,
    author: str,
    reason: str,
    on_step: Callable[[StepEvent], None] = ignore_step,
) -> RunResult:
    """What the gate held, published by name and reason, then exported."""
    confirm = make_confirmation(settings, f"accept {hold_id}")
    choice = {"author": author, "reason": reason, "accept": hold_id, "confirm": confirm}
    config = {"release": {"config": choice}}
    failure, release = _execute(settings, "accept_held", config, {}, on_step)
    if failure:
        return RunResult(False, failure)
    return RunResult(True, f"hold {hold_id}: published as release {release['release']} by {author}.")


def restore_release(
    settings: Settings,
    release_id: int,
    reason: str,
    on_step: Callable[[StepEvent], None] = ignore_step,
) -> RunResult:
    """Job `restore`: the content of an old release published as a new one, then exported."""
    confirm = make_confirmation(settings, f"restore {release_id}")
    choice = {"author": "thongsuot", "reason": reason, "restore": release_id, "confirm": confirm}
    config = {"release": {"config": choice}}
    failure, release = _execute(settings, "restore", config, {}, on_step)
    if failure:
        return RunResult(False, failure)
    kind = f"release {release['release']} restores it" if release["new release"] else "nothing to restore"
    return RunResult(True, f"release {release_id}: {kind} ({release['why']}).")


def _execute(
    settings: Settings,
    job_name: str,
    config: dict[str, Any],
    tags: Mapping[str, str],
    on_step: Callable[[StepEvent], None],
    retries: RetryPolicy | None = None,
) -> tuple[str | None, dict[str, Any]]:
    """One job in this process: what failed, in words (None: nothing), and the release's metadata."""
    from dagster import DagsterInstance

    from pipelines.definitions import defs

    job, run_id = defs.resolve_job_def(job_name), str(uuid.uuid4())
    if retries:
        config = {**config, **_retry_config(job, retries)}
    total = len(job.graph.nodes)

    def tell_step(entry: Any) -> None:
        state = STEP_EVENTS.get(entry.dagster_event.event_type_value) if entry.dagster_event else None
        if state:
            LOG.info("step", name=entry.step_key, state=state)
            on_step(StepEvent(entry.step_key, state, total))

    settings.dagster.mkdir(parents=True, exist_ok=True)
    with (
        DagsterInstance.get() as instance,
        running(settings, instance, run_id),
        recorded_as_of_ui(instance, job_name),
    ):
        instance.add_event_listener(run_id, tell_step)
        result = job.execute_in_process(
            instance=instance,
            run_config={"ops": config, "loggers": NO_CONSOLE},
            tags={**tags, **NO_RETRY},
            raise_on_error=False,
            run_id=run_id,
        )
    if not result.success:
        causes = "\n".join(list_causes(result.all_events))
        return f"Run {result.run_id} failed; the last release is still served.\n{causes}", {}
    return None, {"run": run_id} | {
        key: value.value
        for event in result.asset_materializations_for_node("release")
        for key, value in event.metadata.items()
    }


def _retry_config(job: Any, retries: RetryPolicy) -> dict[str, Any]:
    """The policy as configuration of every step that pulls a source."""
    pulls = [node.name for node in job.graph.nodes if "pulls" in node.definition.tags]
    return {name: {"config": retries._asdict()} for name in pulls}


def list_causes(events: list[Any]) -> list[str]:
    """The failing steps' own words, and those of blocking checks, innermost cause first."""
    causes = []
    for event in events:
        if event.event_type_value == "STEP_FAILURE":
            error = event.event_specific_data.error
            while error.cause is not None:
                error = error.cause
            if "DagsterAssetCheckFailedError" in error.message:
                continue  # the blocking check below says which batch, and why
            if error.cls_name == "DagsterExecutionInterruptedError":
                causes.append(f"{event.step_key}: {STOPPED}")
                continue
            # Dagster leads with the class; ours speak for themselves.
            message = mask_secrets(re.sub(r"^pipelines[\w.]+: ", "", error.message.strip()))
            causes.append(f"{event.step_key}: {message}")
        if event.event_type_value == "ASSET_CHECK_EVALUATION":
            check = event.event_specific_data
            if not check.passed and "blocked" in check.metadata:
                causes.append(str(check.metadata["blocked"].value))
    return causes
