"""Records carry what they are about as fields, and a run that has no terminal prints them."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from datetime import date, datetime

import pytest

from pipelines.log import get_logger, print_steps, quiet
from pipelines.masking import register_secret
from pipelines.settings import Settings, SettingsError


def test_a_line_names_source_partition_and_batch_before_other_fields() -> None:
    stream = io.StringIO()
    log = get_logger("pipelines.landing.pull", source="dossier_log")
    with print_steps(stream):
        log.info("pulled 100 %", rows=120, batch="b1", partition="2025-08-06", notes=None)
        log.bind(partition="2025-08-07").warning("not provided", why="no file yet")
    first, second = stream.getvalue().splitlines()
    assert first.split(" ", 1)[1] == "pulled 100 % source=dossier_log partition=2025-08-06 batch=b1 rows=120"
    assert second.split(" ", 1)[1] == (
        'WARNING not provided source=dossier_log partition=2025-08-07 why="no file yet"'
    )


def test_fields_reach_any_handler_of_the_standard_library(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="pipelines"):
        get_logger("pipelines.quality").info("validated", source="task_tracker")
    (record,) = caplog.records
    assert record.fields == {"source": "task_tracker"}  # type: ignore[attr-defined]
    assert record.funcName == "test_fields_reach_any_handler_of_the_standard_library"


def test_nothing_is_printed_outside_the_block() -> None:
    stream = io.StringIO()
    with print_steps(stream):
        get_logger("pipelines.x").debug("too detailed")
    get_logger("pipelines.x").info("afterwards")
    assert stream.getvalue() == ""


def test_quieting_one_logger_leaves_the_others_and_ends_with_the_block() -> None:
    loud, foreign = logging.getLogger("pipelines.x"), logging.getLogger("someone.else")
    with quiet("someone.else"):
        assert not foreign.isEnabledFor(logging.ERROR) and loud.isEnabledFor(logging.ERROR)
    assert foreign.isEnabledFor(logging.ERROR)


def test_a_program_reads_each_record_as_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THONGSUOT_LOG", "json")
    register_secret("hunter2-hunter2", "A_SECRET")
    stream = io.StringIO()
    log = get_logger("pipelines.landing.pull", source="dossier_log")
    with print_steps(stream):
        log.info("pulled", rows=120, partition=date(2025, 8, 6), level="commune")
        log.warning("odd\u2028name \x1b[31m", path="hunter2-hunter2", units=["H01", None])
    lines = stream.getvalue().split("\n")
    first, second = map(json.loads, lines[:2])
    assert lines[2:] == [""] and "\u2028" not in lines[1] and "\x1b" not in lines[1]
    assert datetime.fromisoformat(first.pop("at")).tzinfo
    assert first == {
        "level": "info", "logger": "pipelines.landing.pull", "message": "pulled", "source": "dossier_log",
        "rows": 120, "partition": "2025-08-06", "field_level": "commune",
    }  # fmt: skip
    assert (second["level"], second["units"]) == ("warning", ["H01", None])
    assert "hunter2" not in lines[1]


def test_a_word_that_is_neither_is_refused() -> None:
    with pytest.raises(SettingsError, match="THONGSUOT_LOG is text or json"):
        Settings.from_env({"THONGSUOT_LOG": "jsn"})


def test_no_line_stands_there_twice_once_dbt_is_loaded(settings: Settings) -> None:
    """In a process of its own: the handler comes with the import, which happened here already."""
    program = (
        "from pathlib import Path; from pipelines.log import get_logger, print_steps; from pipelines.settings import *;"
        f"from pipelines.warehouse import dbt; dbt._invoke(Settings(data=Path({str(settings.data)!r})), '--version')\n"
        "with print_steps(): get_logger('pipelines.x').info('once')"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stderr.count("once") == 1, result.stderr
