"""The rate's picture is drawn once for a release, and again for another one or where the file is cut."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from pipelines.exports import rate_chart
from pipelines.exports.rate_chart import draw_rate_chart, read_rate_chart
from pipelines.settings import Settings


def test_a_chart_is_drawn_once_for_a_release(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    drawings = ["third", "second", "first"]
    monkeypatch.setattr(rate_chart, "draw_rate_chart", lambda _: drawings.pop())
    one, other = (SimpleNamespace(release_hash=text) for text in ("aa", "bb"))
    con: Any = None

    def read(release: Any) -> str | None:
        return read_rate_chart(settings, con, release)

    assert [read(one), read(one), read(other)] == ["first", "first", "second"]
    (settings.dagster / "rate_chart.json").write_text("{", encoding="utf-8")
    assert read(other) == "third"


def test_a_chart_is_a_picture_inside_markdown() -> None:
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as lake; create schema lake.marts")
        con.execute(
            "create table lake.marts.online_submission_rate as select date '2025-07-01' + n::integer as as_of_day, "
            "0.5 + n / 100 as rate, date '2025-07-01' as period_start, 'province' as unit_level, "
            "'since_start' as period from range(5) as t (n)"
        )
        chart = draw_rate_chart(con)
        con.execute("delete from lake.marts.online_submission_rate")
        assert draw_rate_chart(con) is None
    assert chart is not None and chart.startswith("![rate](data:image/png;base64,iVBOR")
