"""dbt, in this process: it parses and compiles a project, once; a build runs what it compiled (`compiled.py`).

So Dagster's definitions load, and a night passes, without starting dbt.
"""

from __future__ import annotations

import logging
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


def load_seeds(settings: Settings) -> list[Any]:
    """The seeds, loaded into the warehouse by dbt, which finds out the types of their columns."""
    return _list_nodes(settings, "seed")


def compile_nodes(settings: Settings, target: str | None = None) -> list[Any]:
    """Every model and data test, with its compiled code; `target`: of profiles.yml, for another engine's dialect."""
    words = ("--target", target) if target else ()
    return _list_nodes(settings, "compile", *words, "--select", "resource_type:model", "resource_type:test")


def _list_nodes(settings: Settings, *words: str) -> list[Any]:
    """dbt's own nodes after a command; DbtError where one of them failed."""
    quietly = ("--quiet", "--log-level-file", "none")
    outcome = _invoke(settings, words[0], *quietly, *words[1:], manifest=read_parsed(settings))
    if outcome.result is None or not hasattr(outcome.result, "results"):
        raise DbtError(f"dbt could not {words[0]}: {outcome.exception}")
    results = list(outcome.result.results)
    if failed := [f"{r.node.unique_id}: {r.message}" for r in results if str(r.status) in FAILED]:
        raise DbtError(f"dbt could not {words[0]}: {'; '.join(failed)}")
    return [result.node for result in results]


def _invoke(settings: Settings, *words: str, manifest: Any = None) -> Any:
    """dbt's own result of a command in this process; `manifest`: one parsed just now is not parsed again.

    The profile keeps the warehouse open for the whole command; it is closed here, since others open it in this
    process.
    """
    handlers = [*logging.getLogger().handlers]
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    # One of dbt's packages has the root logger print; every line of our log would stand there twice.
    logging.getLogger().handlers[:] = handlers

    environment = settings.child_environment()
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        return dbtRunner(manifest=manifest).invoke(_located(settings, *words))
    finally:
        # What this process asks for later is of its own installation, not of the folder that dbt was given.
        # Nothing else is touched: other threads read and set variables meanwhile.
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        opened = DuckDBConnectionManager._ENV
        if opened is not None:
            opened.close()
        DuckDBConnectionManager.close_all_connections()


def _located(settings: Settings, *words: str) -> list[str]:
    target = str(settings.dbt_target)
    return [*words, "--project-dir", str(settings.dbt_project), "--profiles-dir", str(settings.dbt_project),
            "--target-path", target, "--log-path", target]  # fmt: skip
