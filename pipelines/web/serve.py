"""Dagster's web server and daemon as Dagster starts them, with the guard before the server."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.settings import Settings
from pipelines.web.guard import Guard
from pipelines.web.pages import join_apps, pages_app

# For the web server's own process, beside what the operator set.
HOSTS = "THONGSUOT_UI_HOSTS"
LOOPBACK = "127.0.0.1"
ANY_ADDRESS = ("", "0.0.0.0", "::")


def serve_dagster(host: str, port: int) -> None:
    """Until it is ended: web server, daemon and code server of this project on this data directory."""
    from dagster._cli import dev

    obey_interrupts()
    # An address that the operator names is one under which the server may be called; "any" is no name.
    if host not in ANY_ADDRESS:
        os.environ[HOSTS] = f"{os.environ.get(HOSTS, '')} {host}".strip()
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    open_process = dev.open_ipc_subprocess

    def open_guarded(words: Sequence[str], **options: Any) -> Any:
        return open_process(guard_command(words), **options)

    dev.open_ipc_subprocess = open_guarded
    # Dagster says there what it will call its own command one day: nothing that an operator could do.
    warnings.filterwarnings("ignore", message=".*dev_command.*")
    words = ["-m", "pipelines.definitions", "-h", host, "-p", str(port)]
    dev.dev_command.main(words, prog_name="thongsuot ui")


def obey_interrupts() -> None:
    """A shell lets what it starts in the background ignore SIGINT, by which Dagster ends the processes that it started:
    they, and this one, would outlive every `kill`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def guard_command(words: Sequence[str]) -> list[str]:
    """Dagster's command with our module for its web server (`python -m …`); any other as it is."""
    return ["pipelines.web" if word == "dagster_webserver" else word for word in words]


def guard_app(app: Any, settings: Settings) -> Guard:
    """Dagster's app with our pages, behind the guard, for the names of THONGSUOT_UI_HOSTS (blanks, commas)."""
    return Guard(join_apps(app, settings), os.environ.get(HOSTS, "").replace(",", " ").split())


def serve_pages(settings: Settings, port: int) -> None:
    """Our pages alone, on loopback, until it is ended: where no UI runs."""
    import uvicorn

    uvicorn.run(Guard(pages_app(settings)), host=LOOPBACK, port=port, log_level="warning")
