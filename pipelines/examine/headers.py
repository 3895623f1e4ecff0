"""Headers against the contract: what is missing, what is left over, and what probably belongs together."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.examine.advice import Examination, Level
from pipelines.sources.contracts.canon import guess_class
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.contracts.names import fold_name
from pipelines.sources.mapping import HeaderMatch, list_names
from pipelines.sources.values.characters import describe_characters, find_closest_header
from pipelines.sources.values.misread_letters import describe_fonts

# Required columns may be guessed at more boldly: someone has to say where they come from.
LIKELY, POSSIBLE = 0.8, 0.6


def examine_headers(seen: Examination, source: Source, match: HeaderMatch, lost: Mapping[str, str]) -> None:
    """Adds to `seen` what is mapped, dropped and advised; `match`: how the sample's headers meet the contract.

    `lost`: optional column that is gone → the newest landed day that had it.
    """
    if fonts := describe_fonts(match.headers):
        seen.add_advice("error", source.name, fonts)
    if match.may_be_record(source):
        match = _hide_record(seen, source, match)
    seen.mapped |= match.columns
    classes = {fold_name(raw): kind for raw, kind in source.personal.items()}
    seen.dropped |= {header: classes[fold_name(header)] for header in match.personal}
    columns = {c.name: c for c in source.columns}
    free = list(match.unknown)
    for name, clash in match.clashes.items():
        seen.add_advice(
            "error", name, f"the headers {_list_headers(clash)} read alike; write one exactly as `raw`"
        )
    for name in match.missing:
        _advise_missing(seen, columns[name], free, what="required")
    for name in match.unmatched:
        end = f"; where the source may come without it: `columns.{name}: {{optional: true}}`"
        if match.is_part:
            end += ", or `omits_empty: true` where records leave out what has no value"
        _advise_missing(seen, columns[name], free, what="named in sources.yaml", end=end)
    for name in match.absent:
        end = f"; the delivery of {lost[name]} had it" if name in lost else ""
        _advise_missing(seen, columns[name], free, what="optional", end=end)
    for column in source.columns:
        if not column.mapped:
            near = _find_nearest(column, free, LIKELY)
            if near:
                free.remove(near)
                seen.suggest("columns", column.name, to=near)
                seen.add_advice("info", column.name, f"is not mapped, and the header {near!r} looks like it")
    for name, header in match.columns.items():
        raw = columns[name].raw
        if raw and fold_name(raw) != fold_name(header):
            seen.add_advice(
                "warning", name, f"the header {raw!r} is not there; {header!r} is read instead, an alias"
            )
        if not columns[name].meanings and (kind := guess_class(header)):
            seen.add_advice(
                "warning", name, f"is read from {header!r}, which looks personal by its name ({kind})"
            )
    for header in free:
        if kind := guess_class(header):
            seen.suggest("personal", header, to=kind)
            seen.add_advice(
                "warning", header, f"looks personal by its name ({kind}); declare it under `personal`"
            )
        else:
            seen.add_advice("info", header, "is not in the contract: dropped")
    for column in source.columns:
        is_suggested = column.name in seen.changes.get("columns", {})
        if column.words and column.default is not None and not column.mapped and not is_suggested:
            seen.add_advice(
                "warning", column.name, f"is not mapped: every row will count as {column.default}"
            )


def _hide_record(seen: Examination, source: Source, match: HeaderMatch) -> HeaderMatch:
    """A first line without one header of the contract may be a record: only cells like a header are named."""
    seen.add_advice(
        "error",
        source.name,
        f"none of the {len(match.headers)} cells of the first line is a header of the contract: is the line of "
        "headers there? It is not listed here, since it may be a record",
    )
    alike = [
        h for h in match.unknown if any(_find_nearest(column, [h], POSSIBLE) for column in source.columns)
    ]
    return match._replace(unknown=tuple(alike))


def _advise_missing(seen: Examination, column: Column, free: list[str], *, what: str, end: str = "") -> None:
    """`what`: required, optional …; `end`: what else there is to say, of an optional column only a fault."""
    text = f"{what}; the header {column.raw or column.name!r} is not there"
    near = _find_nearest(column, free, LIKELY if what == "optional" else POSSIBLE)
    if near:
        free.remove(near)
        seen.suggest("columns", column.name, to=near)
        signs = describe_characters(near)
        text += f"; did you mean {near!r}{f' (it has {signs})' if signs else ''}?"
    elif what != "optional":
        text += f". Headers to choose from: {_list_headers(free)}"
    level: Level = "warning" if what == "optional" and not end else "error"
    seen.add_advice(level, column.name, text + end)


def _find_nearest(column: Column, free: list[str], cutoff: float) -> str | None:
    """By alias first, exactly; then by likeness to any name the column goes by."""
    names = [n for n in (column.raw, column.name, column.title_vi, *column.aliases, *column.suggested) if n]
    for name in names:
        for header in free:
            if fold_name(header) == fold_name(name):
                return header
    near_headers = [near for name in names if (near := find_closest_header(name, free, cutoff))]
    return near_headers[0] if near_headers else None


def _list_headers(headers: list[str] | tuple[str, ...]) -> str:
    return list_names(headers, quote=True) or "none"
