"""What sources.yaml may say of a source that is files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipelines.sources.contracts.options.frozen import Frozen
from pipelines.sources.contracts.options.registered import describe_one_of, require_one_of
from pipelines.sources.files.formats import FORMATS

FORMAT_NAMES = [entry.name for entry in FORMATS]
FormatName = Annotated[str, require_one_of(FORMAT_NAMES), describe_one_of(FORMAT_NAMES)]


class FileLimits(Frozen):
    """How much a file may ask of this machine before it is refused. The defaults fit a province's exports."""

    files: int = Field(
        default=1000, gt=0, description="Files that may make one batch; more means that `path` is too wide."
    )
    file_mb: int = Field(
        default=4096,
        gt=0,
        description="Size in MiB of one file as it lies there, told before a byte of it is read.",
    )
    inbox_mb: int = Field(
        default=16_384,
        gt=0,
        description="Size in MiB of what is taken from the inbox at once; the rest waits for the next look.",
    )
    members: int = Field(
        default=5000, gt=0, description="Entries a .zip or .xlsx may hold (an .xlsx is a ZIP archive)."
    )
    unpacked_mb: int = Field(
        default=16_384, gt=0, description="Size in MiB that one compressed file may unpack to."
    )
    ratio: int = Field(
        default=250,
        gt=0,
        description="How many times its own size a compressed file may unpack to, once it passes 64 MiB.",
    )
    document_mb: int = Field(
        default=256,
        gt=0,
        description="Size in MiB of one JSON document, which is read whole; larger exports come as NDJSON.",
    )
    line_mb: int = Field(
        default=2, gt=0, le=64, description="Size in MiB of one CSV record or NDJSON line: of one huge cell."
    )
    workbook_unpacked_mb: int = Field(
        default=512, gt=0, description="Size in MiB that a workbook may unpack to."
    )
    workbook_memory_mb: int = Field(
        default=2048, ge=256, description="Memory in MiB of the process that reads a workbook."
    )
    workbook_seconds: int = Field(
        default=120, gt=0, description="Seconds, of processor and of clock, that reading a workbook may take."
    )


class FileOptions(Frozen):
    """Where the files lie and how they are written."""

    path: str | None = Field(
        default=None,
        description=(
            "The file of a day, e.g. `in/{partition}.csv`; `{partition}` is the day (2025-08-06). A relative path "
            "begins at the folder of sources.yaml (`{here}`); `{data}` is the data directory. "
            "With `*`, `?` or `[…]` several files make one batch. A folder holds a capture's JSON pages "
            "(page_*.json)."
        ),
    )
    format: FormatName | None = Field(
        default=None,
        description=(
            "How the files are written. Compressed ones (.gz .bz2 .xz .zst .zip) are recognised by their "
            "first bytes; `xlsx` and `xls` both mean a workbook."
        ),
    )
    delimiter: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="CSV: the sign between cells; a comma unless said (`tsv`: a tab).",
    )
    encoding: str | None = Field(
        default=None,
        description=(
            "CSV, JSON: utf-8 unless said (with or without BOM); e.g. utf-16, utf-16-le, cp1258, "
            "windows-1252. Never guessed: a wrong one is refused, and the right one suggested."
        ),
    )
    sheets: dict[str, dict[str, str]] | None = Field(
        default=None,
        description=(
            "Workbook: the sheets to read (`*` and `?` stand for any text), and the constant columns each "
            "gives its rows. Unless said, the first visible sheet."
        ),
    )
    header_marker: str = Field(
        default="STT",
        description="Workbook: the label that marks the header row within the first 40 rows.",
    )
    hidden_rows: Literal["read", "leave_out", "refuse"] = Field(
        default="read",
        description="Workbook: what becomes of rows that a filter or a hand hid. Unless said they are read like any "
        "other; the batch notes how many there are.",
    )
    members: str = Field(default="*", description="ZIP: a pattern for the members that are read.")
    several_files: Literal["together", "newest"] | None = Field(
        default=None,
        description=(
            "What several files of one day mean: parts of one export, or each a whole export of which the "
            "last changed counts. Unless said, newest for a `whole_table` from an inbox, else together. "
            "A file of the same name always replaces the earlier one."
        ),
    )
    inbox: str | None = Field(
        default=None,
        description=(
            "A folder where files are dropped, with a pattern for their names if it serves several "
            "sources: `/srv/inbox/tracker*.xlsx`. A file counts once, by its content (and by its day, "
            "where the name tells it), and is archived after it was landed. It is the source's own "
            "side: keep it outside the data directory."
        ),
    )
    archive: str | None = Field(
        default=None,
        description=(
            "Where landed files of the inbox go (`<archive>/<source>/<day>/<sha256>-<name>`); `archive` "
            "beside the inbox unless said. The originals may hold personal data: give the folder the "
            "protection of the source itself."
        ),
    )
    date_in_name: str | None = Field(
        default=None,
        description=(
            "How a dropped file's name tells its day, e.g. `%Y-%m-%d` or `%d%m%Y`; a name without one, "
            "like every name unless said, belongs to the day on which the file was last changed."
        ),
    )
    quiet_seconds: int = Field(
        default=30,
        ge=0,
        description="A dropped file changed more recently than this is still being written, and left alone.",
    )
    limits: FileLimits = Field(default_factory=FileLimits, description="Protection against hostile files.")

    def files_need(self, _partitioning: str) -> tuple[str, ...]:
        """Keys without which a file source cannot be read."""
        return ("format",) if self.inbox else ("path", "format")
