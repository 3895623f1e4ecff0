"""What was measured as one table of at most a hundred columns, as `docs/speed.md`, and as the plot of cost over history.

    python -m benchmarks.report

Reads `results.json`, which the other benchmarks write; measures nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.results import Figure, Topic, read_results
from pipelines.settings import PROJECT

PAGE, PLOT = PROJECT / "docs" / "speed.md", PROJECT / "docs" / "pictures" / "cost-over-history.png"
INTRODUCTION = """# Speed

Written by `make bench` (`python -m benchmarks.report`) from `benchmarks/results.json`; not by hand. Whole processes, start-up
and all. What is read from it are the ratios of one run; seconds are those of one machine.
"""
PLOT_LINK = (
    "![CPU seconds over rows of the log: a night, everything from nothing, a pandas script]"
    "(pictures/cost-over-history.png)\n"
)
# Topic → its heading, in the order of the page.
HEADINGS = {
    "line": "The line beside what a user would write",
    "pulling": "Pulling",
    "backfill": "A year of days in one run",
    "validation": "Validation beside Great Expectations over a whole frame",
    "gate": "Validation and gate, of the line",
    "marts": "Building the marts",
    "history": "A night over history",
    "releases": "Releases",
    "readers": "Readers while a run publishes",
    "spark": "One machine and Spark",
}
# Of the plot: name in `points` → label, colour, line.
LINES = {
    "night": ("thongsuot, a night with one more day", "#0b6e4f", "-"),
    "anew": ("thongsuot, everything from nothing (--full, or the first release)", "#d97706", "--"),
    "pandas": ("pandas + Great Expectations script, everything each time", "#6b7280", ":"),
}


def format_value(figure: Figure) -> str:
    digits = 0 if abs(figure.value) >= 100 else 1 if abs(figure.value) >= 10 else 2
    return f"{figure.value:,.{digits}f} {figure.unit}"


def describe_goal(figure: Figure) -> str:
    """`≤ 60 s, met`; empty without a goal."""
    if figure.goal is None:
        return ""
    return f"≤ {figure.goal:,g} {figure.unit}, {'met' if figure.is_met else 'missed'}"


def render_table(results: Mapping[str, Topic]) -> Table:
    table = Table("", "measured", "goal", box=box.SIMPLE_HEAD, width=100)
    table.columns[1].justify = "right"
    for name, heading in HEADINGS.items():
        if name in results:
            table.add_section()
            table.add_row(f"[bold]{heading}[/] ({results[name].commit}, {results[name].day})")
            for figure in results[name].figures:
                table.add_row(f"  {figure.what}", format_value(figure), describe_goal(figure))
    return table


def render_page(results: Mapping[str, Topic]) -> str:
    lines = [INTRODUCTION, *([PLOT_LINK] if has_history(results) else [])]
    for name, heading in HEADINGS.items():
        if name in results:
            topic = results[name]
            lines += [f"## {heading}\n", f"{topic.machine}; commit `{topic.commit}`, {topic.day}.\n"]
            lines += ["| what | measured | goal |", "|---|--:|---|"]
            lines += [f"| {f.what} | {format_value(f)} | {describe_goal(f)} |" for f in topic.figures]
            lines += [""]
    return "\n".join(lines)


def has_history(results: Mapping[str, Topic]) -> bool:
    """Whether there is a line to draw beside that of the script."""
    return bool(gather_points(results)["night"])


def gather_points(results: Mapping[str, Topic]) -> dict[str, list[tuple[float, float]]]:
    """Line of the plot → (million rows of the log, CPU seconds), by rows."""
    points: list[dict[str, Any]] = [point for topic in results.values() for point in topic.points]
    return {
        name: sorted((point["log_rows"] / 1e6, point[name]) for point in points if name in point)
        for name in LINES
    }


def draw_plot(results: Mapping[str, Topic], path: Path) -> None:
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(8, 4.2), dpi=110)
    axes = drawing.add_subplot()
    for name, points in gather_points(results).items():
        if points:
            label, colour, style = LINES[name]
            axes.plot(*zip(*points, strict=True), style, marker="o", color=colour, linewidth=2, label=label)
    axes.set_xlabel("million rows of the log")
    axes.set_ylabel("CPU seconds")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=9)
    drawing.tight_layout()
    drawing.savefig(path, metadata={"Software": None})


def main() -> None:
    results = read_results()
    Console(width=100).print(render_table(results))
    PAGE.write_text(render_page(results), encoding="utf-8")
    if has_history(results):
        draw_plot(results, PLOT)


if __name__ == "__main__":
    main()
