"""dbt, in this process: its import and its parse are paid once, not once per run.

The manifest is parsed ahead, so that Dagster's definitions load without starting dbt and a build need not
parse again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.masking import list_public_variables
from pipelines.settings import Settings
from pipelines.warehouse import parsed

# The dbt of this environment, whatever PATH says.
DBT_EXECUTABLE = str(Path(sys.executable).with_name("dbt"))
FAILED = ("error", "fail", "runtime error", "partial success")


class DbtError(RuntimeError):
    """dbt could not parse, build or test; the text names the nodes and dbt's own words."""


@dataclass(frozen=True)
class NodeResult:
    """One node of a build. `status`: success, pass, warn, fail, error or skipped.

    `failures`: rows that failed a test.
    """

    unique_id: str
    status: str
    seconds: float
    message: str
    failures: int

    @property
    def failed(self) -> bool:
        return self.status in FAILED


def ensure_manifest(settings: Settings) -> Path:
    """The manifest under the data directory, parsed again only where the project or dbt is another one."""
    project, target = settings.dbt_project, settings.dbt_target
    if not parsed.is_current(project, target):
        target.mkdir(parents=True, exist_ok=True)
        if not parsed.copy_shared(project, target):
            outcome = _invoke(settings, "parse", "--quiet", "--log-level-file", "none")
            if not outcome.success:
                raise DbtError(f"dbt could not parse {project.name}: {outcome.exception}")
            parsed.share_parse(project, target)
        parsed.mark_current(project, target)
    return target / parsed.MANIFEST


def read_parsed(settings: Settings) -> Any:
    """What was parsed, anew for every command, because a build alters the manifest it is handed."""
    from dbt.contracts.graph.manifest import Manifest

    ensure_manifest(settings)
    manifest = Manifest.from_msgpack((settings.dbt_target / parsed.PARSED).read_bytes())
    manifest.build_flat_graph()
    return manifest


def run_dbt(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    """`dbt WORDS` as a command of its own, output captured."""
    environment = {**list_public_variables(), **settings.child_environment()}
    command = [DBT_EXECUTABLE, *_located(settings, *words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def build_models(settings: Settings) -> list[NodeResult]:
    """Seeds and models, in order; DbtError only where dbt itself could not start.

    Data tests follow (data_tests.py). Unit tests are left out: they prove the code, not the night's data, and run
    in `make test`. No debug log is written: it costs a tenth of the build, and every statement lies in the target
    folder.
    """
    left_out = ("test", "unit_test", "exposure")
    without = [word for kind in left_out for word in ("--exclude-resource-type", kind)]
    results = _list_results(settings, "build", *without)
    return [
        NodeResult(
            unique_id=result.node.unique_id,
            status=str(result.status),
            seconds=result.execution_time,
            message=result.message or "",
            failures=result.failures or 0,
        )
        for result in results
    ]


def compile_tests(settings: Settings, manifest: Any) -> list[Any]:
    """dbt's own results of compiling every data test."""
    return _list_results(settings, "compile", "--select", "resource_type:test", manifest=manifest)


def _list_results(settings: Settings, *words: str, manifest: Any = None) -> list[Any]:
    quietly = ("--quiet", "--log-level-file", "none")
    outcome = _invoke(settings, words[0], *quietly, *words[1:], manifest=manifest or read_parsed(settings))
    if outcome.result is None or not hasattr(outcome.result, "results"):
        raise DbtError(f"dbt could not {words[0]}: {outcome.exception}")
    return list(outcome.result.results)


def _invoke(settings: Settings, *words: str, manifest: Any = None) -> Any:
    """dbt's own result of a command in this process; `manifest`: one parsed just now is not parsed again.

    The profile keeps the warehouse open for the whole command, because opening it for each of some 300
    nodes costs more than their queries; it is closed here, since others open it in this process.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    os.environ.update(settings.child_environment())
    try:
        return dbtRunner(manifest=manifest).invoke(_located(settings, *words))
    finally:
        environment = DuckDBConnectionManager._ENV
        if environment is not None:
            environment.close()
        DuckDBConnectionManager.close_all_connections()


def _located(settings: Settings, *words: str) -> list[str]:
    target = str(settings.dbt_target)
    return [*words, "--project-dir", str(settings.dbt_project), "--profiles-dir", str(settings.dbt_project),
            "--target-path", target, "--log-path", target]  # fmt: skip
