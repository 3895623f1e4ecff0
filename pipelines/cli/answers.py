"""What the audit commands share: their exit codes, JSON, and errors that scripts can tell apart.

0: nothing to report. 1: a finding, or a difference. 2: the question could not be answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import Any, NoReturn

import click
import duckdb

ANSWERED, DIFFERENT, UNANSWERED = 0, 1, 2


class Unanswered(click.ClickException):
    """Wrong words, no lake, no such release."""

    exit_code = UNANSWERED


@contextmanager
def answering() -> Iterator[None]:
    """What is not there is said in one line, without a stack."""
    try:
        yield
    except (FileNotFoundError, LookupError) as error:
        raise Unanswered(str(error.args[0] if isinstance(error, KeyError) else error)) from None
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise Unanswered(
            f"The lake cannot be read: {first}\n`thongsuot verify` tells what was touched."
        ) from None


def say(answer: object) -> None:
    """One JSON document; times and days as texts."""

    def plain(value: Any) -> Any:
        return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)

    print(json.dumps(answer, default=plain, ensure_ascii=False))


def leave(code: int) -> NoReturn:
    raise SystemExit(code)


def as_json(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="for programs")(command)
