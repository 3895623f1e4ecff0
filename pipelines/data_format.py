"""Which format a data directory has, written into it: older ones are brought up to date, newer ones are refused.

A format is the layout of files and of the ledger together. It rises where code of before could misread what code of
now writes; tables and files that are only added leave it alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from pipelines.log import get_logger
from pipelines.plain_files import read_plain_text
from pipelines.settings import Settings, SettingsError

LOG = get_logger(__name__)
NAME = "format.json"
# 1: directories without this record, as 0.1 and the first of 0.2 wrote them. 2: with it.
FORMAT = 2
# Bytes; the record has fewer than a hundred.
LARGEST = 1000


class FormatRefused(SettingsError):
    """The data directory is not one that this version may touch; the text says what to do."""


def read_format(data: Path) -> int | None:
    """None where no data are yet; FormatRefused for a record that is none, and where a restore was interrupted."""
    path = data / NAME
    if os.path.lexists(path):
        return check_format_of(path)
    return 1 if (data / "landing").is_dir() or (data / "lake").is_dir() else None


def check_format_of(path: Path) -> int:
    """The number of the record; FormatRefused where this version must not read what it stands for."""
    try:
        record = json.loads(read_plain_text(path, LARGEST))
        number, code = record["format"], record["code"]
        if type(number) is not int or number < 1 or not (isinstance(code, str) and code.isprintable()):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise FormatRefused(
            f"{path} is no record of a format: put the file back from backup. Nothing was changed."
        ) from None
    if record.get("restoring"):
        raise FormatRefused(
            f"{path.parent} is being restored, or a restore of it was interrupted: empty it and restore again "
            "(`thongsuot restore-backup`)."
        )
    if number > FORMAT:
        raise FormatRefused(
            f"{path.parent} has format {number}, written by thongsuot {code}. This is {version('thongsuot')}, which "
            f"reads formats up to {FORMAT}: install {code} or newer again, or restore a backup of before the upgrade "
            "into an empty directory (docs/operations.md#upgrade). Nothing was changed."
        )
    return number


def upgrade_format(settings: Settings) -> list[int]:
    """Bring the directory to this version's format, step by step, and record it; the formats it came from.

    Each step leaves a directory that it may meet again: a kill between two of them is no harm.
    """
    steps = []
    number = read_format(settings.data) or FORMAT
    while number < FORMAT:
        UPGRADES[number](settings)
        steps.append(number)
        number += 1
        _write_record(settings.data, number)
        LOG.info("the data directory was upgraded", format=number)
    if not (settings.data / NAME).exists():
        _write_record(settings.data, FORMAT)
    return steps


def adopt_unrecorded(settings: Settings) -> None:
    """1 → 2: the ledger, batches and reports of before are read as they are; only the record is new."""


def begin_restoring(data: Path) -> None:
    _write_record(data, FORMAT, restoring=True)


def end_restoring(data: Path) -> None:
    """For a backup that was made before there was a record."""
    (data / NAME).unlink()


def _write_record(data: Path, number: int, *, restoring: bool = False) -> None:
    data.mkdir(parents=True, exist_ok=True)
    record = {"format": number, "code": version("thongsuot")} | ({"restoring": True} if restoring else {})
    draft = data / f".{NAME}.{os.getpid()}.partial"
    draft.write_text(json.dumps(record), encoding="utf-8")
    draft.replace(data / NAME)


UPGRADES: dict[int, Callable[[Settings], None]] = {1: adopt_unrecorded}
