"""`thongsuot metrics`: how the installation stands, for Prometheus."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.answers import Unanswered
from pipelines.settings import Settings


@click.command()
@click.option(
    "--to",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="write there, whole or not at all: a file for node_exporter's textfile collector",
)
def metrics(file: Path | None) -> None:
    """Freshness, durations, rows, rejections, holds, disk, chain, backup, in Prometheus's text format."""
    from pipelines.landing.batches import write_text
    from pipelines.operations.metrics import write_metrics

    settings = Settings.from_env()
    if not settings.data.is_dir():
        raise Unanswered(f"{settings.data} does not exist: THONGSUOT_DATA says where the data lie.")
    text = write_metrics(settings)
    if file is None:
        click.echo(text, nl=False)
        return
    write_text(file, text)
    file.chmod(0o644)  # the collector is another account
