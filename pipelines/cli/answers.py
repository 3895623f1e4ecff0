"""What the audit commands share: their exit codes, JSON, and errors that scripts can tell apart.

0: nothing to report. 1: a finding, or a difference. 2: the question could not be answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import Any, NoReturn

import click
import duckdb

from pipelines.lake.location import find_lost_server
from pipelines.lake.server_errors import OtherWriter, ServerUnreachable
from pipelines.masking import make_printable
from pipelines.runs.lock import Busy
from pipelines.settings import Settings

ANSWERED, DIFFERENT, UNANSWERED = 0, 1, 2


class Unanswered(click.ClickException):
    """Wrong words, no lake, no such release."""

    exit_code = UNANSWERED

    def format_message(self) -> str:
        """What a row or a file's name holds is shown, and never obeyed by the terminal."""
        return make_printable(self.message)


class OneLine(click.ParamType):
    """What goes into the ledger as somebody's words: some, on one line, as a terminal may show them."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        words = " ".join(make_printable(str(value)).split())
        return words or self.fail("it is empty: write who, or why.", param, ctx)


WORDS = OneLine()


class Day(click.DateTime):
    """A day as people write it for programs; the answer to anything else is an example."""

    name = "day"

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is no day: write 2025-08-06.", param, ctx)


DAY = Day()


@contextmanager
def answering() -> Iterator[None]:
    """What is not there is said in one line, without a stack."""
    try:
        yield
    except (FileNotFoundError, LookupError) as error:
        raise Unanswered(str(error.args[0] if isinstance(error, KeyError) else error)) from None
    except (Busy, OtherWriter, ServerUnreachable) as error:
        raise Unanswered(str(error)) from None
    except duckdb.Error as error:
        if lost := find_lost_server(Settings.from_env()):
            raise Unanswered(str(lost)) from None
        first = str(error).splitlines()[0]
        raise Unanswered(
            f"The lake cannot be read: {first}\n`thongsuot verify` tells what was touched."
        ) from None


def require_landing(settings: Settings) -> None:
    """Unanswered where nothing was ever landed: a wrong folder would read as clean data."""
    if not settings.landing.is_dir():
        what = "holds no landed batch" if settings.data.is_dir() else "does not exist"
        raise Unanswered(
            f"{settings.data} {what}. THONGSUOT_DATA says where the data lie; `thongsuot run` brings them."
        )


def require_one_of(option: str, value: str | None, there: Iterable[str], most: int = 12) -> None:
    """BadParameter, with what there is, where a word is none of these."""
    from pipelines.sources.contracts.names import suggest_nearest

    existing = sorted(set(there))
    if value is None or value in existing:
        return
    listed = ", ".join(existing[:most]) + (f", … ({len(existing)})" if len(existing) > most else "")
    hint = suggest_nearest(value, existing)
    raise click.BadParameter(f"there is no `{value}`{hint}; there are {listed or 'none'}", param_hint=option)


def say(answer: object) -> None:
    """One JSON document; times and days as texts."""

    def plain(value: Any) -> Any:
        return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)

    print(make_printable(json.dumps(answer, default=plain, ensure_ascii=False)))


def leave(code: int) -> NoReturn:
    raise SystemExit(code)


def as_json(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="for programs")(command)
