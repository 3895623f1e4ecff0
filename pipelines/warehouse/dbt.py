"""dbt's manifest, parsed ahead: definitions load from it without starting dbt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pipelines.settings import Settings

# The dbt of this environment, whatever PATH says.
DBT_EXECUTABLE = str(Path(sys.executable).with_name("dbt"))


class DbtError(RuntimeError):
    """dbt could not parse the project; the text is dbt's own."""


def ensure_manifest(settings: Settings) -> Path:
    """The manifest under the data directory, parsed again only where a file of the project is newer."""
    manifest = settings.dbt_target / "manifest.json"
    folders = [settings.dbt_project / name for name in ("models", "seeds", "macros", "tests")]
    sources = [settings.dbt_project / "dbt_project.yml", settings.dbt_project / "profiles.yml"]
    sources += [f for folder in folders for f in folder.rglob("*") if f.is_file()]
    if manifest.exists() and manifest.stat().st_mtime >= max(f.stat().st_mtime for f in sources):
        return manifest
    settings.dbt_target.mkdir(parents=True, exist_ok=True)
    told = run_dbt(settings, "parse", "--quiet")
    if told.returncode:
        raise DbtError(f"dbt could not parse {settings.dbt_project.name}:\n{told.stdout}{told.stderr}")
    return manifest


def run_dbt(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    """`dbt WORDS` on this installation's warehouse and target folder, output captured."""
    command = [DBT_EXECUTABLE, *words, "--project-dir", str(settings.dbt_project)]
    command += ["--target-path", str(settings.dbt_target), "--log-path", str(settings.dbt_target)]
    environment = {**os.environ, **settings.child_environment()}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
