"""`thongsuot docs`: the marts' handbook, and the browsable site of the dbt project."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click

from pipelines.cli.console import console, hold_writer
from pipelines.settings import Settings


@click.command()
@click.option("--site", is_flag=True, help="also dbt's own site, one file that needs no internet")
def docs(site: bool) -> None:
    """Write all that is generated from the canon and the dbt project, docs/marts.md and Superset's datasets."""
    from pipelines.superset.datasets import refresh
    from pipelines.superset.process import ASSETS
    from pipelines.warehouse.canon_files import write_files
    from pipelines.warehouse.dbt import DbtError, ensure_manifest
    from pipelines.warehouse.exposures import complete_exposures
    from pipelines.warehouse.marts_doc import render_marts_doc

    settings = Settings.from_env()
    exposures = settings.dbt_project / "models" / "exposures.yml"
    for path in write_files(settings.project):
        console.print(f"{settings.project / path}")
    try:
        manifest = json.loads(ensure_manifest(settings).read_text(encoding="utf-8"))
        exposures.write_text(
            complete_exposures(exposures.read_text(encoding="utf-8"), manifest), encoding="utf-8"
        )
        manifest = json.loads(ensure_manifest(settings).read_text(encoding="utf-8"))
        document = render_marts_doc(manifest, settings.dbt_project)
    except (DbtError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    handbook = settings.project / "docs" / "marts.md"
    handbook.write_text(document, encoding="utf-8")
    console.print(f"{handbook}")
    for dataset in refresh(manifest, ASSETS):
        console.print(f"{dataset}")
    if site:
        console.print(f"{_site(settings)}")


def _site(settings: Settings) -> Path:
    """Columns come from the contracts; types and sizes from the warehouse, where one was built."""
    from pipelines.warehouse.dbt import run_dbt

    words = ["docs", "generate", "--static", "--no-compile"]
    with hold_writer(settings):
        process = run_dbt(settings, *words, *([] if settings.warehouse.exists() else ["--empty-catalog"]))
    if process.returncode:
        raise click.ClickException(f"dbt docs: {process.stdout}{process.stderr}")
    page = settings.data / "docs" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(settings.dbt_target / "static_index.html", page)
    return page
