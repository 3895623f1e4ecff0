"""What sources.yaml may say of a source that is files."""

from __future__ import annotations

from typing import Literal

from pipelines.sources.options.frozen import Frozen


class FileOptions(Frozen):
    """Where the files lie and how they are written."""

    path: str | None = None
    format: Literal["csv", "xlsx", "json"] | None = None
    delimiter: str | None = None
    encoding: str | None = None
    sheets: dict[str, dict[str, str]] | None = None
    header_marker: str = "STT"

    def files_need(self) -> tuple[str, ...]:
        """Keys without which a file source cannot be read."""
        return ("path", "format")
