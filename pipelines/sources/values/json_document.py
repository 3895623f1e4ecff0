"""A JSON document as its writer meant it: what a parser would decide in silence is an error."""

from __future__ import annotations

import json
from typing import Any

from pipelines.sources.values.native import Number


def parse_json(text: str) -> Any:
    """Numbers keep the digits they were written with.

    ValueError, with line and column where there is one, for what is no JSON (NaN, a text cut short), for a
    key that an object holds twice (RFC 8259 §4 leaves open which of them counts), and beyond any sane depth.
    """
    try:
        return json.loads(
            text,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_make_object,
        )
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) - 1
        reason = "it is cut short" if cut else f"no valid JSON at line {error.lineno}, column {error.colno}"
        raise ValueError(f"{reason} ({error.msg})") from None
    except RecursionError:
        raise ValueError("it is nested too deeply: hostile or damaged") from None


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"it holds {word}, which is no JSON number")


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(
            f"an object holds the key {twice!r:.60} twice: which of its values counts, it does not say"
        )
    return content
