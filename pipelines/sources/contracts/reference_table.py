"""A reference file of the place: units, procedures, days off; read by the readers of sources."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from pipelines.sources.contracts.options.files import FileOptions
from pipelines.sources.contracts.source import REFERENCE_PREFIX, Source
from pipelines.sources.contracts.table_contract import TableContract

ISO = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")


class ReferenceTable(FileOptions, TableContract):
    """A reference file of the place. Columns without a mapping are read under their canonical names."""

    path: str = Field(
        description="The file, from the folder of sources.yaml; {project} and {data} are filled in."
    )
    title_vi: str = ""
    description: str = ""

    def as_source(self) -> Source:
        """The same file as a source, so that one set of readers serves both."""
        keys = self.model_dump(exclude={"title_vi", "description"}, exclude_none=True)
        suffix = Path(self.path).suffix.removeprefix(".") or "csv"
        return Source.model_validate(
            {
                "format": suffix,
                **keys,
                "name": f"{REFERENCE_PREFIX}{self.name}",
                "title_vi": "",
                "connector": "files",
                "grain": "",
                "key": (),
                "partitioning": "whole_table",
                "datetime_formats": self.datetime_formats or ISO,
                "date_formats": self.date_formats,
                "max_rejected_share": 0,
                "suite": "",
            }
        )
