"""The order of the stages stands in pipelines/night.py alone; Dagster's graph follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipelines import night
from pipelines.settings import RetryPolicy, Settings

# dbt's schemas are groups of their own in the UI, and one stage.
BUILT = ("staging", "intermediate", "marts", "audit", "warehouse")


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Dagster's graph of assets on an empty installation."""
    settings = Settings(data=tmp_path_factory.mktemp("graph"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.child_environment().items():
            patch.setenv(name, value)
        from pipelines.definitions import defs

    return defs.resolve_asset_graph()


def test_every_run_that_dagster_launches_marks_its_process(graph: Any) -> None:
    from pipelines.definitions import defs
    from pipelines.defs.executor import marked_executor

    assert defs.executor is marked_executor


def test_no_step_waits_for_a_pool_whose_slot_outlives_a_process(graph: Any) -> None:
    pools = {key for key in graph.materializable_asset_keys if graph.get(key).assets_def.op.pool}
    assert not pools


def stage_of(graph: Any, key: Any) -> int:
    group = graph.get(key).group_name
    return list(night.STAGES).index("warehouse" if group in BUILT else group)


def test_no_asset_of_dagster_needs_one_of_a_later_stage(graph: Any) -> None:
    for key in graph.materializable_asset_keys:
        for parent in graph.get(key).parent_keys & graph.materializable_asset_keys:
            edge = f"{parent.to_user_string()} -> {key.to_user_string()}"
            assert stage_of(graph, parent) <= stage_of(graph, key), f"{edge} goes against night.STAGES"


def test_every_stage_but_the_first_needs_assets_of_the_stage_before_it(graph: Any) -> None:
    needs = {
        (stage_of(graph, parent), stage_of(graph, key))
        for key in graph.materializable_asset_keys
        for parent in graph.get(key).parent_keys & graph.materializable_asset_keys
    }
    for number in range(1, len(night.STAGES)):
        assert (number - 1, number) in needs, (
            f"nothing of {list(night.STAGES)[number]} waits for what is before"
        )


def test_run_stages_calls_every_stage_once_and_stops_at_the_first_that_raises(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def stage(name: str) -> Callable[[object], None]:
        def call(_: object) -> None:
            calls.append(name)
            if name == "release":
                raise RuntimeError("stop here")

        return call

    monkeypatch.setattr(night, "STAGES", {name: stage(name) for name in night.STAGES})
    with pytest.raises(RuntimeError, match="stop here"):
        night.run_stages(night.Night(settings, None, "t"))  # type: ignore[arg-type]
    assert calls == ["landing", "accepted", "warehouse", "release"]


@pytest.mark.parametrize(("longest", "pauses"), [(3600, [20, 40, 80]), (30, [20, 30, 30]), (0, [0, 0, 0])])
def test_pauses_double_up_to_the_longest(longest: float, pauses: list[float]) -> None:
    policy = replace(Settings.from_env({}), retries=RetryPolicy(longest_pause=longest)).retries
    assert [policy.pause_before(n) for n in range(policy.pulls)] == pauses
