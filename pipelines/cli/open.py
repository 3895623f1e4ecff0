"""`thongsuot open`: the pages of the product in a browser."""

from __future__ import annotations

import webbrowser

import click

from pipelines.cli.console import console
from pipelines.settings import Settings

PAGES = ("brief", "ui", "dashboards", "docs")
PAGES_PORT = 3100


@click.command("open")
@click.argument("page", type=click.Choice(PAGES), default="brief")
@click.option("--port", type=click.IntRange(1, 65535), default=PAGES_PORT, show_default=True,
              help="where the brief and the docs are served while no UI runs")  # fmt: skip
@click.option("--print", "only_print", is_flag=True, help="print the address, open and serve nothing")
def open_page(page: str, port: int, only_print: bool) -> None:
    """Open the brief (default), Dagster's UI, the dashboards or the site of the marts, on loopback.

    The brief and the docs come from the UI where it runs, else from a small server that ends with Ctrl-C.
    """
    from pipelines.runs.ports import SUPERSET_PORT, PortTaken, ensure_free, find_listener, find_ui
    from pipelines.web.paths import EXPORTS, SITE
    from pipelines.web.serve import LOOPBACK, serve_pages

    settings = Settings.from_env()
    ui = find_ui(settings)
    if page == "ui":
        if ui is None:
            raise click.ClickException("No UI runs on this data directory: `thongsuot ui` starts it.")
        return _show(ui, only_print)
    if page == "dashboards":
        if find_listener(SUPERSET_PORT) is None:
            raise click.ClickException(
                f"Nothing listens on port {SUPERSET_PORT}: `thongsuot superset` starts it."
            )
        return _show(f"http://{LOOPBACK}:{SUPERSET_PORT}/superset/dashboard/online-submission/", only_print)
    file, path, command = {
        "brief": (settings.exports / "brief.html", f"{EXPORTS}/brief.html", "thongsuot run"),
        "docs": (settings.data / "docs" / "index.html", f"{SITE}/index.html", "thongsuot docs --site"),
    }[page]
    if not file.exists():
        raise click.ClickException(f"There is no {file} yet: `{command}` writes it.")
    if ui or only_print:
        return _show(f"{ui}{path}" if ui else file.as_uri(), only_print)
    try:
        ensure_free(LOOPBACK, port)
    except PortTaken as error:
        raise click.ClickException(str(error)) from None
    _show(f"http://{LOOPBACK}:{port}{path}", only_print)
    console.print("Ctrl-C ends it.", highlight=False)
    serve_pages(settings, port)


def _show(address: str, only_print: bool) -> None:
    console.print(address, soft_wrap=True, highlight=False)
    if not only_print:
        webbrowser.open(address)
