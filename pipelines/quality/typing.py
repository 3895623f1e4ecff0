"""Landed text → typed columns, as one SQL statement per source built from its contract.

What does not parse is never lost: `<column>__raw` holds the text wherever typing gave nothing, and
the suite's rule on it says so. Formats are tried in the contract's order, never inferred.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipelines import duck
from pipelines.privacy.detectors import REMOVED
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.values.parsing import clean_text_sql, typed_value_sql

# What cp1252 makes of the bytes 80–BF, which follow the first byte of a Vietnamese letter in UTF-8.
_CONTINUATION = "[\\x{0080}-\\x{00BF}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
# Double-encoded UTF-8 ("Nghá»‡"; "à" keeps only its Ã when blanks are trimmed), the replacement
# character, and TCVN3 read as Latin-1 ("x· Hoµ"). Detected, never guessed at (docs/domain.md §7).
MOJIBAKE = f"á[º»]{_CONTINUATION}|[ÃÄÆ]{_CONTINUATION}|[a-z]Ã|\\x{{FFFD}}|[A-Za-z][µ¸¶]"


def select_typed(source: Source, relation: str, landed: Iterable[str]) -> str:
    """SELECT over `relation` (landed columns, `_key`, `_batch`, `_row`) giving typed columns.

    Beside each typed or mapped column stands `<column>__raw`: its text where it has no typed value.
    `landed` names the columns the batch really has; an absent optional one is NULL, or its default.
    Helper columns for the suite: the contract's `derived`; `texts__personal`, `texts__mojibake` hold
    an offending text.
    """
    present = set(landed)
    texts = ", ".join(
        f"{clean_text_sql(source, c) if c.name in present else 'null::varchar'} as {_text(c)}"
        for c in source.columns
    )
    typed = ", ".join(
        f"{typed_value_sql(source, c, _text)} as {duck.identifier(c.name)}" for c in source.columns
    )
    raws = "".join(
        f", case when {duck.identifier(c.name)} is null then {_text(c)} end as "
        f"{duck.identifier(c.name + '__raw')}"
        for c in source.columns
        if c.type != "text" or c.meanings
    )
    derived = "".join(f", {e} as {duck.identifier(n)}" for n, e in source.derived.items())
    free = [duck.identifier(n) for n in sorted(source.free_text_columns() & present)]
    scanned = [duck.identifier(n) for n in sorted(source.scanned_columns() & present)]
    joined = f"concat_ws(' ', {', '.join(scanned)})" if scanned else "null::varchar"
    # Asked of the landed columns: DuckDB then asks once per dictionary entry, not once per row.
    personal = " or ".join(f"contains({n}, {duck.literal(REMOVED)})" for n in scanned) or "false"
    mojibake = " or ".join(f"regexp_matches({n}, {duck.literal(MOJIBAKE)})" for n in free) or "false"
    return f"""
        with cleaned as (
            select _key, _batch, _row, {texts},
                case when {personal} then {joined} end as texts__personal,
                case when {mojibake} then {joined} end as texts__mojibake
            from {relation}
        ),
        typed as (select *, {typed} from cleaned)
        select * exclude ({", ".join(map(_text, source.columns))}){raws}{derived} from typed"""


def _text(column: Column) -> str:
    return duck.identifier(f"_{column.name}__text")
