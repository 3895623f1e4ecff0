"""The brief on A4 as PDF: the page's own words and figures, set by Typst; no browser, and the same bytes each time.

What a printer leaves out of the page (English, links, folded lists) is left out here; how the rest looks on paper is
`templates/paper.typ`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from html import unescape
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

VOID = frozenset({"meta", "input", "br", "line", "path", "polyline", "picture"})
UNPRINTED_TAGS = frozenset({"head", "script", "style", "nav", "label", "input", "title", "summary"})
UNPRINTED_CLASSES = frozenset({"en", "counts", "spark"})
# Between the parts of these nothing is written.
STRUCTURES = frozenset(
    {"document", "html", "body", "main", "header", "section", "div", "figure", "details", "svg"}
    | {"table", "thead", "tbody", "tr", "ul", "ol", "dl"}
)
# Of a tag, what the paper needs to know: places in a drawing, widths and colours.
ATTRIBUTES = frozenset({"id", "style", "points", "d", "x1", "y1", "src"})
# The map is a picture of its own; the drawing of the rate is stretched to its box, so the paper draws it.
MAP = re.compile(r'(?<=<figure class="map">)<svg.*?</svg>', re.DOTALL)
INK, PAPER = "#111820", "#ffffff"

Node = dict[str, Any]


def write_pdf(page: str, pdf: Path, published_at: datetime) -> None:
    """Write `page`, the text of `brief.html`, to `pdf`; dated by its release, so that it comes out the same again."""
    draft = pdf.with_suffix(".pdf.partial")
    draft.write_bytes(_set(page, timestamp=published_at))
    draft.replace(pdf)


def draw_pages(page: str, dots_per_inch: float) -> list[bytes]:
    """The same pages as PNG, for somebody who has no reader of PDF."""
    pictures = _set(page, format="png", ppi=dots_per_inch)
    return (
        [pictures] if isinstance(pictures, bytes) else list(pictures)
    )  # Typst gives one page alone as it is


def _set(page: str, **options: Any) -> Any:
    import typst

    maps = [svg.replace("var(--ink)", INK).replace("var(--paper)", PAPER) for svg in MAP.findall(page)]
    document = {"title": read_title(page), "page": read_page(MAP.sub("<picture>", page)), "maps": maps}
    return typst.compile(
        (files("pipelines.exports.brief") / "templates" / "paper.typ").read_bytes(),
        sys_inputs={"document": json.dumps(document, ensure_ascii=False)},
        ignore_system_fonts=True,
        **options,
    )


def read_title(page: str) -> str:
    match = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    return unescape(match[1]).strip() if match else ""


def read_page(page: str) -> Node:
    """The printed part of a page as a tree of `tag`, `classes`, `attributes`, `children` (nodes and texts)."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.root


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = _node("document", {})
        self._open = [self.root]
        # How many tags are open inside something that is not printed.
        self._unprinted = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if self._unprinted or _is_unprinted(tag, values):
            self._unprinted += tag not in VOID
            return
        node = _node(tag, values)
        self._open[-1]["children"].append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if self._unprinted:
            self._unprinted -= 1
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        inside = self._open[-1]
        text = re.sub(r"[ \t\n]+", " ", data)
        if not self._unprinted and (text != " " or inside["tag"] not in STRUCTURES):
            inside["children"].append(text)


def _node(tag: str, values: Mapping[str, str]) -> Node:
    return {
        "tag": tag,
        "classes": values.get("class", "").split(),
        "attributes": {name: values[name] for name in ATTRIBUTES & values.keys()},
        "children": [],
    }


def _is_unprinted(tag: str, values: Mapping[str, str]) -> bool:
    return (
        tag in UNPRINTED_TAGS
        or not UNPRINTED_CLASSES.isdisjoint(values.get("class", "").split())
        or "data-served" in values
        or (tag == "details" and "open" not in values)
    )
