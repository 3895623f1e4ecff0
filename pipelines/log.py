"""Loggers whose records carry source, partition and batch as fields, and one way to print them.

A room writes `LOG = get_logger(__name__)`, then `LOG.info("pulled", source=…, partition=…, rows=…)`.
Nothing is printed until `print_steps` is on; whoever embeds the package attaches handlers as usual. With
`THONGSUOT_LOG=json` each record is an object on a line of its own, for whatever collects logs.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TextIO

from pipelines.masking import make_printable, mask_secrets, mask_values

ROOT = "pipelines"
# Always first in a line, in this order; other fields follow as they came.
LEADING = ("source", "partition", "batch")
# Else Python would print warnings to standard error wherever nobody has attached a handler.
logging.getLogger(ROOT).addHandler(logging.NullHandler())


class FieldLogger:
    """A logger of the standard library that takes fields as keywords; `bind` keeps some for all records."""

    def __init__(self, logger: logging.Logger, fields: dict[str, Any]) -> None:
        self._logger, self._fields = logger, fields

    def bind(self, **fields: Any) -> FieldLogger:
        return FieldLogger(self._logger, self._fields | fields)

    def debug(self, message: str, **fields: Any) -> None:
        self._log(logging.DEBUG, message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self._log(logging.INFO, message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._log(logging.WARNING, message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self._log(logging.ERROR, message, fields)

    def _log(self, level: int, message: str, fields: dict[str, Any]) -> None:
        if self._logger.isEnabledFor(level):
            present = {
                n: mask_values(value) for n, value in (self._fields | fields).items() if value is not None
            }
            # `%` in a message is text: there are no arguments. stacklevel: the caller of `info`, not this file.
            self._logger.log(level, mask_secrets(message), extra={"fields": present}, stacklevel=3)


def get_logger(name: str, **fields: Any) -> FieldLogger:
    """The logger of a module (`__name__`); `fields` stand in each of its records."""
    return FieldLogger(logging.getLogger(name), fields)


class FieldFormatter(logging.Formatter):
    """`12:00:01 message source=dossier_log partition=2025-08-06 rows=120`; warnings name their level."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if record.levelno >= logging.WARNING:
            text = text.replace(" ", f" {record.levelname} ", 1)
        fields = dict(getattr(record, "fields", {}))
        ordered = [name for name in LEADING if name in fields] + [n for n in fields if n not in LEADING]
        line = " ".join([text, *(f"{name}={_spell(fields[name])}" for name in ordered)])
        return make_printable(mask_secrets(line))


class JsonFormatter(logging.Formatter):
    """`{"at": "2025-08-07T00:30:01+07:00", "level": "info", "logger": …, "message": …, "source": …}`, one line each.

    A field with the name of one of the first four has `field_` before it.
    """

    def format(self, record: logging.LogRecord) -> str:
        head = {
            "at": datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": mask_secrets(record.getMessage()),
        }
        if record.exc_info:
            head["error"] = mask_secrets(self.formatException(record.exc_info))
        fields = {
            f"field_{name}" if name in head else name: mask_values(value)
            for name, value in getattr(record, "fields", {}).items()
        }
        # Control characters leave as \u escapes, so no value begins a line or speaks to a terminal.
        return json.dumps(head | fields, default=lambda value: mask_secrets(str(value)))


def prints_json() -> bool:
    """Whether the environment asks for a log that a program reads."""
    return os.environ.get("THONGSUOT_LOG") == "json"


def _spell(value: Any) -> str:
    """In quotes where a blank would end the value early; no value begins a new line."""
    text = re.sub("[\n\u2028\u2029]", "\ufffd", str(value))
    return f'"{text}"' if not text or any(character.isspace() for character in text) else text


@contextmanager
def print_steps(stream: TextIO | None = None, level: int = logging.INFO) -> Iterator[None]:
    """Print the records of every `pipelines.*` logger for as long as the block; default: standard error."""
    logger = logging.getLogger(ROOT)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if prints_json() else FieldFormatter())
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


@contextmanager
def quiet(name: str, level: int = logging.CRITICAL) -> Iterator[None]:
    """One foreign logger says nothing below `level` for as long as the block; all others go on."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
