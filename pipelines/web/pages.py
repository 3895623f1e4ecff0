"""Pages of the product beside Dagster's, on the same address: exports, validation reports, the way to the dashboards.

Only what readers may have anyway: the folder of exports, and the HTML pages of the reports. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pipelines.runs.ports import SUPERSET_PORT, find_listener
from pipelines.settings import Settings
from pipelines.web.paths import DASHBOARDS, EXPORTS, REPORTS, SITE

NO_DASHBOARDS = "Superset is not running: start it with `thongsuot superset`, then open this page again."
# What a page of ours may do in a browser, beside its own policy; a report shows rows as text.
HEADERS = {"x-content-type-options": "nosniff", "cache-control": "no-cache", "referrer-policy": "same-origin"}
# An origin of its own: whatever a page holds, it may not speak to Dagster as the UI does.
APART = {
    "content-security-policy": "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox allow-downloads "
    "allow-top-navigation-by-user-activation"
}


class Folder(StaticFiles):
    """Files of one folder, of `suffixes` alone where they are given; never another's, whatever the path says."""

    def __init__(
        self, directory: Path, suffixes: tuple[str, ...] = (), headers: dict[str, str] = APART
    ) -> None:
        # `latest` of the open data is a link within the folder.
        super().__init__(directory=directory, check_dir=False, html=True, follow_symlink=True)
        self.root, self.suffixes, self.headers = directory, suffixes, headers

    async def get_response(self, path: str, scope: Any) -> Response:
        if not path.isprintable():  # no file of ours; a NUL is no path at all
            raise HTTPException(status_code=404)
        try:
            target = (self.root / path).resolve()
            target.exists()
        except OSError:  # longer than any name of a file
            raise HTTPException(status_code=404) from None
        hidden = any(part.startswith(".") and part != "." for part in Path(path).parts)
        if hidden or not target.is_relative_to(self.root.resolve()):
            raise HTTPException(status_code=404)
        if target.exists() and not (target.is_file() or target.is_dir()):  # a pipe would be waited for
            raise HTTPException(status_code=404)
        if self.suffixes and target.suffix not in self.suffixes:
            raise HTTPException(status_code=404)
        response = await super().get_response(path, scope)
        response.headers.update({**HEADERS, **self.headers})
        return response


def open_dashboards(request: Request) -> Response:
    """To Superset where it listens on this machine, else how to start it."""
    if find_listener(SUPERSET_PORT) is None:
        return PlainTextResponse(NO_DASHBOARDS, status_code=503)
    return RedirectResponse(f"http://127.0.0.1:{SUPERSET_PORT}/superset/dashboard/online-submission/")


def pages_app(settings: Settings) -> Starlette:
    return Starlette(
        routes=[
            Mount(EXPORTS, Folder(settings.exports)),
            Mount(REPORTS, Folder(settings.quality, (".html",))),
            Mount(
                SITE, Folder(settings.data / "docs", headers={})
            ),  # dbt's own site keeps its state in the browser
            Route(DASHBOARDS, open_dashboards),
        ]
    )


def join_apps(dagster: Any, settings: Settings) -> Callable[..., Awaitable[None]]:
    """One ASGI app: our pages under their own paths, everything else Dagster's."""
    ours = pages_app(settings)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "") if scope["type"] == "http" else ""
        is_ours = any(
            path == root or path.startswith(f"{root}/") for root in (EXPORTS, REPORTS, SITE, DASHBOARDS)
        )
        await (ours if is_ours else dagster)(scope, receive, send)

    return app
