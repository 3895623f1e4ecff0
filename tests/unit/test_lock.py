"""One writer at a time: who waits says for whom, stops at its limit, and at a signal."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path

import pytest

from pipelines.runs.lock import Busy, exclusive, read_holder
from pipelines.settings import Settings


def test_who_waits_says_for_whom_and_gives_up_at_its_limit(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with exclusive(settings), caplog.at_level(logging.WARNING, "pipelines"):
        holder = read_holder(settings)
        assert holder is not None and holder.pid == os.getpid()
        with (
            pytest.raises(Busy, match=rf"process {os.getpid()} \(.*since 20\d\d-") as error,
            exclusive(settings, 0.3),
        ):
            raise AssertionError("two writers")
    assert error.value.holder == holder
    assert [r.message for r in caplog.records] == [f"waiting for {holder}"]


def test_the_lock_is_free_after_its_block_and_belongs_to_the_next(settings: Settings) -> None:
    for _ in range(2):
        with exclusive(settings, 0):
            assert read_holder(settings) is not None
    assert (settings.data / "writer.lock").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "not a number\nnor a time\n", "12"])
def test_a_lock_that_names_nobody_is_waited_for_all_the_same(tmp_path: Path, text: str) -> None:
    settings = Settings(data=tmp_path)
    with exclusive(settings):
        (tmp_path / "writer.lock").write_text(text)
        with pytest.raises(Busy, match="another run"), exclusive(settings, 0):
            raise AssertionError("two writers")


def test_a_waiting_writer_ends_at_the_signal(settings: Settings) -> None:
    """As in a step of Dagster's, where the signal raises in the main thread."""

    class Stopped(BaseException):
        pass

    def stop(*_: object) -> None:
        raise Stopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with exclusive(settings), pytest.raises(Stopped):
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
            with exclusive(settings, 60):
                raise AssertionError("two writers")
    finally:
        signal.signal(signal.SIGTERM, before)
