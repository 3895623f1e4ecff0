"""Records carry what they are about as fields, and a run that has no terminal prints them."""

from __future__ import annotations

import io
import logging

import pytest

from pipelines.log import get_logger, print_steps, quiet


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
