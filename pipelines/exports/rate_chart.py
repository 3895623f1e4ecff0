"""The rate's history as a small picture for the UI: one SVG-free PNG inside Markdown."""

from __future__ import annotations

import base64
import io

import duckdb

from pipelines.exports.common import SINCE_START
from pipelines.lake.catalogue import ALIAS
from pipelines.sources.contracts.canon import read_canon


def rate_chart_markdown(con: duckdb.DuckDBPyConnection) -> str | None:
    """`![…](data:image/png;base64,…)` of the province's rate since counting began; None without rows."""
    rows = con.execute(
        "select as_of_day, rate * 100, strftime(period_start, '%d/%m/%Y') "
        f"from {ALIAS}.marts.online_submission_rate "
        "where unit_level = ? and period = ? and rate is not null order by as_of_day",
        [read_canon().whole.level, SINCE_START],
    ).fetchall()
    if not rows:
        return None
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 2.4), dpi=90)
    axes.plot([r[0] for r in rows], [r[1] for r in rows], color="#0b6e4f", linewidth=2)
    axes.set_title(f"Tỷ lệ hồ sơ nộp trực tuyến từ {rows[-1][2]} (%)", fontsize=10)
    axes.annotate(f"{rows[-1][1]:.2f}", (rows[-1][0], rows[-1][1]), fontsize=9)
    axes.grid(alpha=0.3)
    figure.autofmt_xdate()
    figure.tight_layout()
    image = io.BytesIO()
    figure.savefig(image, format="png")
    plt.close(figure)
    return f"![rate]({'data:image/png;base64,' + base64.b64encode(image.getvalue()).decode()})"
