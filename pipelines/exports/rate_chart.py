"""The rate's history as a small picture for the UI: one SVG-free PNG inside Markdown."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import duckdb

from pipelines.exports.common import SINCE_START
from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import Release
from pipelines.landing.batches import hash_file, write_json
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon


def read_rate_chart(settings: Settings, con: duckdb.DuckDBPyConnection, release: Release) -> str | None:
    """The chart of a release, drawn once: what draws it costs a night with nothing new half a second to import."""
    file = settings.dagster / "rate_chart.json"
    key = f"{release.release_hash} {hash_file(Path(__file__))}"
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["of"] == key:
            return kept["chart"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or of another release
    chart = draw_rate_chart(con)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, {"of": key, "chart": chart})
    return chart


def draw_rate_chart(con: duckdb.DuckDBPyConnection) -> str | None:
    """`![…](data:image/png;base64,…)` of the province's rate since counting began; None without rows."""
    rows = con.execute(
        "select as_of_day, rate * 100, strftime(period_start, '%d/%m/%Y') "
        f"from {ALIAS}.marts.online_submission_rate "
        "where unit_level = ? and period = ? and rate is not null order by as_of_day",
        [read_canon().whole.level, SINCE_START],
    ).fetchall()
    if not rows:
        return None
    # Not pyplot, which costs as much again and is for windows.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.4), dpi=90)
    axes = figure.add_subplot()
    axes.plot([r[0] for r in rows], [r[1] for r in rows], color="#0b6e4f", linewidth=2)
    axes.set_title(f"Tỷ lệ hồ sơ nộp trực tuyến từ {rows[-1][2]} (%)", fontsize=10)
    axes.annotate(f"{rows[-1][1]:.2f}", (rows[-1][0], rows[-1][1]), fontsize=9)
    axes.grid(alpha=0.3)
    figure.autofmt_xdate()
    figure.tight_layout()
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return f"![rate]({'data:image/png;base64,' + base64.b64encode(image.getvalue()).decode()})"
