"""Small files of the operation under `$THONGSUOT_DATA/operations`: what was verified, backed up, let go
and told, and when."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.landing.batches import write_json
from pipelines.plain_files import read_plain_text
from pipelines.settings import LOCAL_ZONE, Settings


class Verified(NamedTuple):
    """The last `verify`. `at`: local time in ISO form; `findings`: their texts."""

    at: str
    findings: list[str]
    head: str


class LastBackup(NamedTuple):
    """The last backup that was whole. `at`: when it began, local time in ISO form; `is_checked`: verified as a copy."""

    at: str
    destination: str
    is_checked: bool
    bytes: int


class LastTidy(NamedTuple):
    """The last `tidy`. `at`: local time in ISO form; `errors`: why what could not be looked after was left."""

    at: str
    errors: list[str]


def operations_folder(settings: Settings) -> Path:
    folder = settings.data / "operations"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def record_verification(settings: Settings, findings: list[str], head: str) -> None:
    verified = Verified(datetime.now(LOCAL_ZONE).replace(tzinfo=None).isoformat(), findings, head)
    write_json(operations_folder(settings) / "verified.json", verified._asdict())


def read_verification(settings: Settings) -> Verified | None:
    content = read_record(settings.data / "operations" / "verified.json")
    return Verified(**content) if content else None


def record_backup(settings: Settings, backup: LastBackup) -> None:
    write_json(operations_folder(settings) / "backup.json", backup._asdict())


def read_last_backup(settings: Settings) -> LastBackup | None:
    content = read_record(settings.data / "operations" / "backup.json")
    return LastBackup(**content) if content else None


def record_tidy(settings: Settings, tidy: LastTidy) -> None:
    write_json(operations_folder(settings) / "tidy.json", tidy._asdict())


def read_last_tidy(settings: Settings) -> LastTidy | None:
    content = read_record(settings.data / "operations" / "tidy.json")
    return LastTidy(**content) if content else None


def read_record(path: Path) -> dict[str, Any]:
    """What the file says; empty where there is none. ValueError where it was spoilt."""
    try:
        content = json.loads(read_plain_text(path))
    except FileNotFoundError:
        return {}
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no record")
    return content
