"""`brief.html` and a page per commune for the people who decide, self-contained, and `brief.pdf` for their desk.

Written aside and swapped by rename, the main page last; idempotent per release and per version of the pages.
"""

from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path

from pipelines.exports.brief.figures import Marts
from pipelines.exports.brief.pages import FOLDER, MAIN, list_links, render_pages
from pipelines.exports.brief.paper import write_pdf
from pipelines.exports.common import list_tables, newest_release
from pipelines.exports.export import Export, ExportResult
from pipelines.exports.headline import read_headline, write_headline
from pipelines.exports.maker import describe_maker
from pipelines.exports.rate_chart import read_rate_chart
from pipelines.gate.record import list_release_findings
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts


def brief_file(settings: Settings) -> Path:
    return settings.exports / MAIN


def write_brief(settings: Settings, release_id: int | None = None) -> ExportResult:
    """Write pages and PDF where they are not of the release, by default the newest; LookupError without one."""
    path, folder = brief_file(settings), settings.exports / FOLDER
    pdf = path.with_suffix(".pdf")
    folder.mkdir(parents=True, exist_ok=True)
    contracts = load_contracts(settings.sources_file)
    maker = describe_maker(settings, contracts)
    with newest_release(settings, release_id) as (con, newest):
        rewritten = _stamps(path) != (newest.release_hash, maker)
        if rewritten:
            pages = render_pages(
                Marts(con, list_tables(con, settings)),
                newest,
                contracts,
                list_links(settings),
                list_release_findings(con, newest.release_id),
                maker,
            )
            # Before the page: a PDF of an older release must not lie beside the new one, whenever we stop.
            pdf.unlink(missing_ok=True)
            _write_pages(settings.exports, pages)
        if not pdf.exists():
            write_pdf(
                path.read_text(encoding="utf-8"), pdf, newest.published_at.replace(tzinfo=UTC, microsecond=0)
            )
    communes = sorted(folder.glob("*.html"))
    return ExportResult(
        path,
        newest,
        rewritten,
        {"pages of communes": len(communes), "pdf": str(pdf)},
        (pdf, *communes),
    )


def _write_pages(exports: Path, pages: dict[str, str]) -> None:
    """Each by rename, in the order of `pages`; those of communes that are no more are taken away."""
    for name, text in pages.items():
        target = exports / name
        draft = target.with_suffix(".partial")
        draft.write_text(text, encoding="utf-8")
        draft.replace(target)
    for left in (exports / FOLDER).iterdir():
        if f"{FOLDER}/{left.name}" not in pages:
            left.unlink()


def _stamps(path: Path) -> tuple[str, str] | None:
    """(release hash, maker) of the page that lies there."""
    if not path.exists():
        return None
    stamps = dict(
        re.findall(r'name="thongsuot-(\w+)" content="(\w+)"', path.read_text(encoding="utf-8")[:2000])
    )
    return stamps.get("release", ""), stamps.get("page", "")


def preview_brief(settings: Settings) -> str:
    """The headline and the rate's picture, as Markdown."""
    with newest_release(settings) as (con, newest):
        parts = [write_headline(read_headline(con, newest)), read_rate_chart(settings, con, newest)]
    return "\n\n".join(part for part in parts if part)


EXPORT = Export(
    name="brief",
    write=write_brief,
    kinds=frozenset({"html"}),
    exposure="task_force_brief",
    files=("brief.html", "brief.pdf", "brief/*"),
    remake=write_brief,
    title_vi="Bản tin điều hành",
    title_en="The brief",
    description_vi="bản tin của tỉnh và một trang cho mỗi xã, phường; mỗi con số mang theo nguồn của nó.",
    description_en="The brief and a page per commune; every figure carries the query it comes from.",
    preview=preview_brief,
)
