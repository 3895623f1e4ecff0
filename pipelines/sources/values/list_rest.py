"""Whether an answer says that there is more than its list: pages that nobody asks for would go missing unsaid."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pipelines.sources.contracts.contract import Source
from pipelines.sources.notes import CHECK

TOTAL = re.compile(
    r"(?i)@?(odata\.)?(total|count)|total_?(count|records|elements|items|rows|results)|"
    r"(record|item|row|result)s?_?(count|total|filtered)|tong_?so(_?ban_?ghi)?"
)
MORE = re.compile(
    r"(?i)has_?(more|next)(_?page)?|@?(odata\.)?next(_?(page|link|url|cursor|token|page_?token))?|"
    r"continuation_?token"
)
# Where answers keep what they say of their pages, beside the list or above it.
ASIDE = re.compile(r"(?i)paging|pagination|page|page_?info|meta|links")


class Rest(NamedTuple):
    """What an answer says of its list: the largest total with its key, and the key that promises more."""

    total: int = 0
    total_key: str = ""
    more_key: str = ""


def find_rest(source: Source, document: Any) -> Rest:
    """What stands beside the list, above it or in an object about pages; nothing where sources.yaml has `paging`."""
    if "paging" in source.model_fields_set:
        return Rest()
    totals = [(total, key) for key, value in _list_marks(source.records or ".", document)
              if TOTAL.fullmatch(key.rpartition(".")[2]) and (total := _read_number(value)) is not None]  # fmt: skip
    more = [key for key, value in _list_marks(source.records or ".", document)
            if MORE.fullmatch(key.rpartition(".")[2]) and value not in (None, "", False, 0, "false", "0")]  # fmt: skip
    return Rest(*max(totals, default=(0, "")), next(iter(more), ""))


def describe_rest(rests: Sequence[Rest], records: int) -> str | None:
    """A note where answers, which have so many records together, say that there are more."""
    if not rests:
        return None
    total = max(rests)
    if total.total > records:
        reason = f"`{total.total_key}` says {total.total}"
    elif rests[-1].more_key:
        reason = f"`{rests[-1].more_key}` says so"
    else:
        return None
    return (
        f"{CHECK}the source has more than the {records} records that came: {reason}. Set `paging` in sources.yaml; "
        f"`paging: {{by: none}}` where these are all"
    )


def _list_marks(path: str, document: Any) -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of single values on the way to the list, and in objects about pages there."""
    above, at = document, ""
    for step in ["", *filter(None, path.split("."))]:
        above = above.get(step) if step and isinstance(above, Mapping) else above
        at += f"{step}." if step else ""
        for key, value in above.items() if isinstance(above, Mapping) else ():
            if isinstance(value, Mapping) and ASIDE.fullmatch(key):
                yield from ((f"{at}{key}.{name}", inner) for name, inner in value.items())
            elif not isinstance(value, Mapping | list):
                yield f"{at}{key}", value


def _read_number(value: Any) -> int | None:
    text = str(value)
    return int(text) if not isinstance(value, bool) and re.fullmatch(r"\d{1,12}", text) else None
