"""`thongsuot superset`: dashboards on the newest release, or their bundle for a Superset of one's own."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

import click

from pipelines.cli.console import console
from pipelines.runs.ports import SUPERSET_PORT
from pipelines.settings import Settings


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=SUPERSET_PORT, show_default=True)
@click.option(
    "--bundle",
    type=click.Path(dir_okay=False, path_type=Path),
    help="only write this ZIP, for Dashboards → Import in another Superset",
)
def superset(port: int, bundle: Path | None) -> None:
    """Superset with the project's dashboards, on 127.0.0.1; Ctrl-C stops it."""
    from pipelines.superset import process as bi

    settings = Settings.from_env()
    try:
        if bundle:
            bundle.write_bytes(bi.bundle(bi.marts_address(settings)))
            console.print(f"{bundle}: in Superset, Dashboards → Import; it asks for the reader's password.")
            return
        # A closed terminal and `kill` end Superset as Ctrl-C does: it would go on alone and hold the port.
        for ended in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ended, signal.default_int_handler)
        console.print("Superset is starting; the first time takes two minutes.")
        with suppress(KeyboardInterrupt), bi.serve(settings, port) as server:
            console.print(f"{server.url}/superset/dashboard/online-submission/")
            console.print(f"{server.url}/superset/dashboard/tasks-and-issues/")
            console.print(f"to look: account {server.viewer}, password {server.viewer_password}")
            console.print(
                f"to change: account {server.account}, password {server.password}   (Ctrl-C stops it)"
            )
            server.process.wait()
    except bi.SupersetError as error:
        raise click.ClickException(str(error)) from None
