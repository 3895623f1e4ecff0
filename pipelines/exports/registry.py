"""Every export there is. A new one is its own module, a line here, and a dbt exposure."""

from __future__ import annotations

from pipelines.exports import index_766, marts_duckdb, report_ii06a
from pipelines.exports.brief import export as brief
from pipelines.exports.export import Export
from pipelines.exports.open_data import export as open_data
from pipelines.exports.postgres import export as postgres
from pipelines.settings import Settings

EXPORTS: tuple[Export, ...] = (
    marts_duckdb.EXPORT,
    postgres.EXPORT,
    open_data.EXPORT,
    brief.EXPORT,
    report_ii06a.EXPORT,
    index_766.EXPORT,
)


class UnknownExport(ValueError):
    """THONGSUOT_EXPORTS names an export that does not exist."""


def enabled_exports(settings: Settings) -> list[Export]:
    """Those that are on, in the registry's order; UnknownExport where a name that was chosen is none."""
    names = {export.name for export in EXPORTS}
    if unknown := (settings.exports_on or frozenset()) - names:
        raise UnknownExport(
            f"THONGSUOT_EXPORTS names {', '.join(sorted(unknown))}; there are {', '.join(sorted(names))}."
        )
    return [export for export in EXPORTS if export.is_on(settings)]
