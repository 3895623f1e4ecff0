"""A confirmation that only who may write into the data directory can give: a file of one use.

What rolls a place back or passes the gate is never done by a run's configuration alone: whoever can launch a run
in Dagster could write any phrase into it.
"""

from __future__ import annotations

import re
import secrets
import time

from pipelines.settings import Settings

SECONDS_VALID = 3600


class NotConfirmed(ValueError):
    """Nobody confirmed this at the command line, or it was used already; the text says what to do."""


def make_confirmation(settings: Settings, action: str) -> str:
    """The code that confirms `action` once within an hour, for the run's configuration."""
    code = secrets.token_hex(16)
    folder = settings.dagster / "confirmations"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / code).write_text(action, encoding="utf-8")
    return code


def use_confirmation(settings: Settings, action: str, code: str, command: str = "") -> None:
    """Take the confirmation away; NotConfirmed where there is none of this code for this action.

    `command`: what prints one, where it is not `releases confirm ACTION`.
    """
    path = settings.dagster / "confirmations" / code
    try:
        if not re.fullmatch(r"[0-9a-f]{32}", code) or path.read_text(encoding="utf-8") != action:
            raise FileNotFoundError
        age = time.time() - path.stat().st_mtime
        path.unlink()  # of two runs with one code, one fails here
    except FileNotFoundError:
        age = float("inf")
    if age > SECONDS_VALID:
        raise NotConfirmed(
            f"Nothing was changed: to {action} needs a confirmation from the command line, each time anew. "
            f"`thongsuot {command or f'releases confirm {action}'}` prints one for `confirm` in the launchpad."
        )
