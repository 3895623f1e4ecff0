"""What `thongsuot status` says of the last run: in the words and times of one language, or of both."""

from __future__ import annotations

from datetime import datetime

import pytest

from pipelines.cli.status import describe_run
from pipelines.runs.history import LastRun
from pipelines.settings import LOCAL_ZONE

RUN = LastRun("2d9ed7a0-1", "success", datetime(2026, 11, 30, 19, 19, 39, tzinfo=LOCAL_ZONE))


@pytest.mark.parametrize(
    ("run", "language", "words"),
    [
        (RUN, "vi", f"2d9ed7a0 thành công, 19:19 ngày 30/11/2026 ({LOCAL_ZONE})"),
        (RUN, "en", f"2d9ed7a0 success, 19:19, 30 Nov 2026 ({LOCAL_ZONE})"),
        (RUN, None, f"2d9ed7a0 success 2026-11-30 19:19:39 ({LOCAL_ZONE})"),
        (RUN._replace(status="started", started_at=None), "vi", "2d9ed7a0 đang chạy"),
        (None, "vi", "chưa có"),
        (None, None, "none"),
    ],
)
def test_the_last_run_is_told_in_the_language_asked_for(
    run: LastRun | None, language: str | None, words: str
) -> None:
    assert describe_run(run, language) == words
